"""The sample: made, read and commented field by field like a pull request, what differs explained, and signed."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Final
from urllib.parse import urlencode

import azure.functions as func

from console import csrf, masks
from console.shell import shell
from console.visit import Visit
from reports.diff import CLASSES, PROOFS
from services import comments, decisions, differences, sample, two_people
from services.access import StepError
from services.history import fields_of
from services.overview import current_map
from services.reveal import PURPOSES
from services.sample import Wanted

#: Verdict -> class of its colour; those that need an eye first.
VERDICTS: Final = (
    ("differs", "c4"), ("refused", "c3"), ("changed by transform", "c2"), ("left to the target", "c6"),
    ("not migrated", "c5"), ("same", "c1"),
)  # fmt: skip
#: Verdicts that are folded away: nothing to see.
FOLDED: Final = ("same", "left to the target", "not migrated")
#: And these, when somebody looks for what is wrong.
FINE: Final = (*FOLDED, "changed by transform")


async def sample_page(visit: Visit) -> func.HttpResponse:
    """The latest sample's diff, or how to make one."""
    context = await shell(visit, "sample")
    id = visit.args["id"]
    report = await sample.head(visit.store, id)
    if report is None:
        return visit.page("sample.html", **context, report=None)
    explained = await differences.shown(visit.store, id)
    eye = any(report["facts"][name] != "0" for name in ("Differ", "Refused"))
    asked = {name: visit.query(name) for name in asdict(Wanted())}
    wanted = Wanted(**asked | {"verdict": visit.query("verdict", "eye" if eye and not any(asked.values()) else "")})
    number = visit.query("page", "1")
    stands_for = _stands_for(visit)
    shown = await sample.page(visit.store, id, wanted, int(number) if number.isdecimal() else 1, stands_for)
    return visit.page(
        "sample.html",
        **context,
        report=report,
        differences=explained,
        comments=(await comments.shown(visit.store, id))["comments"],
        verdicts=[(verdict, tone, shown.verdicts[verdict]) for verdict, tone in VERDICTS],
        charted=[(tone, shown.verdicts[verdict]) for verdict, tone in reversed(VERDICTS)],
        classes=[(name, shown.classes[name]) for name in CLASSES],
        meanings=CLASSES,
        shown=shown,
        wanted=wanted,
        asked=urlencode({name: value for name, value in asdict(wanted).items() if value or name == "verdict"}),
        patients=[(stands_for(one), one) for one in shown.choices["patient"]],
        proofs={words: key for key, words in PROOFS.items()},
        records=_records(visit, shown, wanted),
        places=await _places(visit),
        lacking=[one | {"Value": masks.shown(visit, one["Value"])} for one in report["tables"]["Not in the sample"]],
        barred=await two_people.barred(visit.store, id, visit.person.name),
        revealed=masks.revealed(visit),
        purposes=PURPOSES,
    )


def _stands_for(visit: Visit) -> Callable[[str], str]:
    """What stands for a patient in an address, where an id has no place: it is written to many logs."""
    return lambda patient: csrf.sign(visit.key, "patient", visit.args["id"], patient)[:16]


def _records(visit: Visit, page: sample.Page, wanted: Wanted) -> dict[tuple[str, str], dict[str, list[dict[str, Any]]]]:
    """The records of a page: for each the fields to see, and those folded away. What was asked for is never folded."""
    folded = FINE if wanted.verdict == "eye" else FOLDED
    narrow = any(
        (wanted.kind, wanted.field, wanted.transform, wanted.proof, wanted.commented, wanted.verdict not in ("", "eye"))
    )
    found: dict[tuple[str, str], dict[str, list[dict[str, Any]]]] = {}
    for key, rows in page.records.items():
        sides = found[key] = {"open": [], "folded": []}
        for row in rows:
            plain = row["verdict"] in folded and row["class"] not in ("wrong", "lossy") and not row["comments"]
            fold = not row["fits"] if narrow else plain
            masked = {side: masks.shown(visit, row[side]) for side in ("source", "value")}
            sides["folded" if fold else "open"].append(row | masked)
    return found


async def _places(visit: Visit) -> dict[tuple[str, str], str]:
    """Where a field stands in the map, by object and source field."""
    clinic_map = await current_map(visit.store, await visit.migration())
    return {(name, field.source): key for key, name, _, field in fields_of(clinic_map)}


async def explain(visit: Visit) -> func.HttpResponse:
    """A person says why something in the sample differs."""
    about, reason = visit.form("about"), visit.form("reason")
    await differences.explain(visit.store, visit.args["id"], visit.person.name, about, reason)
    return visit.go(f"{visit.home}/sample#differences")


async def comment(visit: Visit) -> func.HttpResponse:
    """A person comments on a field of one record, or of all of an object's."""
    name, field, text = visit.form("object"), visit.form("field"), visit.form("text")
    record = "" if visit.form("of") == "all" else visit.form("record")
    await comments.add(visit.store, visit.args["id"], visit.person.name, name, field, record, text)
    return visit.go(visit.back())


async def sign(visit: Visit) -> func.HttpResponse:
    """A person signs the sample whose hash and run they were shown."""
    if visit.form("typed") != visit.person.name:
        raise StepError("not_signed", "A signature is your own name.", f"Type {visit.person.name}.")
    who, hash, run = visit.person, visit.form("hash"), visit.form("sample")
    await decisions.sign_off(visit.store, visit.args["id"], who.name, who.role, hash, run)
    return visit.go(visit.home)


async def revoke(visit: Visit) -> func.HttpResponse:
    """A person takes the signature back."""
    await decisions.revoke(visit.store, visit.args["id"], visit.person.name, visit.form("reason"))
    return visit.go(f"{visit.home}/sample")


async def reveal(visit: Visit) -> func.HttpResponse:
    """Show patients' values on this migration's pages for half an hour; who and what for goes into the manifest."""
    if not visit.person.may_see_values:
        raise StepError("not_allowed", "Values are shown to operators and approvers.", "Ask somebody who is one.")
    purpose = visit.form("purpose")
    if purpose not in PURPOSES:
        raise StepError("no_reason", "Say what for.", "Choose a purpose.")
    await decisions.anchor(visit.store, await visit.migration(), "reveal", visit.person.name, PURPOSES[purpose])
    answer = visit.go(visit.back())
    answer.headers.add("Set-Cookie", masks.cookie(visit, purpose))
    return answer


ROUTES: Final = (
    ("GET", "m/{id}/sample", "read", sample_page),
    ("POST", "m/{id}/explain", "work", explain),
    ("POST", "m/{id}/comment", "work", comment),
    ("POST", "m/{id}/sign", "approve", sign),
    ("POST", "m/{id}/revoke", "approve", revoke),
    ("POST", "m/{id}/reveal", "work", reveal),
)
