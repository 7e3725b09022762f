"""Party columns of an activity as texts: ``contact:<id>,systemuser:<id>``, in order, each once."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

#: Party columns and their participation type (Microsoft, activityparty).
MASKS: Final = {"requiredattendees": 5, "optionalattendees": 6, "organizer": 7}

_SETS: Final = {"contact": "contacts", "account": "accounts", "systemuser": "systemusers"}


def text_of(parties: Iterable[tuple[str, str]]) -> str | None:
    """Parties (logical table, id) as a column's text; None for nobody."""
    return ",".join(sorted({f"{table}:{id.lower()}" for table, id in parties})) or None


def parties_of(text: str | None) -> list[tuple[str, str]]:
    """The parties (logical table, id) that a column's text names."""
    return [(table, id) for one in (text or "").split(",") if one for table, _, id in (one.partition(":"),)]


def body_of(parties: Mapping[int, Iterable[tuple[str, str]]]) -> list[dict[str, Any]]:
    """Parties by their mask, as the Web API takes them in ``<table>_activity_parties``."""
    return [
        {f"partyid_{table}@odata.bind": f"/{_SETS.get(table, f'{table}s')}({id})", "participationtypemask": mask}
        for mask, some in sorted(parties.items())
        for table, id in some
    ]
