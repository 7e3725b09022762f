"""Each command alone: its document, its exit code, and what it asks of the app."""

from pathlib import Path

import pytest

from cli import place
from cli.main import app as commands
from tests.cli.conftest import Carryover
from tests.cli.fake_app import FakeApp


def test_every_step_by_hand(app: FakeApp, carryover: Carryover, export: Path) -> None:
    line = [
        ("create", "--system", "elm", "--plan", "sales_professional", "--time-zone", "America/New_York"),
        ("upload", str(export)),
        ("scope",),
        ("map", "show"),
        ("confirm", "--by", "Ada", "--controlled", "include"),
        ("prepare",),
        ("owners",),
        ("sample",),
        ("diff",),
        ("sign-off", "--by", "Bo", "--yes"),
        ("plan",),
        ("run", "--target", "Clinic Trial"),
        ("status",),
        ("verify",),
        ("delta",),
        ("retry", "--target", "Clinic Trial"),
        ("exceptions",),
        ("report",),
        ("audit",),
        ("audit", "verify"),
        ("audit", "export"),
        ("verify",),
        ("rollback", "--preview"),
        ("accept", "--yes"),
        ("rollback", "--yes"),
    ]
    for command in line:
        ended = carryover(*command, "--json")
        assert ended.code == 0, (command, ended.err)
        assert isinstance(ended.document, dict), command
    posted = dict(app.posted)
    assert posted["create"] == {"system": "elm", "plan": "sales_professional", "time_zone": "America/New_York"}
    assert posted["confirm"]["by"] == "Ada"
    assert posted["sign-off"]["by"] == "Bo"
    assert app.migrations["m-00000001"]["state"] == "confirmed"


def test_a_step_out_of_order_ends_with_3_and_the_reason(app: FakeApp, carryover: Carryover) -> None:
    carryover("create", "--system", "elm")
    ended = carryover("prepare", "--json")
    assert ended.code == 3
    assert ended.document["error"] == {
        "code": "out_of_order", "message": "Cannot prepare yet.", "next": "scope", "exit": 3,
    }  # fmt: skip
    assert "Cannot prepare yet." in ended.err


def test_confirm_has_no_default_policy(app: FakeApp, carryover: Carryover) -> None:
    carryover("create", "--system", "elm")
    carryover("scope")
    ended = carryover("confirm", "--json")
    assert ended.code == 2
    assert "suppress|redact|include" in ended.document["error"]["next"]
    assert carryover("confirm", "--yes", "--json").document["controlled"] == "suppress"


def test_scope_says_what_changed_since_the_source_before(app: FakeApp, carryover: Carryover, export: Path) -> None:
    carryover("create", "--system", "elm")
    carryover("upload", str(export))
    said = carryover("scope").out
    assert "What changed" not in said
    assert "no_public_api  An upload." in said and "request_limits" not in said
    assert "see what changed" in carryover("source", "set", str(export)).out
    app.drift = [("new choice values", "appointment.kind", "", "Yoga", "options are added to the column")]
    ended = carryover("scope")
    assert "Yoga" in ended.out and "options are added" in ended.out


def test_confirm_wants_a_reason_for_each_dataset_that_feeds_nothing(app: FakeApp, carryover: Carryover) -> None:
    app.unmarked = ["recalls", "orders"]
    carryover("create", "--system", "elm")
    carryover("scope")
    confirm = ("confirm", "--controlled", "include", "--json")
    ended = carryover(*confirm, "--out-of-scope", "recalls=Not wanted.")
    assert ended.code == 2 and "orders" in ended.document["error"]["message"]
    assert carryover(*confirm, "--out-of-scope", "recalls").code == 2
    said = carryover(*confirm, "--out-of-scope", "recalls=Not wanted.", "--yes").document["out_of_scope"]
    assert said["recalls"] == "Not wanted." and "stays in the export" in said["orders"]


