"""The console's words: steps, states, who is needed. The same words as the command line and the log."""

from typing import Final

from ledger.states import State, Step
from services.identity import ROLES_OF_STEPS

#: Step -> what a person would call it.
STEPS: Final = {
    "scope": "Read the source",
    "map": "Make the map",
    "confirm": "Confirm the map",
    "prepare": "Prepare the target",
    "probe": "Probe the target",
    "sample": "Migrate a sample",
    "sign-off": "Sign the sample off",
    "plan": "Plan the full run",
    "run": "Migrate everything",
    "retry": "Retry what was excepted",
    "delta": "Pick up changes",
    "verify": "Verify every field",
    "close": "Close the migration",
    "rollback": "Roll back",
}

#: Step -> the page it is taken on.
PLACES: Final = {
    "scope": "source",
    "map": "map",
    "confirm": "map",
    "prepare": "prepare",
    "probe": "prepare",
    "sample": "sample",
    "sign-off": "sample",
    "plan": "run",
    "run": "run",
    "retry": "exceptions",
    "delta": "delta",
    "verify": "verification",
    "close": "close",
    "rollback": "rollback",
}

#: The road, in order: the step, and the state that says it is done.
ROAD: Final[tuple[tuple[Step, State], ...]] = (
    ("scope", "mapped"),
    ("confirm", "confirmed"),
    ("prepare", "prepared"),
    ("sample", "sampled"),
    ("sign-off", "signed_off"),
    ("run", "migrated"),
    ("verify", "verified"),
    ("close", "closed"),
)

#: State of a migration or run -> how to read it.
TONES: Final = {
    "verified": "good", "closed": "plain", "done": "good", "failed": "bad", "paused": "attention",
    "stopped": "attention", "running": "brand", "migrated": "brand",
}  # fmt: skip

RUNS: Final = {
    "scope": "Scope", "prepare": "Preparation", "probe": "Probe", "sample": "Sample", "plan": "Plan",
    "migrate": "Full run", "delta": "Delta", "verify": "Verification", "retry": "Retry", "rollback": "Rollback",
    "undo": "Undo of the sample",
}  # fmt: skip


def spoken(name: str) -> str:
    """``custom_property`` as people say it: Custom property."""
    text = name.replace("_", " ").replace("-", " ")
    return text[:1].upper() + text[1:]


def role(step: str) -> str:
    """Who takes a step."""
    return ROLES_OF_STEPS.get(step, "operator")
