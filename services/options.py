"""The choices of the map: listed, and answered by a named person."""

from collections.abc import Mapping
from typing import Any

from activities import jobs
from activities.errors import StepError
from ledger import migrations
from ledger.migrations import Migration
from ledger.states import now
from ledger.storage import Storage
from mapping.alternatives import ALTERNATIVES, alternative, answer_of, choose, take_back
from mapping.model import ClinicMap
from services.history import Change, append
from services.maps import store_map


async def options(store: Storage, id: str) -> list[dict[str, Any]]:
    """Each choice with its question, answers and what they mean, default and how the map answers it now (None: nothing to choose)."""
    return listed(await jobs.current_map(store, await migrations.load(store, id)))


def listed(current: ClinicMap) -> list[dict[str, Any]]:
    """The choices as that map answers them."""
    return [
        {
            "name": one.name,
            "question": one.question,
            "answers": list(one.answers),
            "means": dict(one.means),
            "default": one.answers[0],
            "current": answer_of(current, one.name),
        }
        for one in ALTERNATIVES
    ]


async def answer(store: Storage, id: str, by: str, wanted: Mapping[str, str]) -> Migration:
    """Answer choices; the changed map is its next version and needs a new confirmation.

    A choice that was answered before goes back to what an earlier version of the map had, and what people changed since
    in the fields it is about goes with it. Raises StepError: no such choice or answer, nothing to choose.
    """
    migration = await migrations.load(store, id)
    current = changed = await jobs.current_map(store, migration)
    lines: list[Change] = []
    for name, given in wanted.items():
        try:
            before = answer_of(changed, name)
            changed = await _answered(store, migration, changed, name, given)
        except ValueError as error:
            words = str(error)
            raise StepError(
                "bad_option", f"{words[:1].upper()}{words[1:]}.", "GET the options, or scope the source anew."
            ) from None
        if before != given:
            lines.append(
                Change(
                    at=now(), by=by, version=migration.map_version + 1, field=f"option.{name}", source=name,
                    action="change", before=before or "", after=given,
                )
            )  # fmt: skip
    if changed == current:
        return migration
    cause = ", ".join(f"option {one.source}={one.after}" for one in lines)
    stored = await store_map(store, id, changed, by=by, cause=cause, on=migration.map_version, was=current)
    await append(store, id, lines)
    return stored.migration


async def _answered(store: Storage, migration: Migration, given: ClinicMap, name: str, wanted: str) -> ClinicMap:
    default = alternative(name).answers[0]
    current = answer_of(given, name)
    try:
        return choose(given, name, wanted)
    except ValueError:
        if current in (None, default) or wanted not in alternative(name).answers:
            raise
    for version in range(migration.map_version - 1, 0, -1):
        earlier = await jobs.map_version(store, migration.id, version)
        if answer_of(earlier, name) == default:
            return choose(take_back(given, earlier, name), name, wanted)
    raise ValueError(f"no earlier version of the map has {default} for {name}")
