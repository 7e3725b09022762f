"""State and status: which pairs go together, what is closed, and what closing does to a row."""

from typing import Any, Final

from local.dataverse import errors
from local.dataverse.plans import Plan
from local.dataverse.session import Session

_OPEN: Final = 0
_STATE_NAMES: Final = frozenset({"statecode", "statuscode"})
#: Activity states in which the row can still be edited: open, and scheduled (appointments only).
_EDITABLE: Final = frozenset({0, 3})


def take_closed(plan: Plan, body: dict[str, Any], row: dict[str, Any]) -> None:
    """Where the environment allows it, a row may be created in another state than its first."""
    state = body.get("statecode")
    if plan.states and state in plan.states:
        row["statecode"] = state
        if body.get("statuscode") is None:
            row["statuscode"] = plan.states[state].default_status


def check_create(plan: Plan, row: dict[str, Any], identity: str) -> None:
    """A row starts in its first state; a status of another state is refused."""
    if plan.states and plan.statuses.get(row["statuscode"], row["statecode"]) != row["statecode"]:
        state = plan.states[row["statecode"]].label
        raise errors.bad_status(row["statuscode"], state, plan.table.schema, identity)


def check_update(session: Session, plan: Plan, identity: str, current: int, changes: dict[str, Any]) -> None:
    """Completes the pair of state and status in ``changes``, or refuses it.

    Closed activities take no other change than to be opened again; an opportunity is closed by WinOpportunity and
    LoseOpportunity only.
    """
    table = plan.table
    if table.activity and current not in _EDITABLE and not _STATE_NAMES.issuperset(changes):
        raise errors.read_only(table.name, identity)
    if "statecode" not in changes and "statuscode" not in changes:
        return
    state = changes.get("statecode", current)
    if state is None or state not in plan.states:
        raise errors.required_missing("statecode", table.name)
    given = changes.get("statuscode")
    status = int((plan.states[state].default_status or 0) if given is None else given)
    if plan.statuses.get(status) != state:
        raise errors.bad_status(status, plan.states[state].label, table.schema, identity)
    if table.name == "opportunity" and state != current:
        _check_opportunity(session, identity, state)
    changes["statecode"], changes["statuscode"] = state, status
    if table.activity and state != current and state not in _EDITABLE:
        changes.setdefault("actualend", session.now)


def _check_opportunity(session: Session, identity: str, state: int) -> None:
    if state != _OPEN:
        message = "WinOpportunity" if state == 1 else "LoseOpportunity"
        word = "Won" if state == 1 else "Lost"
        raise errors.ApiError(
            400,
            "0x80040203",
            f"This message can not be used to set the state of opportunity to {word}. In order to set state of "
            f"opportunity to {word}, use the {message} message instead.",
        )
    closes = session.catalog.tables["opportunityclose"]
    for close in session.store.pointing_at(closes, closes.columns["opportunityid"], "opportunity", identity):
        version = session.store.next_version()
        session.store.update(closes, close, {"statecode": 2, "statuscode": 3, "versionnumber": version})
