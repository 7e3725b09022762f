"""The activities: one side effect each, safe to run twice. ``register`` makes them known to the app."""

from typing import Any

from activities.adopt import match_chunk
from activities.choose_sample import choose_sample
from activities.claims import export_claims, finish_claims
from activities.current import fold_receipts
from activities.forecast import make_forecast
from activities.guard import guarded
from activities.lane import in_lane
from activities.load_chunk import load_chunk
from activities.map_bucket import map_bucket
from activities.plan_object import plan_object
from activities.prepare import check_target, install_solution, resolve_owners
from activities.probing import probe_target
from activities.reconcile import reconcile
from activities.removal import remove_solution
from activities.reporting import make_delta_report, make_rollback_report
from activities.rollback import plan_rollback, prove_undone
from activities.runs import finish_run, note_wait, open_part, open_run
from activities.sample_report import make_diff
from activities.scope import make_scope
from activities.source import close_snapshot, read_source, shape_bucket, stage_file
from activities.tally import tally
from activities.trim import check_staging, trim_bucket
from activities.undo_chunk import undo_chunk
from activities.verify_chunk import verify_chunk

ACTIVITIES = (
    open_run, open_part, note_wait, finish_run,
    read_source, stage_file, shape_bucket, close_snapshot, make_scope,
    check_staging, trim_bucket, install_solution, resolve_owners, check_target, probe_target,
    map_bucket, in_lane(match_chunk), plan_object, in_lane(load_chunk), fold_receipts, export_claims, finish_claims, tally,
    choose_sample, in_lane(verify_chunk), make_diff, make_forecast, make_delta_report, reconcile,
    plan_rollback, in_lane(undo_chunk), prove_undone, remove_solution, make_rollback_report,
)  # fmt: skip


def register(blueprint: Any) -> None:
    """Register every activity, behind its guard, on a durable blueprint."""
    for activity in ACTIVITIES:
        blueprint.activity_trigger(input_name="payload")(guarded(activity))
