"""What differs in the sample, by cause, and what people say of it. Nothing unexplained may be left at the sign-off.

An explanation is a note by name, on a cause or on one record of it, and belongs to one sample: the next one is read anew.
"""

from dataclasses import dataclass
from typing import Any, Final

from activities.differences import kept as kept_differences
from activities.errors import StepError
from ledger import migrations, transitions
from ledger import notes as kept
from ledger.migrations import Migration
from ledger.notes import Note
from ledger.storage import Storage
from services import notes
from services.decisions import anchor

#: Records of a cause, still to be explained, that are listed by their ids.
IDS: Final = 100


@dataclass(frozen=True, slots=True)
class Cause:
    """Differences that have something in common: the source ids of their records, and what was said of them."""

    name: str  #: kind, object and what differs, as ``differs/patient/first_name``
    ids: list[str]
    left: list[str]  #: of these records nobody has said why
    notes: list[Note]


async def causes(store: Storage, id: str) -> tuple[str, list[Cause]]:
    """The latest sample's run and its causes; "" and none before the first sample."""
    listed = await kept_differences(store, id)
    said = await kept.read(store, id, "difference")
    found = []
    for name, ids in listed["causes"].items():
        about = f"{listed['sample']}/{name}"
        whole, single = said.get(about, []), {one: said.get(f"{about}/{one}", []) for one in dict.fromkeys(ids)}
        left = [] if whole else [one for one in ids if not single[one]]
        found.append(Cause(name, ids, left, [*whole, *(note for some in single.values() for note in some)]))
    return str(listed["sample"]), found


async def shown(store: Storage, id: str) -> dict[str, Any]:
    """The differences as programs and people read them."""
    migration = await migrations.load(store, id)
    sample, found = await causes(store, migration.id)
    return {
        "sample": sample,
        "left": migration.unexplained,
        "causes": [
            {
                "cause": one.name,
                "count": len(one.ids),
                "left": len(one.left),
                "ids": one.left[:IDS],
                "notes": [
                    {
                        "about": said.about.removeprefix(f"{sample}/"),
                        "reason": said.reason,
                        "by": said.by,
                        "at": said.at,
                    }
                    for said in one.notes
                ],
            }
            for one in found
        ],
    }


async def explain(store: Storage, id: str, by: str, about: str, reason: str) -> Migration:
    """A person says why something differs. ``about``: a cause, or a cause, / and the source id of one of its records.

    Raises StepError for what is none and without a reason, GateClosed when a newer sample was made meanwhile.
    """
    sample, found = await causes(store, id)
    if not any(about == one.name or about in {f"{one.name}/{record}" for record in one.ids} for one in found):
        raise StepError("not_found", "The sample has no such difference.", "List the differences and name one of them.")
    await notes.add(store, id, "difference", f"{sample}/{about}", "explained", reason, by)
    left = sum(len(one.left) for one in (await causes(store, id))[1])
    migration = await migrations.change(store, id, lambda one: transitions.explained(one, sample, left))
    await anchor(store, migration, "explain", by, counts={"sample": sample, "about": about, "left": left})
    return migration
