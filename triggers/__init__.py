"""The HTTP endpoints and the delta timer: they check, start and answer; the work is elsewhere."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from triggers import files, maps, meta, migrations, profiles, reports, sample, steps, timer

_ONE: Final = "migrations/{id}"

#: (function's name, method, route, handler)
ENDPOINTS: Final[tuple[tuple[str, str, str, Callable[..., Awaitable[Any]]], ...]] = (
    ("health", "GET", "health", meta.health),
    ("openapi", "GET", "openapi.json", meta.openapi),
    ("get_settings", "GET", "settings", meta.get_settings),
    ("create_migration", "POST", "migrations", migrations.create_migration),
    ("list_migrations", "GET", "migrations", migrations.list_migrations),
    ("get_migration", "GET", _ONE, migrations.get_migration),
    ("get_summary", "GET", f"{_ONE}/summary", migrations.get_summary),
    ("put_block", "PUT", f"{_ONE}/files", files.put_block),
    ("end_upload", "POST", f"{_ONE}/files", files.end_upload),
    ("put_bundle", "POST", f"{_ONE}/files/bundle", files.put_bundle),
    ("list_files", "GET", f"{_ONE}/files", files.list_files),
    ("delete_file", "DELETE", f"{_ONE}/files", files.delete_file),
    ("get_profile", "GET", f"{_ONE}/profile", profiles.get_profile),
    ("put_profile", "PUT", f"{_ONE}/profile", profiles.put_profile),
    ("pick_objects", "PATCH", f"{_ONE}/profile/datasets", profiles.pick_objects),
    ("get_map", "GET", f"{_ONE}/map", maps.get_map),
    ("put_map", "PUT", f"{_ONE}/map", maps.put_map),
    ("edit_fields", "POST", f"{_ONE}/map/fields", maps.edit_fields),
    ("list_values", "GET", f"{_ONE}/map/values", maps.list_values),
    ("get_options", "GET", f"{_ONE}/map/options", maps.get_options),
    ("set_options", "POST", f"{_ONE}/map/options", maps.set_options),
    ("get_phi", "GET", f"{_ONE}/map/phi", maps.get_phi),
    ("decide_phi", "POST", f"{_ONE}/map/phi", maps.decide_phi),
    ("list_versions", "GET", f"{_ONE}/map/versions", maps.list_versions),
    ("get_version", "GET", f"{_ONE}/map/versions/{{version}}", maps.get_version),
    ("compare_versions", "GET", f"{_ONE}/map/versions/{{version}}/diff", maps.compare_versions),
    ("list_changes", "GET", f"{_ONE}/map/changes", maps.list_changes),
    ("confirm_map", "POST", f"{_ONE}/confirm", maps.confirm_map),
    ("get_differences", "GET", f"{_ONE}/differences", sample.get_differences),
    ("explain", "POST", f"{_ONE}/differences", sample.explain),
    ("get_comments", "GET", f"{_ONE}/comments", sample.get_comments),
    ("comment", "POST", f"{_ONE}/comments", sample.comment),
    ("sign_off", "POST", f"{_ONE}/sign-off", sample.sign_off),
    ("revoke", "POST", f"{_ONE}/sign-off/revoke", sample.revoke),
    ("shut_delta", "POST", f"{_ONE}/delta/shut", maps.shut_delta),
    ("accept", "POST", f"{_ONE}/accept", maps.accept),
    ("close_migration", "POST", f"{_ONE}/close", maps.close),
    ("get_owners", "GET", f"{_ONE}/owners", maps.get_owners),
    ("set_fallback", "POST", f"{_ONE}/owners", maps.set_fallback),
    ("get_solution", "GET", f"{_ONE}/solution", maps.get_solution),
    ("list_reports", "GET", f"{_ONE}/reports", reports.list_reports),
    ("get_report", "GET", f"{_ONE}/reports/{{name}}", reports.get_report),
    ("list_claims", "GET", f"{_ONE}/claims", reports.list_claims),
    ("get_claims_file", "GET", f"{_ONE}/claims/{{run}}/{{name}}", reports.get_claims_file),
    ("get_exceptions", "GET", f"{_ONE}/exceptions", reports.get_exceptions),
    ("get_causes", "GET", f"{_ONE}/exceptions/causes", reports.get_causes),
    ("get_audit", "GET", f"{_ONE}/audit", reports.get_audit),
    ("get_manifest", "GET", f"{_ONE}/audit/manifest", reports.get_manifest),
    ("verify_audit", "GET", f"{_ONE}/audit/verify", reports.verify_audit),
)

#: Endpoints that start or follow an orchestration.
DURABLE: Final[tuple[tuple[str, str, str, Callable[..., Awaitable[Any]]], ...]] = (
    ("start_step", "POST", f"{_ONE}/steps/{{step}}", steps.start_step),
    ("get_run", "GET", f"{_ONE}/runs/{{run}}", steps.get_run),
    ("stop_run", "POST", f"{_ONE}/runs/{{run}}/stop", steps.stop_run),
)


def register(blueprint: Any) -> None:
    """Register every endpoint and the timer on a durable blueprint."""
    for name, method, route, handler in ENDPOINTS:
        registered = blueprint.route(route=f"api/{route}", methods=[method])(handler)
        blueprint.function_name(name)(registered)
    for name, method, route, handler in DURABLE:
        registered = blueprint.durable_client_input(client_name="client")(handler)
        registered = blueprint.route(route=f"api/{route}", methods=[method])(registered)
        blueprint.function_name(name)(registered)
    registered = blueprint.durable_client_input(client_name="client")(timer.delta_timer)
    registered = blueprint.timer_trigger(arg_name="timer", schedule="%CARRYOVER_DELTA_CRON%")(registered)
    blueprint.function_name("delta_timer")(registered)
