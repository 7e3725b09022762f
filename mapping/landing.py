"""Where a source value of a choice lands: in the option that answers it, in the field's default, or in none."""

from collections.abc import Callable, Iterable
from typing import Literal

from mapping.model import FieldMap

#: ``refused``: no option; the value becomes an exception of its field.
Landing = Literal["answered", "default", "refused"]


def landing(field: FieldMap, labels: Iterable[str]) -> Callable[[str], Landing]:
    """How the field's map answers a value of the source. ``labels``: of the column's options. Case does not count."""
    known = {label.casefold() for label in labels}
    known |= {value.strip().casefold() for value in field.values or {}}
    known |= {str(value).casefold() for value in field.args.get("none", ())}
    otherwise: Landing = "default" if "default" in field.args else "refused"
    return lambda value: "answered" if value.strip().casefold() in known else otherwise
