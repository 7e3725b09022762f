"""What other people do to rows while a client is at work: edits, deletes and additions under their own names."""

from typing import Any

from local.dataverse import cascade, rows
from local.dataverse.errors import ApiError
from local.dataverse.model import Table
from local.dataverse.plans import BIND
from local.dataverse.security import Caller
from local.dataverse.session import Session


def other_user(session: Session, name: str) -> Caller | None:
    """The user of that id or e-mail; None when there is none."""
    user = session.security.by_name.get(name.lower())
    return None if user is None else Caller(user.identity)


def as_user(session: Session, caller: Caller) -> Session:
    """A session of somebody else's, whom no fault strikes."""
    return Session(session.store, session.catalog, session.security, caller, behaviour=session.behaviour)


def act(session: Session) -> None:
    """Carries out what was decided while rows were read. What the service would refuse them is left undone."""
    for edit, table, identity in session.edits:
        caller = other_user(session, edit.user)
        if caller is None:
            continue
        theirs = as_user(session, caller)
        try:
            with session.store.transaction():
                if edit.values:
                    rows.update(theirs, table, identity, edit.values)
                if edit.child is not None:
                    _add(theirs, table, identity, *edit.child)
                if edit.delete:
                    cascade.delete(theirs, table, identity)
        except ApiError:
            continue


def _add(session: Session, parent: Table, identity: str, name: str, nav: str, values: dict[str, Any]) -> None:
    child = session.catalog.by_any_name(name)
    rows.create(session, child, {**values, nav + BIND: f"/{parent.set_name}({identity})"})