def test_a_sample_with_something_unexplained_is_not_signed(app: FakeApp, carryover: Carryover) -> None:
    """Not with --yes either; explained by cause and name, it is."""
    carryover("create", "--system", "elm")
    app.migrations["m-00000001"] |= {"state": "sampled", "map_hash": "h", "sample_run": "sample-0001"}
    app.unexplained = {"differs/patient/first_name": ["p1", "p2"]}
    ended = carryover("sign-off", "--yes", "--json")
    assert ended.code == 3
    assert ended.document["error"]["code"] == "differences_unexplained"
    assert "2 differences" in ended.err
    [cause] = carryover("differences", "--json").document["causes"]
    assert carryover("explain", cause["cause"], "--json").code == 2  # no reason
    said = carryover("explain", cause["cause"], "--reason", "A flow trims names", "--by", "Ada", "--json")
    assert (said.code, said.document["left"]) == (0, 0)
    assert app.posted[-1] == (
        "explain", {"by": "Ada", "about": "differs/patient/first_name", "reason": "A flow trims names"},
    )  # fmt: skip
    assert carryover("sign-off", "--yes", "--json").code == 0


def test_a_field_of_the_sample_is_commented_on(app: FakeApp, carryover: Carryover) -> None:
    carryover("create", "--system", "elm")
    assert carryover("comments", "--json").document["comments"] == []
    assert carryover("comment", "patient.properties.T.x", "--json").code == 2  # no text
    for wrong in ("patient", ".first_name", "patient."):
        assert "names no field" in carryover("comment", wrong, "--text", "x", "--json").err
    done = carryover("comment", "patient.properties.T.x", "--record", "p1", "--text", "Who needs it?", "--by", "Ada")
    assert done.code == 0 and "Who needs it?" in done.out
    assert {key: value for key, value in app.comments[-1].items() if key != "at"} == {
        "by": "Ada", "object": "patient", "field": "properties.T.x", "source_id": "p1", "text": "Who needs it?",
    }  # fmt: skip
    assert carryover("comment", "claim.id", "--text", "x", "--json").document["error"]["code"] == "not_found"
    assert len(carryover("comments", "--json").document["comments"]) == 1


def test_a_signature_is_taken_back_with_a_reason(app: FakeApp, carryover: Carryover) -> None:
    carryover("create", "--system", "elm")
    app.migrations["m-00000001"] |= {"state": "signed_off", "map_hash": "h", "sample_run": "sample-0001"}
    assert carryover("sign-off", "--revoke", "--json").code == 2
    ended = carryover("sign-off", "--revoke", "--reason", "A second look", "--by", "Ada", "--json")
    assert ended.document["state"] == "sampled"
    assert app.posted[-1] == ("revoke", {"by": "Ada", "reason": "A second look"})
    assert carryover("sign-off", "--revoke", "--reason", "Again", "--json").code == 3


def test_run_wants_the_target_typed(app: FakeApp, carryover: Carryover) -> None:
    carryover("create", "--system", "elm")
    app.migrations["m-00000001"]["state"] = "signed_off"
    assert carryover("run", "--json").code == 2
    assert carryover("run", "--target", "Another", "--json").code == 3
    assert carryover("run", "--target", "Clinic Trial", "--json").code == 0


def test_rollback_options_reach_the_app(migrated: FakeApp, carryover: Carryover) -> None:
    assert carryover("rollback", "--preview", "--run", "last", "--force", "--json").code == 0
    assert carryover("rollback", "--preview", "--json").document["objects"] == {"patient": {"delete": 100}}
    sent = [options for _, options in migrated.posted]
    assert sent[0] == {"runs": "last", "later": False, "force": True, "preview": True, "remove_solution": False}
    assert sent[1] == {"runs": "all", "later": False, "force": False, "preview": True, "remove_solution": False}
    assert migrated.migrations["m-00000001"]["state"] == "verified"


def test_a_run_is_rolled_back_by_its_name(migrated: FakeApp, carryover: Carryover) -> None:
    first, latest = (migrated.migrations["m-00000001"]["runs"][place]["id"] for place in (0, -1))
    refused = carryover("rollback", "--run", first, "--yes", "--json")
    assert (refused.code, refused.document["error"]["code"]) == (3, "later_runs")
    assert carryover("rollback", "--run", "some", "--yes", "--json").code == 3
    assert carryover("rollback", "--preview", "--run", first, "--with-later", "--json").code == 0
    assert carryover("rollback", "--preview", "--run", latest, "--json").code == 0
    assert [options["later"] for _, options in migrated.posted] == [True, False]


