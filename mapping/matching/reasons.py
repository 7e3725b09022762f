"""Why a field goes where it goes, in words for people. Names of fields only, never values."""

from mapping.matching.datasets import Taken
from mapping.matching.features import Weighed
from mapping.matching.model import NONE
from mapping.matching.roles import Candidate, none_reasons


def table_reason(taken: Taken) -> str:
    """Why a table was taken for what it was taken for."""
    parts = []
    if taken.by_name > 0.5:
        parts.append("its name says so")
    if taken.by_columns > 0.25:
        parts.append("its fields are those of such a table")
    return " and ".join(parts) or "the nearest of what it could be"


def reason_of(taken: Taken, weighed: Weighed, chosen: Candidate) -> str:
    """Why a field goes into a column, or nowhere."""
    if chosen.table == NONE:
        if weighed.none_score >= 0.5:
            return none_reasons().get(weighed.none_kind, none_reasons()["technical"])
        return "no column of the target stands for it"
    option = next(one for one in weighed.options if one.candidate is chosen)
    how = (
        "is called so" if option.name > 0.97 else "is called nearly so" if option.name > 0.75 else "has a name like it"
    )
    parts = [how]
    if option.features.get("reference_fits"):
        parts.append("refers to such a record")
    elif option.features.get("fits"):
        parts.append(f"its type ({weighed.field.kind.replace('_', ' ')}) fits")
    elif option.features.get("misfits"):
        parts.append(f"though its type ({weighed.field.kind.replace('_', ' ')}) does not fit well")
    return ", ".join(parts)
