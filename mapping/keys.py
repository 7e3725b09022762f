"""Identity: the SourceKey of a record and the id of the row it becomes, both known before anything is written."""

import hashlib
import re
from functools import lru_cache
from typing import Final
from uuid import UUID, uuid5

#: Namespace of all row ids that Carryover chooses.
NAMESPACE: Final = UUID("6f0a3a52-3f0e-5c0b-9a55-2d1f6f2c7b41")

#: A longer key would not fit the alternate key's index (450 characters of nvarchar), so it is hashed whole.
MAX_KEY: Final = 400

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9.\-]")


def source_key(system: str, object: str, id: str) -> str:
    """``<system>.<object>.<id>`` in characters that can be addressed in a URL; a SHA-256 when over 400 characters."""
    return _fit(f"{_prefix(system, object)}{_escape(id)}")


def party_key(system: str, party: str) -> str:
    """Key of a person that several source records share: ``<system>.party.<id>``."""
    return source_key(system, "party", party)


def row_id(row_key: str, generation: int) -> str:
    """The id of the row in that generation (the number of undos so far: a deleted id is never used again)."""
    return str(uuid5(NAMESPACE, f"{row_key}|{generation}"))


@lru_cache(maxsize=256)
def _prefix(system: str, object: str) -> str:
    # The underscore begins an escape: names of objects stay readable with a dash.
    return f"{_escape(system)}.{_escape(object.replace('_', '-'))}."


def _escape(text: str) -> str:
    """Everything outside ``[A-Za-z0-9.-]`` as ``_XX`` for each UTF-8 byte; two texts never escape to the same one."""
    return _UNSAFE.sub(lambda match: "".join(f"_{byte:02X}" for byte in match[0].encode()), text)


def _fit(key: str) -> str:
    return key if len(key) <= MAX_KEY else hashlib.sha256(key.encode()).hexdigest()
