"""Uploads: bundles of small files and blocks of large ones, resumed after an error, and never sent twice."""

from pathlib import Path

import pytest

from cli import client
from cli.upload import BLOCK, file_id, pick
from tests.cli.conftest import Carryover
from tests.cli.fake_app import FakeApp


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "FIRST_PAUSE", 0.0)


@pytest.fixture
def migration(app: FakeApp, carryover: Carryover) -> str:
    return str(carryover("create", "--system", "elm", "--json").document["id"])


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A file of two whole blocks and a bit."""
    file = tmp_path / "export.zip"
    file.write_bytes(bytes(range(256)) * (2 * BLOCK // 256) + b"the end")
    return file


def test_a_large_file_goes_in_blocks(app: FakeApp, carryover: Carryover, migration: str, large: Path) -> None:
    ended = carryover("upload", str(large), "--json")
    assert ended.code == 0, ended.err
    assert sorted(app.block_puts) == [(file_id("export.zip"), number) for number in range(3)]
    assert app.files[migration]["export.zip"]["size"] == 2 * BLOCK + 7
    assert ended.document["sent"] == 1


def test_an_interrupted_upload_sends_only_what_is_missing(
    app: FakeApp, carryover: Carryover, migration: str, large: Path
) -> None:
    app.refuse_blocks_after = 2
    assert carryover("upload", str(large)).code == 1
    first = set(app.block_puts)
    assert len(first) == 2
    app.refuse_blocks_after = None
    assert carryover("upload", str(large)).code == 0
    assert len(app.block_puts) == 3
    assert app.files[migration]["export.zip"]["size"] == 2 * BLOCK + 7


def test_blocks_the_app_has_lost_are_sent_again(
    app: FakeApp, carryover: Carryover, migration: str, large: Path
) -> None:
    app.lose_blocks = True
    assert carryover("upload", str(large)).code == 0
    assert len(app.block_puts) == 6
    assert app.files[migration]["export.zip"]["size"] == 2 * BLOCK + 7


def test_a_changed_file_does_not_use_the_blocks_of_the_old(
    app: FakeApp, carryover: Carryover, migration: str, large: Path
) -> None:
    app.refuse_blocks_after = 1
    assert carryover("upload", str(large)).code == 1
    app.refuse_blocks_after = None
    large.write_bytes(b"new" * 100)
    assert carryover("upload", str(large)).code == 0
    assert app.files[migration]["export.zip"]["size"] == 300
    assert len(app.block_puts) == 1


def test_what_is_there_is_not_sent(app: FakeApp, carryover: Carryover, migration: str, export: Path) -> None:
    assert carryover("upload", str(export), "--json").document["sent"] == 2
    app.bundles.clear()
    again = carryover("upload", str(export), "--json").document
    assert (again["sent"], again["unchanged"]) == (0, 2)
    assert app.bundles == []


def test_an_empty_file_is_a_file(app: FakeApp, carryover: Carryover, migration: str, export: Path) -> None:
    carryover("upload", str(export))
    assert app.files[migration]["documents/empty.pdf"]["size"] == 0


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    """Many small files, and one that takes a bundle's room with its neighbours."""
    folder = tmp_path / "documents"
    folder.mkdir()
    for number in range(450):
        (folder / f"{number:03d}.txt").write_bytes(b"x" * (400_000 if number % 45 == 0 else number))
    return folder


def test_small_files_go_in_bundles(app: FakeApp, carryover: Carryover, migration: str, documents: Path) -> None:
    assert carryover("upload", str(documents), "--json").document["sent"] == 450
    assert len(app.bundles) < 10
    assert app.block_puts == []
    assert len(app.files[migration]) == 450


def test_an_interrupted_upload_sends_only_the_files_that_are_missing(
    app: FakeApp, carryover: Carryover, migration: str, documents: Path
) -> None:
    app.refuse_bundles_after = 1
    assert carryover("upload", str(documents)).code == 1
    app.refuse_bundles_after = None
    assert carryover("upload", str(documents)).code == 0
    assert sorted(path for bundle in app.bundles for path in bundle) == sorted(app.files[migration])


def test_of_a_bundle_only_what_changed_is_sent(
    app: FakeApp, carryover: Carryover, migration: str, documents: Path
) -> None:
    carryover("upload", str(documents))
    app.bundles.clear()
    (documents / "001.txt").write_bytes(b"other")
    assert carryover("upload", str(documents), "--json").document["sent"] == 1
    assert app.bundles == [["001.txt"]]


def test_source_set_removes_what_is_not_in_it(app: FakeApp, carryover: Carryover, migration: str, export: Path) -> None:
    carryover("upload", str(export))
    (export / "patients.csv").rename(export / "people.csv")
    ended = carryover("source", "set", str(export), "--json")
    assert ended.document["removed"] == 1
    assert set(app.files[migration]) == {"people.csv", "documents/empty.pdf"}


def test_hidden_files_and_links_are_left_out(export: Path, tmp_path: Path) -> None:
    (export / ".DS_Store").write_text("x")
    (export / "elsewhere.csv").symlink_to(tmp_path / "secret.csv")
    (export / "loop").symlink_to(export)
    picked, left_out = pick(export)
    assert [one.path for one in picked] == ["patients.csv", "documents/empty.pdf"]
    assert left_out == 3


def test_an_empty_folder_is_misuse(app: FakeApp, carryover: Carryover, migration: str, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    assert carryover("upload", str(tmp_path / "nothing"), "--json").code == 2


def test_a_busy_app_is_asked_again(app: FakeApp, carryover: Carryover, migration: str, export: Path) -> None:
    app.unavailable = 2
    assert carryover("upload", str(export)).code == 0
    assert set(app.files[migration]) == {"patients.csv", "documents/empty.pdf"}


def test_a_file_of_too_many_blocks_goes_in_larger_ones(
    app: FakeApp, carryover: Carryover, migration: str, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.upload.MOST_BLOCKS", 2)
    assert carryover("upload", str(large)).code == 0
    assert sorted(number for _, number in app.block_puts) == [0, 1]
    assert app.files[migration]["export.zip"]["size"] == 2 * BLOCK + 7
