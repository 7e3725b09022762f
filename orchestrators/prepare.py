"""Prepare: make the target ready for the confirmed map, and say what is missing before a record moves."""

from typing import Any

from orchestrators.flow import Flow, Json, call, run_step
from orchestrators.scope import read_source, trim


def prepare(context: Any, job: Json) -> Flow:
    """Staging trimmed to what the map uses, solution built and imported, owners resolved, preflight checked."""
    if (yield from trim(context, job))["anew"]:
        source = yield from read_source(context, {**job, "anew": True})
        job = yield from call(context, "open_run", {**job, "snapshot": source["snapshot"]})
        yield from trim(context, job)
    yield from call(context, "install_solution", job)
    yield from call(context, "resolve_owners", job)
    return (yield from call(context, "check_target", job))


def probe(context: Any, job: Json) -> Flow:
    """What nobody documents is tried on rows that are made for it and removed again."""
    return (yield from call(context, "probe_target", job))


def probe_flow(context: Any) -> Flow:
    """The step ``probe``."""
    return (yield from run_step(context, probe))


def prepare_flow(context: Any) -> Flow:
    """The step ``prepare``."""
    return (yield from run_step(context, prepare))
