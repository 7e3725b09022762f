"""What a person says of a dataset of an unknown system: which object it feeds, or that it feeds nothing."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from pydantic import BaseModel, ConfigDict

from mapping.objects import ObjectName
from sources.errors import SourceError


class BadPick(SourceError):
    """A dataset cannot be made into records of the object that a person picked for it."""


class Pick(BaseModel):
    """The choice about one dataset, by whom and when. A proposal keeps to it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    object: ObjectName | None  #: None: it feeds nothing
    reason: str = ""  #: why it feeds nothing
    by: str
    at: datetime


#: By dataset.
Picks = Mapping[str, Pick]
#: Everything as the matcher takes it.
NONE_PICKED: Final[Picks] = {}


def picked(picks: Picks) -> dict[str, ObjectName]:
    """Dataset -> the object it is to feed."""
    return {name: one.object for name, one in picks.items() if one.object}


def left_out(picks: Picks) -> dict[str, str]:
    """Dataset -> why it is to feed nothing."""
    return {name: one.reason for name, one in picks.items() if one.object is None}
