"""Finding a document's file in the upload, and choosing the sample."""

from activities.choose_sample import MAX_PATIENTS, MIN_PATIENTS, cover
from activities.papers import Papers

PLACES = {
    "export/documents/a.pdf": {"container": "drop", "blob": "x", "size": 1, "digest": "aa"},
    "export/documents/old/b.pdf": {"container": "drop", "blob": "y", "size": 1, "digest": "bb"},
    "export/documents/new/b.pdf": {"container": "drop", "blob": "z", "size": 1, "digest": "cc"},
}


def test_a_file_is_found_wherever_the_uploads_root_was() -> None:
    """The source names a path below its own root; case and backslashes do not matter."""
    papers = Papers(PLACES)

    assert papers.digest("documents/a.pdf") == "aa"
    assert papers.digest("Documents\\A.PDF") == "aa"
    assert papers.digest("documents/old/b.pdf") == "bb"


def test_a_name_that_could_mean_two_files_finds_none() -> None:
    """A document of one patient never gets another's file by guess."""
    papers = Papers(PLACES)

    assert papers.find("b.pdf") is None
    assert papers.digest("missing.pdf") == ""


def test_the_sample_covers_what_it_can_and_has_its_least_number() -> None:
    """Everything that is rare comes in; the rest is filled up."""
    features = {f"p{number:03d}": {"common"} for number in range(200)}
    features["p007"] = {"common", "rare", "rarer"}
    chosen = cover(features)

    assert "p007" in chosen
    assert len(chosen) == MIN_PATIENTS


def test_the_sample_is_never_too_large() -> None:
    """Two hundred patients who each show something new are not all taken."""
    assert len(cover({f"p{number:03d}": {f"only {number}"} for number in range(200)})) == MAX_PATIENTS


def test_a_patient_with_many_records_is_taken_for_what_nobody_else_shows_only() -> None:
    """Of two who show the same, the one with fewer records is taken."""
    features = {"big": {"a", "b"}, "small": {"a", "b"}} | {f"p{n:03d}": set[str]() for n in range(60)}
    chosen = cover(features, {"big": 10_000, "small": 10} | {f"p{n:03d}": 1 for n in range(60)})

    assert chosen[0] == "small"
    assert "big" not in chosen
