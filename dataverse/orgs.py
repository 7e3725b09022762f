"""What the organization allows: its name, the size and the kinds of files."""

from dataclasses import dataclass
from typing import Final, Literal

from dataverse import query
from dataverse.client import DataverseClient

_MB: Final = 1024 * 1024
#: What the migration promises at most, whatever the organization allows.
PRODUCT_LIMIT_MB: Final = 25


@dataclass(frozen=True, slots=True)
class Organization:
    """``max_upload_bytes`` is compared with the encoded (base64) body. Extensions are lower case, without dot."""

    id: str
    name: str
    max_upload_bytes: int
    blocked_extensions: frozenset[str]


@dataclass(frozen=True, slots=True)
class FileLimit:
    """The size in bytes that a file may have, before encoding, and whose limit that is."""

    bytes: int
    binding: Literal["product", "organization", "setting"]

    def words(self) -> str:
        """The limit and how to raise it, for people."""
        size = f"{self.bytes / _MB:.1f} MB"
        if self.binding == "organization":
            return (
                f"{size}: the organization's attachment limit binds (base64 takes a third more). An administrator "
                "raises it under Settings, Email, Attachments, up to 128 MB."
            )
        if self.binding == "setting":
            return f"{size}: the setting CARRYOVER_MAX_FILE_MB binds."
        return f"{size}: the most this migration sends; larger files are listed for manual upload."


async def read_organization(client: DataverseClient) -> Organization:
    """The one organization of the environment."""
    address = query.path("organizations", select="organizationid,name,maxuploadfilesize,blockedattachments")
    row = (await client.get(address, table="organization")).json()["value"][0]
    blocked = str(row.get("blockedattachments") or "").replace(",", ";").split(";")
    return Organization(
        id=str(row["organizationid"]).lower(),
        name=str(row.get("name") or ""),
        max_upload_bytes=int(row.get("maxuploadfilesize") or 5_242_880),
        blocked_extensions=frozenset(e.strip().lstrip(".").lower() for e in blocked if e.strip()),
    )


def file_limit(organization: Organization, setting_mb: float) -> FileLimit:
    """The least of 25 MB, the organization's limit (less what base64 adds) and the setting."""
    limits: list[tuple[int, Literal["product", "organization", "setting"]]] = [
        (PRODUCT_LIMIT_MB * _MB, "product"),
        (organization.max_upload_bytes // 4 * 3, "organization"),
        (int(setting_mb * _MB), "setting"),
    ]
    size, binding = min(limits, key=lambda limit: limit[0])
    return FileLimit(size, binding)
