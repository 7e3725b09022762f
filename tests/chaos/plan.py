"""What goes wrong in one run, drawn from its seed: which requests fail and how, what is killed and when."""

import random
from dataclasses import dataclass, field
from typing import Any, Final

Json = dict[str, Any]

#: The steps in which things go wrong.
PHASES: Final = ("run", "delta", "undo")
#: How it ends: everything taken back; the delta first and then the rest; or while a step still runs.
ENDS: Final = ("all", "last", "cut run", "cut delta")
#: Seconds after which a write whose answer was lost counts as over; late commits come before.
QUIET: Final = 2.0

_WRITES: Final = {"method": "POST"}
_BULK: Final = {"method": "POST", "path_regex": "CreateMultiple"}
_BATCH: Final = {"method": "POST", "path_regex": "batch"}
_READS: Final = {"method": "GET"}
_DEADLOCK: Final = {"status": 500, "code": "0x80044150", "message": "Sql error: Generic SQL error. Sql Number: 1205"}
_SLOW: Final = {"status": 500, "code": "0x80044151", "message": "Sql error: Execution Timeout Expired. Number: -2"}

#: Faults of whole requests: name -> rules that it may be.
_REQUESTS: Final[dict[str, tuple[Json, ...]]] = {
    "cut before": ({"match": _WRITES, "reset": "before"}, {"match": _READS, "reset": "before"}),
    "cut after": ({"match": _BULK, "reset": "after"}, {"match": _BATCH, "reset": "after"}, {"match": _WRITES, "reset": "after"}),
    "unavailable": ({"status": 503}, {"status": 503, "retry_after": 1}, {"match": _WRITES, "status": 500, "gateway": True}),
    "gateway": ({"match": _WRITES, "status": 502, "gateway": True}, {"match": _BULK, "status": 504, "gateway": True}),
    "deadlock": ({"match": _BULK, **_DEADLOCK}, {"match": _WRITES, **_DEADLOCK}),
    "sql timeout": ({"match": _BULK, **_SLOW},),
    "throttled": ({"status": 429, "code": "0x80072322", "message": "requests", "retry_after": 1},
                  {"match": _BATCH, "status": 429, "code": "0x80072326", "message": "concurrency", "retry_after": 1}),
    "late commit": ({"match": _BULK, "late": {"ms": 600}}, {"match": _BATCH, "late": {"ms": 600}},
                    {"match": _WRITES, "late": {"ms": 1500}}),
    "stale token": ({"status": 401, "code": "0x80072560", "message": "The token has expired."},),
    "slow answer": ({"match": _WRITES, "delay_ms": 700}, {"delay_ms": 300}),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Strike:
    """Something is killed or frozen. ``what``: host, workers (all of them), replay, worker (one), freeze.

    It comes when that share of the step's writes is there (``by`` "rows") or of its usual time has passed ("time").
    """

    what: str
    by: str
    share: float
    patient: bool = False  #: the leases of what died are left to run out by themselves


@dataclass(frozen=True, slots=True)
class Plan:
    """One run."""

    seed: int
    end: str
    faults: dict[str, Json]  #: fault configuration of the simulator by phase
    names: dict[str, list[str]]  #: what each rule is, in the configuration's order
    strikes: dict[str, list[Strike]] = field(default_factory=dict)
    cut: float = 0.0  #: share of the step's writes that are there when the rollback takes over


def make_plan(seed: int, *, patient: bool = True) -> Plan:
    """The plan of a seed; the same seed makes the same plan. Without ``patient``, nothing waits for a lease to end."""
    draw = random.Random(f"chaos {seed}")
    end = draw.choices(ENDS, (3, 3, 1, 1))[0]
    faults: dict[str, Json] = {}
    names: dict[str, list[str]] = {}
    strikes: dict[str, list[Strike]] = {}
    for phase in PHASES:
        chosen = draw.sample(sorted(_REQUESTS), draw.randint(1, 4))
        names[phase] = chosen
        faults[phase] = {"rules": [_rule(draw, name) for name in chosen]}
        if draw.random() < 0.3:
            faults[phase]["service_ms_per_row"] = draw.choice((1, 3))
        if draw.random() < 0.2:
            faults[phase]["latency_ms"] = draw.choice((5, 20))
        if draw.random() < 0.15:
            faults[phase]["limits"] = {"requests": 60, "window": 2, "decimals": 2, "concurrency": 3}
        strikes[phase] = [_strike(draw) for _ in range(draw.choice((0, 0, 0, 1, 1, 2)))]
    if patient and draw.random() < 0.1:
        strikes[draw.choice(PHASES)] = [Strike(draw.choice(("freeze", "worker", "host")), "rows", 0.3, patient=True)]
    return Plan(seed, end, faults, names, strikes, round(draw.uniform(0.05, 0.9), 2))


def _rule(draw: random.Random, name: str) -> Json:
    rule = dict(draw.choice(_REQUESTS[name]))
    rule["times"] = draw.randint(1, 3)
    rule["skip"] = draw.choice((0, 0, 1, 3, 10))
    rule["probability"] = draw.choice((1, 0.5, 0.2))
    rule["seed"] = draw.randrange(10**6)
    if name == "stale token":  # a token that is refused when it is new is no stale one
        rule["every"] = 6
    return rule


def _strike(draw: random.Random) -> Strike:
    what = draw.choice(("host", "host", "workers", "workers", "replay"))
    return Strike(what, draw.choice(("rows", "time")), round(draw.uniform(0.02, 0.95), 2))
