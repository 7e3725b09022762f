"""The sample: made, read field by field like a pull request, and signed."""

from collections import Counter
from typing import Any, Final

import azure.functions as func

from console import masks
from console.shell import shell
from console.visit import Visit
from services import decisions
from services.access import StepError
from services.history import fields_of
from services.overview import current_map
from services.papers import report_data

#: Verdict -> class of its colour; those that need an eye first.
VERDICTS: Final = (
    ("differs", "c4"), ("refused", "c3"), ("changed by transform", "c2"), ("left to the target", "c5"),
    ("not migrated", "c5"), ("same", "c1"),
)  # fmt: skip
#: Verdicts that are folded away: nothing to see.
FOLDED: Final = ("same", "left to the target", "not migrated")
#: And these, when somebody looks for what is wrong.
FINE: Final = (*FOLDED, "changed by transform")
RECORDS: Final = 20  #: on a page


async def sample_page(visit: Visit) -> func.HttpResponse:
    """The latest sample's diff, or how to make one."""
    context = await shell(visit, "sample")
    report = await report_data(visit.store, visit.args["id"], "diff")
    if report is None:
        return visit.page("sample.html", **context, report=None)
    rows: list[dict[str, Any]] = report["tables"]["Fields"]
    verdicts = Counter(row["Verdict"] for row in rows)
    wanted = visit.query("verdict", "eye" if verdicts["differs"] or verdicts["refused"] else "")
    name = visit.query("object")
    chosen = [
        row
        for row in rows
        if (not name or row["Object"] == name)
        and (row["Verdict"] in ("differs", "refused") if wanted == "eye" else not wanted or row["Verdict"] == wanted)
    ]
    keys = list(dict.fromkeys((row["Object"], row["Source id"]) for row in chosen))
    page = int(visit.query("page", "1")) if visit.query("page", "1").isdecimal() else 1
    pages = max(1, -(-len(keys) // RECORDS))
    page = min(max(1, page), pages)
    here = set(keys[(page - 1) * RECORDS : page * RECORDS])
    return visit.page(
        "sample.html",
        **context,
        report=report,
        verdicts=[(verdict, tone, verdicts[verdict]) for verdict, tone in VERDICTS],
        charted=[(tone, verdicts[verdict]) for verdict, tone in reversed(VERDICTS)],
        objects=sorted({row["Object"] for row in rows}),
        wanted=wanted,
        name=name,
        found=len(keys),
        page=page,
        pages=pages,
        records=_records(rows, here, FINE if wanted == "eye" else FOLDED, shown=masks.revealed(visit)),
        places=await _places(visit),
        revealed=masks.revealed(visit),
        purposes=masks.PURPOSES,
    )


def _records(
    rows: list[dict[str, Any]], wanted: set[tuple[str, str]], folded: tuple[str, ...], *, shown: bool
) -> dict[tuple[str, str], dict[str, list[dict[str, Any]]]]:
    """The records of a page: for each the rows to see, and those folded away."""
    found: dict[tuple[str, str], dict[str, list[dict[str, Any]]]] = {}
    for row in rows:
        key = (row["Object"], row["Source id"])
        if key not in wanted:
            continue
        if not shown:
            row = row | {side: masks.mask(row[side]) for side in ("In the source", "In the target")}
        kind = "folded" if row["Verdict"] in folded else "open"
        found.setdefault(key, {"open": [], "folded": []})[kind].append(row)
    return found


async def _places(visit: Visit) -> dict[tuple[str, str], str]:
    """Where a field stands in the map, by object and source field."""
    clinic_map = await current_map(visit.store, await visit.migration())
    return {(name, field.source): key for key, name, _, field in fields_of(clinic_map)}


async def sign(visit: Visit) -> func.HttpResponse:
    """A person signs the sample whose hash and run they were shown."""
    if visit.form("typed") != visit.person.name:
        raise StepError("not_signed", "A signature is your own name.", f"Type {visit.person.name}.")
    await decisions.sign_off(visit.store, visit.args["id"], visit.person.name, visit.form("hash"), visit.form("sample"))
    return visit.go(visit.home)


async def reveal(visit: Visit) -> func.HttpResponse:
    """Show patients' values on this migration's pages for half an hour; who and what for goes into the manifest."""
    if not visit.person.may_see_values:
        raise StepError("not_allowed", "Values are shown to operators and approvers.", "Ask somebody who is one.")
    purpose = visit.form("purpose")
    if purpose not in masks.PURPOSES:
        raise StepError("no_reason", "Say what for.", "Choose a purpose.")
    await decisions.anchor(visit.store, await visit.migration(), "reveal", visit.person.name, purpose)
    back = visit.form("back")
    answer = visit.go(back if back.startswith(f"{visit.home}/") else visit.home)
    answer.headers.add("Set-Cookie", masks.cookie(visit))
    return answer


ROUTES: Final = (
    ("GET", "m/{id}/sample", "read", sample_page),
    ("POST", "m/{id}/sign", "approve", sign),
    ("POST", "m/{id}/reveal", "work", reveal),
)
