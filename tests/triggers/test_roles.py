"""Who may do what over the API: the same roles as in the console, where the platform signs people in."""

from collections.abc import Callable
from typing import Any, Final

import pytest

from ledger import manifest
from ledger.storage import Storage
from services import identity
from settings import Settings
from tests.support.people import principal
from tests.support.systems import new_system
from tests.triggers.asking import HANDLERS, ask
from triggers import api

#: What only some roles may do. Every other endpoint is read with any role.
NEEDS: Final = {
    "create_migration": {"operator"},
    "put_block": {"operator"},
    "end_upload": {"operator"},
    "put_bundle": {"operator"},
    "list_files": {"operator"},
    "delete_file": {"operator"},
    "put_profile": {"operator"},
    "pick_objects": {"operator"},
    "put_map": {"operator"},
    "edit_fields": {"operator", "approver"},
    "set_options": {"operator"},
    "decide_phi": {"operator", "approver"},
    "set_fallback": {"operator"},
    "get_settings": {"operator"},
    "confirm_map": {"approver"},
    "explain": {"operator", "approver"},
    "comment": {"operator", "approver"},
    "sign_off": {"approver"},
    "revoke": {"approver"},
    "shut_delta": {"operator", "approver"},
    "accept": {"approver"},
    "close_migration": {"approver"},
    "get_solution": {"operator"},
    "get_claims_file": {"operator", "approver"},
    "get_audit": {"operator", "approver"},
    "get_manifest": {"operator", "approver"},
    "stop_run": {"operator", "approver"},
    "start_step": {"operator", "approver"},  # the step says which
}
#: These say nothing about any migration.
OPEN: Final = {"health", "openapi"}
#: What a request is refused with before anything else is looked at.
SHUT: Final = {"not_signed_in", "no_role", "not_allowed"}


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Settings for one test, in every module that asks for them."""

    def use(**values: Any) -> None:
        made = Settings(**values)
        for module in (api, identity):
            monkeypatch.setattr(module, "settings", lambda: made)

    return use


@pytest.fixture
async def migration(store: Storage) -> str:
    """A migration that was just created."""
    return str((await ask("create_migration", {"system": new_system()}))[1]["id"])


async def code_of(handler: str, migration: str, headers: dict[str, str], /, **parts: str) -> tuple[int, str]:
    """The status of a request, and the code it was refused with."""
    told: dict[str, Any] = {"id": migration, "step": "scope", "run": "scope-0001", "name": "scope.html"}
    told |= {"version": "1"} | parts
    status, content = await ask(handler, headers=headers, **told)
    error = content.get("error") if isinstance(content, dict) else None
    return status, error["code"] if error else ""


@pytest.mark.parametrize("roles", [None, (), *((role,) for role in identity.ROLES)])
@pytest.mark.parametrize("name", sorted(HANDLERS))
async def test_every_endpoint_asks_for_its_role(
    store: Storage, migration: str, configure: Any, name: str, roles: tuple[str, ...] | None
) -> None:
    """Without the role it is refused before anything else is looked at; with it, something else may be wrong."""
    configure(CARRYOVER_APP_SERVICE_AUTH="true")
    status, code = await code_of(name, migration, {} if roles is None else principal(*roles))
    if name in OPEN:
        assert status == 200
    elif roles is None:
        assert (status, code) == (401, "not_signed_in")
    elif not roles:
        assert (status, code) == (403, "no_role")
    elif not NEEDS.get(name, set(identity.ROLES)) & set(roles):
        assert (status, code) == (403, "not_allowed")
    elif name != "start_step":
        assert code not in SHUT


@pytest.mark.parametrize(
    ("step", "role"),
    [(step, "approver" if step == "rollback" else "operator") for step in ("scope", "run", "delta", "rollback")],
)
async def test_a_step_asks_for_its_own_role(
    store: Storage, migration: str, configure: Any, step: str, role: str
) -> None:
    configure(CARRYOVER_APP_SERVICE_AUTH="true")
    for one in ("operator", "approver"):
        status, code = await code_of("start_step", migration, principal(one), step=step)
        assert ((status, code) == (403, "not_allowed")) is (one != role)


@pytest.mark.parametrize("report", ["diff.csv", "manual-upload.json"])
async def test_values_in_reports_are_not_for_viewers(
    store: Storage, migration: str, configure: Any, report: str
) -> None:
    """Everybody may have them masked; none was made yet."""
    configure(CARRYOVER_APP_SERVICE_AUTH="true")
    assert await code_of("get_report", migration, principal("viewer"), name=report) == (404, "not_found")
    for role, status in (("viewer", 403), ("operator", 404), ("approver", 404)):
        told = {"id": migration, "name": report}
        assert (await ask("get_report", headers=principal(role), params={"reveal": "sample"}, **told))[0] == status


@pytest.mark.parametrize("name", sorted(HANDLERS))
async def test_without_the_platforms_sign_in_the_key_is_what_authorizes(
    store: Storage, migration: str, configure: Any, name: str
) -> None:
    """Its headers are not believed then, neither for a role nor for a name."""
    configure()
    assert (await code_of(name, migration, principal()))[1] not in SHUT


async def test_the_signed_in_name_is_the_one_that_is_kept(store: Storage, migration: str, configure: Any) -> None:
    """Whatever name the request gives."""
    asked = {"by": "mallory", "typed": migration}
    configure(CARRYOVER_APP_SERVICE_AUTH="true")
    status, closed = await ask("close_migration", asked, headers=principal("approver"), id=migration)
    assert (status, closed["closed_by"]) == (200, "ann@clinic.example")
    assert (await manifest.read(store, migration))[-1].by == "ann@clinic.example"


async def test_an_approver_decides_on_fields_but_does_not_shape_the_map(
    store: Storage, migration: str, configure: Any
) -> None:
    configure(CARRYOVER_APP_SERVICE_AUTH="true")
    for action, refused in (("confirm", False), ("review", False), ("change", True), ("ignore", True)):
        edits = [{"field": "patient.0.0", "source": "x", "action": action}]
        asked = await ask("edit_fields", {"by": "Ann", "edits": edits}, headers=principal("approver"), id=migration)
        assert (asked[1]["error"]["code"] == "not_allowed") is refused, action
