"""What an error says: code, kind and names of columns, and never a value of a record."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataverse.errors import (
    AttachmentRefused,
    AuthRefused,
    BadPayload,
    BadValue,
    DataverseError,
    Duplicate,
    NotFound,
    PrivilegeMissing,
    Refused,
    Throttled,
    Unavailable,
    VersionMismatch,
    clean,
    error_from,
)
from tests.dataverse.fake import error


def made(status: int, code: str, message: str, **headers: str) -> DataverseError:
    response = error(status, code, message, **headers)
    return error_from(status, response.headers, response.content, "contact")


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (412, "0x80040237", Duplicate),
        (412, "0x80060892", Duplicate),
        (500, "0x80040333", Duplicate),
        (404, "0x80040217", NotFound),
        (404, "0x80060888", NotFound),
        (412, "0x80060882", VersionMismatch),
        (403, "0x80040220", PrivilegeMissing),
        (403, "0x80040231", PrivilegeMissing),
        (400, "0x80048d19", BadPayload),
        (400, "0x80044331", BadValue),
        (400, "0x80043e09", AttachmentRefused),
        (401, "", AuthRefused),
        (500, "0x80044150", Unavailable),
        (400, "0x80040216", Unavailable),
        (503, "", Unavailable),
        (429, "0x80072326", Throttled),
        (400, "0x8badf00d", Refused),
    ],
)
def test_codes_decide_the_kind(status: int, code: str, kind: type[DataverseError]) -> None:
    found = made(status, code, "words")
    assert type(found) is kind
    assert (found.status, found.code, found.table) == (status, code, "contact")


def test_a_privilege_and_a_column_are_named() -> None:
    lacks = made(403, "0x80040220", "Principal user (Id=1, type=8) is missing prvCreateContact privilege")
    assert isinstance(lacks, PrivilegeMissing) and lacks.privilege == "prvCreateContact"
    long = made(
        400,
        "0x80044331",
        "A validation error occurred.  The length of the 'firstname' attribute of the 'contact' entity exceeded the "
        "maximum allowed length of '50'.",
    )
    assert long.column == "firstname" and "50 characters" in long.message
    wrong = made(400, "0x80048d19", "An undeclared property 'cms_patient' which only has property annotations …")
    assert wrong.column == "cms_patient"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            "Cannot convert the literal 'Zebulon' to the expected type 'Edm.Date'.",
            "Cannot convert the literal ….",
        ),
        ("attribute values {Zebulon, 1} already exists", "attribute values … already exists"),
        (
            "DateTime too small. Actual value: 03/04/1652 00:00:00, Minimum value supported",
            "DateTime too small. …, Minimum value supported",
        ),
        ("Send to zebulon@example.org failed", "Send to … failed"),
        ("It's Zebulon", "It…"),
        ("the literal 'Zebulon O'Hara Pike' is wrong", "the literal … is wrong"),
        ('unbalanced "Zebulon', "unbalanced …"),
        ("call 555-123-4567 now", "call … now"),
        (
            "contact With Id = 0E5C2F3A-0000-4000-8000-00000000000A Does Not Exist",
            "contact With Id = 0e5c2f3a-0000-4000-8000-00000000000a Does Not Exist",
        ),
    ],
)
def test_unknown_messages_are_cleaned(message: str, expected: str) -> None:
    assert clean(message) == expected


@given(
    value=st.text(alphabet="Zqxjk", min_size=4, max_size=30),
    code=st.sampled_from(["0x80060892", "0x80044331", "0x80048d19", "0x80040265", "0x8badf00d", "0x80040239", ""]),
    form=st.sampled_from(
        ["The literal '{}' is wrong", "values {{{}}} exist", 'said "{}" here', "Actual value: {}, Minimum", "value={};"]
    ),
    status=st.sampled_from([400, 403, 404, 412, 500, 503]),
)
def test_no_value_gets_into_an_error(value: str, code: str, form: str, status: int) -> None:
    found = made(status, code, form.format(value))
    assert value not in str(found) and value not in repr(found) and value not in found.message


def test_plug_ins_speak_freely_so_they_are_not_quoted() -> None:
    found = made(400, "0x80040265", "Zebulon Pike already has a visit on that day")
    assert "Zebulon" not in str(found) and found.code == "0x80040265"


@pytest.mark.parametrize("body", [b"", b"<html>Zebulon</html>", b"[1]", b'{"error": "x"}', b'{"Message": "Zebulon\'s'])
def test_bodies_that_are_not_dataverse_s(body: bytes) -> None:
    found = error_from(502, {}, body, None)
    assert isinstance(found, Unavailable) and "Zebulon" not in str(found)


def test_retry_after_is_read() -> None:
    found = made(429, "0x80072321", "Combined execution time", Retry_After="31")
    assert isinstance(found, Throttled) and found.retry_after == 31 and found.which == "execution time"
    bad = made(429, "0x80072322", "x", Retry_After="soon")
    assert isinstance(bad, Throttled) and bad.retry_after == 0
