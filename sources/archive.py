"""Unpacks what was uploaded as a zip, without trusting it."""

import re
import shutil
import stat
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Final
from zipfile import BadZipFile, LargeZipFile, ZipFile, ZipInfo

from sources.errors import BadSource

MAX_ENTRIES: Final = 500_000
MAX_BYTES: Final = 200 * 1024**3
#: Text compresses 5 to 40 fold; a bomb a thousand. Small archives may do what they like.
MAX_RATIO: Final = 200
_SMALL: Final = 64 * 1024**2
_BLOCK: Final = 1 << 20
_DRIVE: Final = re.compile(r"[A-Za-z]:")


def check_expansion(name: str, entries: Sequence[ZipInfo]) -> None:
    """Refuses what an archive says of itself when it is too many entries, too large, or too dense.

    Raises:
        BadSource
    """
    if len(entries) > MAX_ENTRIES:
        raise BadSource(f"{name} holds {len(entries)} files, more than {MAX_ENTRIES}")
    unpacked = sum(entry.file_size for entry in entries)
    packed = sum(entry.compress_size for entry in entries)
    if unpacked > MAX_BYTES:
        raise BadSource(f"{name} would unpack to {unpacked} bytes, more than {MAX_BYTES}")
    if unpacked > _SMALL and unpacked > MAX_RATIO * max(packed, 1):
        raise BadSource(f"{name} would unpack to more than {MAX_RATIO} times its size")


def _place(archive: str, entry: ZipInfo) -> PurePosixPath:
    """Where an entry goes, relative to the target folder; refuses whatever leaves it."""
    name = entry.filename.replace("\\", "/")
    place = PurePosixPath(name)
    if not place.parts or place.is_absolute() or ".." in place.parts or _DRIVE.match(name):
        raise BadSource(f"{archive} holds an entry that would be written outside its folder")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise BadSource(f"{archive} holds a symbolic link")
    if entry.flag_bits & 0x1:
        raise BadSource(f"{archive} is encrypted: upload it without a password")
    return place


def unzip_safely(path: Path, into: Path) -> list[Path]:
    """Unpacks an archive into a folder that is new or empty, whole or not at all; the files, in archive order.

    Archives inside the archive stay as they are.

    Raises:
        BadSource: not a zip or damaged, encrypted, entries that leave the folder, links, the same name twice, too
            many or too large, or no room for it.
    """
    if into.exists() and any(into.iterdir()):
        raise BadSource(f"the folder for {path.name} is not empty")
    existed = into.exists()
    into.mkdir(parents=True, exist_ok=True)
    try:
        with ZipFile(path) as archive:
            return _unpack(path.name, archive, into)
    except BaseException as error:
        shutil.rmtree(into, ignore_errors=True)
        if existed:
            into.mkdir(parents=True, exist_ok=True)
        if isinstance(error, (BadZipFile, LargeZipFile, NotImplementedError, EOFError, zlib.error)):
            raise BadSource(f"{path.name} is not a zip archive that can be read") from None
        if isinstance(error, (FileExistsError, NotADirectoryError, IsADirectoryError)):
            raise BadSource(f"{path.name} holds a file and a folder of the same name") from None
        raise


def _unpack(name: str, archive: ZipFile, into: Path) -> list[Path]:
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    check_expansion(name, entries)
    places = [_place(name, entry) for entry in entries]
    if len({str(place).casefold() for place in places}) < len(places):
        raise BadSource(f"{name} holds a file name twice")
    if sum(entry.file_size for entry in entries) > shutil.disk_usage(into).free:
        raise BadSource(f"there is no room to unpack {name}")
    written = []
    for entry, place in zip(entries, places, strict=True):
        target = into / place
        target.parent.mkdir(parents=True, exist_ok=True)
        left = entry.file_size
        with archive.open(entry) as packed, target.open("xb") as file:
            while block := packed.read(_BLOCK):
                left -= len(block)
                if left < 0:  # the directory lied about the size
                    raise BadSource(f"{name} holds an entry that is larger than it says")
                file.write(block)
        written.append(target)
    return written
