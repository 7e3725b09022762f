"""Where a value of a choice lands."""

import pytest

from mapping.landing import Landing, landing
from mapping.model import FieldMap

SEX = FieldMap(source="sex", column="gendercode", transform="choice", values={"M": "Male", " x ": None})


@pytest.mark.parametrize(
    ("value", "args", "lands"),
    [
        ("m", {}, "answered"),
        ("X", {}, "answered"),  # it leaves the column empty, which somebody said
        (" FEMALE ", {}, "answered"),
        ("-", {"none": ["-"]}, "answered"),
        ("Q", {}, "refused"),
        ("Q", {"default": "Other"}, "default"),
    ],
)
def test_a_value_is_answered_by_map_option_or_default(value: str, args: dict[str, object], lands: Landing) -> None:
    field = SEX.model_copy(update={"args": args})
    assert landing(field, ("Male", "Female"))(value) == lands
