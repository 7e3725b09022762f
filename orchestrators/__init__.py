"""The plans: deterministic, without I/O, with small payloads. ``register`` makes them known to the app."""

from typing import Any

from orchestrators.flow import lane
from orchestrators.load import load_object, match_object
from orchestrators.migrate import delta_flow, migrate_flow, plan_flow
from orchestrators.prepare import prepare_flow, probe_flow
from orchestrators.rollback import rollback_flow, undo_object
from orchestrators.sample import sample_flow
from orchestrators.scope import scope_flow
from orchestrators.verify import verify_flow, verify_object

ORCHESTRATORS = (
    scope_flow, prepare_flow, probe_flow, sample_flow, plan_flow, migrate_flow, delta_flow, verify_flow,
    rollback_flow,
    load_object, match_object, verify_object, undo_object, lane,
)  # fmt: skip

#: The step people ask for -> the orchestration that does it.
FLOWS = {
    "scope": "scope_flow", "prepare": "prepare_flow", "probe": "probe_flow", "sample": "sample_flow", "plan": "plan_flow",
    "run": "migrate_flow", "retry": "migrate_flow", "delta": "delta_flow", "verify": "verify_flow",
    "rollback": "rollback_flow",
}  # fmt: skip


def register(blueprint: Any) -> None:
    """Register every orchestration on a durable blueprint."""
    for orchestrator in ORCHESTRATORS:
        blueprint.orchestration_trigger(context_name="context")(orchestrator)