def test_excepted_records_of_a_run_end_with_4(migrated: FakeApp, carryover: Carryover) -> None:
    migrated.excepted = 2
    ended = carryover("delta", "--json")
    assert ended.code == 4
    assert ended.document["progress"]["patient"]["excepted"] == 2


def test_status_watch_follows_the_active_run(app: FakeApp, carryover: Carryover) -> None:
    carryover("create", "--system", "elm")
    app.looks = 3
    started = place.connect().post("/migrations/m-00000001/steps/scope", {})
    ended = carryover("status", "--watch", "--json")
    assert ended.code == 0
    assert ended.document["id"] == started["run"]
    assert ended.document["state"] == "done"


def test_the_migration_used_last_is_meant(app: FakeApp, carryover: Carryover) -> None:
    carryover("create", "--system", "elm")
    carryover("create", "--system", "oak")
    assert carryover("status", "--json").document["system"] == "oak"
    assert carryover("status", "-m", "m-00000001", "--json").document["system"] == "elm"
    assert carryover("status", "--json").document["system"] == "elm"


def test_an_unknown_migration_is_misuse(app: FakeApp, carryover: Carryover) -> None:
    assert carryover("status", "-m", "m-99999999", "--json").code == 2


def test_map_put_takes_what_map_show_wrote(app: FakeApp, carryover: Carryover, tmp_path: Path) -> None:
    carryover("create", "--system", "elm")
    carryover("scope")
    file = tmp_path / "map.yaml"
    shown = carryover("map", "show", "--out", str(file), "--json").document
    assert carryover("map", "put", str(file), "--json").code == 0
    assert app.posted[-1] == ("map", {"by": place.operator(), "map": shown["map"]})
    file.write_text("just words", "utf-8")
    assert carryover("map", "put", str(file), "--json").code == 2


def test_options_are_answered_by_name(app: FakeApp, carryover: Carryover) -> None:
    carryover("create", "--system", "elm")
    ended = carryover("map", "option", "appointment=task", "--by", "Ada", "--json")
    assert ended.code == 0
    assert app.posted[-1] == ("options", {"by": "Ada", "options": {"appointment": "task"}})
    assert carryover("map", "option", "appointment", "--json").code == 2


def test_the_fallback_owner_is_named(app: FakeApp, carryover: Carryover) -> None:
    carryover("create", "--system", "elm")
    command = ("owners", "--fallback", "lee@clinic.example", "--by", "Ada", "--json")
    assert carryover(*command).document == {"fallback": "lee@clinic.example"}
    assert app.posted[-1] == ("fallback", {"by": "Ada", "fallback": "lee@clinic.example"})


def test_versions_are_listed_and_compared(app: FakeApp, carryover: Carryover) -> None:
    carryover("create", "--system", "elm")
    assert [one["version"] for one in carryover("map", "log", "--json").document["versions"]] == [3, 2, 1]
    assert "confirm patient.FIRST" in carryover("map", "log").out
    for given, compared in (((), (2, 3)), (("1",), (1, 3)), (("1", "2"), (1, 2))):
        document = carryover("map", "diff", *given, "--json").document
        assert (document["from"], document["to"]) == compared
    assert "nickname" in carryover("map", "diff").out
    assert "Nothing differs." in carryover("map", "diff", "3", "3").out
    assert carryover("map", "diff", "0").code == 2


def test_health_information_is_decided_by_class_or_field(app: FakeApp, carryover: Carryover) -> None:
    carryover("create", "--system", "elm")
    app.posted.clear()
    assert "name" in carryover("map", "phi").out
    assert app.posted == []
    decided = {"name": "redact", "patient.properties.a=b": "leave_out"}
    command = ("map", "phi", *(f"{what}={decision}" for what, decision in decided.items()), "--by", "Ada", "--json")
    assert carryover(*command).document["classes"][0]["class"] == "name"
    assert app.posted == [("phi", {"by": "Ada", "phi": decided})]
    for wrong in ("name", "name=hide", "=redact"):
        assert carryover("map", "phi", wrong, "--json").code == 2
        assert carryover("confirm", "--controlled", "include", "--phi", wrong, "--json").code == 2


