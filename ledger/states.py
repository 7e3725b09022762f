"""What a migration and its runs are: the two documents that say where everything stands."""

from datetime import UTC, datetime
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

State = Literal[
    "created", "scoped", "mapped", "confirmed", "prepared", "sampled", "signed_off", "migrated", "verified", "closed",
]  # fmt: skip
STATES: Final[tuple[State, ...]] = (
    "created", "scoped", "mapped", "confirmed", "prepared", "sampled", "signed_off", "migrated", "verified", "closed",
)  # fmt: skip

Step = Literal[
    "scope", "map", "confirm", "prepare", "probe", "sample", "sign-off", "plan", "run", "delta", "verify", "retry",
    "rollback", "close",
]  # fmt: skip
STEPS: Final[tuple[Step, ...]] = (
    "scope", "map", "confirm", "prepare", "probe", "sample", "sign-off", "plan", "run", "delta", "verify", "retry",
    "rollback", "close",
)  # fmt: skip

Kind = Literal["scope", "prepare", "probe", "sample", "plan", "migrate", "delta", "verify", "retry", "rollback", "undo"]
RunState = Literal["running", "done", "failed", "paused", "stopped"]

#: The step a person asks for, by the kind of run that carries it out. `undo` is a part of another run.
STEP_OF: Final[dict[Kind, Step]] = {
    "scope": "scope", "prepare": "prepare", "probe": "probe", "sample": "sample", "plan": "plan", "migrate": "run",
    "delta": "delta", "verify": "verify", "retry": "retry", "rollback": "rollback",
}  # fmt: skip
KIND_OF: Final[dict[Step, Kind]] = {step: kind for kind, step in STEP_OF.items()}

#: Runs that write to the target.
WRITING: Final[frozenset[Kind]] = frozenset({"sample", "migrate", "delta", "retry"})
#: Runs after which, when they are done, every record was loaded. A retry may finish what a full run did not, unless it was
#: of chosen causes.
LOADING: Final[frozenset[Kind]] = frozenset({"migrate", "retry"})
#: Runs that take writes back.
UNDOING: Final[frozenset[Kind]] = frozenset({"rollback", "undo"})


def now() -> datetime:
    """The time, in UTC, to the millisecond (the precision the ledger keeps)."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


class Run(BaseModel):
    """One run of one step: a row of table `runs`."""

    model_config = ConfigDict(extra="forbid")

    id: str  #: `<kind>-<number 4 digits>`
    migration: str
    kind: Kind
    number: int  #: counts all runs of the migration, nested ones too
    parent: str | None = None  #: the run this one is a part of (the sample's undo and second pass)
    state: RunState = "running"
    by: str = ""  #: the operator who asked for it
    epoch: int = 0  #: the migration's epoch when it began; a writer stops when the migration's differs
    generation: int = 0  #: the generation new rows of this run belong to
    snapshot: int = 0
    map_hash: str = ""
    options: dict[str, Any] = Field(default_factory=dict)
    started: datetime = Field(default_factory=now)
    bypassed: bool = False  #: its writes run no custom plug-ins and flows of the target
    waiting_until: datetime | None = None  #: the day's requests were used up; it goes on by itself then
    ended: datetime | None = None
    counts: dict[str, dict[str, int]] = Field(default_factory=dict)  #: by object
    message: str = ""  #: for people, without PHI
    error: str | None = None
    stop_by: str | None = None  #: who asked that it stops; it ends when what is under way has come to its end
    undone_by: str | None = None  #: the rollback or undo that took this run back

    @property
    def partial(self) -> bool:
        """Whether it takes up the exceptions of chosen causes alone, and leaves every other record as it is."""
        return bool(self.options.get("causes"))


class Migration(BaseModel):
    """One migration: a row of table `migrations`, only ever changed by compare-and-swap.

    `epoch` rises with every rollback and at the end of every run, and stops older writers. `generation` counts undos and
    is part of the id of every new row. `written` says that rows may be in the target that a rollback would take out.
    """

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    id: str  #: `m-` and 8 hex digits
    system: str
    profile: str | None = None
    plan: str | None = None  #: the target's licence plan
    state: State = "created"
    created: datetime = Field(default_factory=now)

    epoch: int = 0
    generation: int = 0
    snapshot: int = 0
    run_number: int = 0
    active_run: str | None = None
    begun: Run | None = None  #: the active run as it began: lets its row be written again after a crash
    written: bool = False
    undoing: bool = False  #: a rollback began and has not finished

    map_version: int = 0
    map_hash: str | None = None
    confirmed_hash: str | None = None
    confirmed_by: str | None = None
    confirmed_at: datetime | None = None
    prepared_hash: str | None = None  #: the map hash the target was prepared for
    sample_run: str | None = None
    sample_hash: str | None = None  #: the map hash the sample was made with
    sample_counts: dict[str, int] = Field(default_factory=dict)  #: fields, and what differs by kind
    unexplained: int = 0  #: differences of the sample that nobody has explained yet; none may be left at the sign-off
    signed_hash: str | None = None
    signed_sample: str | None = None
    signed_by: str | None = None
    signed_role: str | None = None
    signed_version: int | None = None  #: of the map
    signed_counts: dict[str, int] = Field(default_factory=dict)  #: of the sample, as they were when it was signed
    signed_at: datetime | None = None
    signed_used: bool = False  #: a run began that the signature freed
    delta_until: datetime | None = None  #: end of the delta window; None while none was opened
    reconciliation: Literal["clean", "differences", "accepted"] | None = None
    accepted_by: str | None = None
    closed_by: str | None = None
    closed_at: datetime | None = None

    options: dict[str, Any] = Field(default_factory=dict)
    counts: dict[str, dict[str, int]] = Field(default_factory=dict)  #: by object
