"""The files that documents are made of: found by the path the source names, wherever the upload's root was."""

from pathlib import PurePosixPath
from typing import Any


class Papers:
    """An index of the uploaded files. ``places``: name -> container, blob, size, digest."""

    def __init__(self, places: dict[str, dict[str, Any]]) -> None:
        self._places = places
        self._by_last: dict[str, list[str]] = {}
        for name in places:
            self._by_last.setdefault(PurePosixPath(name).name.casefold(), []).append(name)

    def name_of(self, path: str) -> str | None:
        """The name under which the file of that path was uploaded; None when there is none, or several could be meant."""
        if path in self._places:
            return path
        end = path.replace("\\", "/").strip("/").casefold()
        alike = self._by_last.get(end.rpartition("/")[2], [])
        names = [name for name in alike if f"/{name.casefold()}".endswith(f"/{end}")]
        return names[0] if len(names) == 1 else None

    def find(self, path: str) -> dict[str, Any] | None:
        """Where the file of that path is kept; None as with ``name_of``."""
        name = self.name_of(path)
        return self._places[name] if name else None

    def digest(self, path: str) -> str:
        """SHA-256 of the file, "" when it is not there."""
        place = self.find(path)
        return str(place["digest"]) if place else ""
