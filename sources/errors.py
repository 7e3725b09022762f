"""What can be wrong with a source. Texts name files, lines, datasets and columns: never a value."""


class SourceError(Exception):
    """Base of everything a source can be refused for."""


class BadSource(SourceError):
    """A file or archive that cannot be used as it is: broken zip, missing column, unreadable workbook."""


class UnknownSource(SourceError):
    """No profile fits the files that were seen."""


class BadProfile(SourceError):
    """A profile that contradicts itself, or whose SQL does not hold what it promises."""


class BadRow(SourceError):
    """A row that cannot be read. ``line`` counts physical lines of the file (rows in a workbook), from 1."""

    def __init__(self, file: str, line: int, reason: str) -> None:
        super().__init__(f"{file}, line {line}: {reason}")
        self.file = file
        self.line = line
        self.reason = reason
