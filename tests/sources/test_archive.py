"""Archives that mean harm or are broken leave nothing behind."""

import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from sources import archive
from sources.archive import unzip_safely
from sources.errors import BadSource

Writer = Callable[[zipfile.ZipFile], None]


def make(path: Path, write: Writer) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        write(file)
    return path


def test_unpacks_folders_and_says_what(tmp_path: Path) -> None:
    def write(file: zipfile.ZipFile) -> None:
        file.mkdir("export")
        file.writestr("export/patients.csv", "Id\n1\n")
        file.writestr("export/documents/ä.txt", "x")

    files = unzip_safely(make(tmp_path / "a.zip", write), tmp_path / "out")
    assert [file.relative_to(tmp_path / "out").as_posix() for file in files] == [
        "export/patients.csv",
        "export/documents/ä.txt",
    ]
    assert files[0].read_text() == "Id\n1\n"


def _link(file: zipfile.ZipFile) -> None:
    entry = zipfile.ZipInfo("link")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    file.writestr(entry, "/etc/passwd")


def _several(file: zipfile.ZipFile, *names: str) -> None:
    for name in names:
        file.writestr(name, "x")


HARMFUL: dict[str, Writer] = {
    "parent": lambda file: file.writestr("../evil.csv", "x"),
    "absolute": lambda file: file.writestr("/tmp/evil.csv", "x"),
    "drive": lambda file: file.writestr("C:/evil.csv", "x"),
    "backslash": lambda file: file.writestr("a\\..\\..\\evil.csv", "x"),
    "link": _link,
    "same name in another case": lambda file: _several(file, "a.csv", "A.csv"),
    "file and folder": lambda file: _several(file, "a", "a/b.csv"),
}  # fmt: skip


@pytest.mark.parametrize("write", HARMFUL.values(), ids=HARMFUL.keys())
def test_refuses_what_leaves_its_folder(tmp_path: Path, write: Writer) -> None:
    inside = tmp_path / "deep" / "out"
    path = make(tmp_path / "a.zip", write)
    with pytest.raises(BadSource):
        unzip_safely(path, inside)
    assert not inside.exists()
    assert not list(tmp_path.rglob("evil*"))


def test_refuses_bombs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "_SMALL", 1000)
    path = make(tmp_path / "a.zip", lambda file: file.writestr("zeros.csv", b"0" * 1_000_000))
    with pytest.raises(BadSource, match="200 times"):
        unzip_safely(path, tmp_path / "out")
    monkeypatch.setattr(archive, "MAX_BYTES", 1000)
    with pytest.raises(BadSource, match="more than 1000"):
        unzip_safely(path, tmp_path / "out")


def test_refuses_broken_and_encrypted_archives(tmp_path: Path) -> None:
    good = make(tmp_path / "good.zip", lambda file: file.writestr("a.csv", "some text " * 100)).read_bytes()
    flags = bytearray(good)
    flags[6] |= 1
    flags[flags.index(b"PK\x01\x02") + 8] |= 1
    damaged = good[:40] + b"\xff\xff\xff" + good[43:]
    for name, content in {"text": b"no zip", "cut": good[:-30], "damaged": damaged, "encrypted": bytes(flags)}.items():
        path = tmp_path / f"{name}.zip"
        path.write_bytes(content)
        with pytest.raises(BadSource):
            unzip_safely(path, tmp_path / name)
        assert not (tmp_path / name).exists()


def test_refuses_a_folder_that_holds_something(tmp_path: Path) -> None:
    path = make(tmp_path / "a.zip", lambda file: file.writestr("a.csv", "x"))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("keep")
    with pytest.raises(BadSource, match="not empty"):
        unzip_safely(path, tmp_path / "out")
    assert (tmp_path / "out" / "mine").read_text() == "keep"