def test_the_delta_window_is_shut_by_name(migrated: FakeApp, carryover: Carryover) -> None:
    assert carryover("delta", "--shut", "--by", "Ada", "--json").code == 0
    assert migrated.posted == [("delta/shut", {"by": "Ada"})]


def test_the_active_run_is_stopped(migrated: FakeApp, carryover: Carryover) -> None:
    assert carryover("stop", "--json").code == 3
    one = migrated.migrations["m-00000001"]
    one["active_run"] = one["runs"][-1]["id"]
    ended = carryover("stop", "--by", "Ada", "--json")
    assert (ended.code, ended.document["state"]) == (0, "stopped")
    assert migrated.posted == [("stop", {"by": "Ada"})]


def test_close_is_typed(migrated: FakeApp, carryover: Carryover) -> None:
    assert carryover("close", "--json").code == 2
    assert carryover("close", "--typed", "m-00000001", "--by", "Ada", "--json").code == 0
    assert migrated.posted == [("close", {"by": "Ada", "typed": "m-00000001"})]


def test_the_key_is_needed(app: FakeApp, carryover: Carryover, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARRYOVER_APP_KEY", "wrong")
    ended = carryover("status", "--json")
    assert ended.code == 1
    assert "CARRYOVER_APP_KEY" in ended.document["error"]["next"]
    assert "wrong" not in ended.err


def test_an_app_that_is_away_is_said(
    app: FakeApp, carryover: Carryover, monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int
) -> None:
    monkeypatch.setattr("cli.client.FIRST_PAUSE", 0.0)
    monkeypatch.setenv("CARRYOVER_APP_URL", f"http://127.0.0.1:{unused_tcp_port}")
    ended = carryover("status", "--json")
    assert ended.code == 1
    assert ended.document["error"]["code"] == "silent"


def test_without_an_app_the_local_system_is_named(
    carryover: Carryover, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("CARRYOVER_APP_URL", raising=False)
    monkeypatch.setenv("CARRYOVER_LOCAL_DIR", str(tmp_path))
    ended = carryover("status", "--json")
    assert ended.code == 1
    assert ended.document["error"]["next"] == "./carryover local up"


def test_misuse_seen_by_the_parser_has_a_document_too(carryover: Carryover) -> None:
    ended = carryover("audit", "export", "--format", "some", "--json")
    assert ended.code == 2
    assert ended.document["error"]["code"] == "misuse"
    assert carryover("nonesuch").code == 2


def test_the_names_that_people_rely_on_are_there() -> None:
    named = {command.name or getattr(command.callback, "__name__", "") for command in commands.registered_commands}
    names = named | {str(group.name) for group in commands.registered_groups}
    assert names >= {
        "create", "scope", "map", "confirm", "prepare", "owners", "sample", "diff", "sign-off", "plan", "run", "stop", "status",
        "retry", "delta", "verify", "rollback", "audit", "report", "close", "doctor", "local", "migrate",
    }  # fmt: skip


def test_match_rules_are_put_into_the_map(app: FakeApp, carryover: Carryover) -> None:
    carryover("create", "--system", "elm")
    carryover("scope")
    app.posted.clear()
    shown = carryover("map", "match", "patient", "--json")
    assert shown.document == {"object": "patient", "match": [], "match_owner": "keep"}
    assert app.posted == []

    command = ("map", "match", "patient", "emailaddress1,birthdate", "lastname, firstname,birthdate", "--owner", "set")
    ended = carryover(*command, "--json")
    rules = [["emailaddress1", "birthdate"], ["lastname", "firstname", "birthdate"]]
    assert ended.document == {"object": "patient", "match": rules, "match_owner": "set"}
    [(what, put)] = app.posted
    assert (what, put["by"], put["version"]) == ("map", place.operator(), 3)
    assert put["map"]["objects"]["patient"]["match"] == rules
    assert put["map"]["objects"]["patient"]["routes"]

    assert carryover("map", "match", "patient", "--off", "--json").document["match"] == []
    assert carryover("map", "match", "patient", "lastname", "--off").code == 2
    unknown = carryover("map", "match", "pet", "name", "--json")
    assert unknown.code == 2
    assert "patient" in unknown.document["error"]["next"]
