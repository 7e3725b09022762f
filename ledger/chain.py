"""The hash chain of one partition of the audit log. Pure; a verifier needs nothing else.

hash of row n = sha256(hash of row n-1, 32 bytes || canonical row n), written as hex
hash of row 0 = sha256(partition key)
canonical row = the row without `hash`, as JSON in UTF-8, keys sorted, no spaces
"""

import hashlib
from collections.abc import Mapping

import orjson


def genesis(partition: str) -> str:
    """The hash that the first row of a partition follows on."""
    return hashlib.sha256(partition.encode()).hexdigest()


def canonical(row: Mapping[str, str]) -> bytes:
    """The bytes of a row that its hash covers."""
    return orjson.dumps({name: row[name] for name in row if name != "hash"}, option=orjson.OPT_SORT_KEYS)


def link(previous: str, text: bytes) -> str:
    """The hash of a row whose canonical form is `text`, after the row whose hash is `previous` (both hex)."""
    return hashlib.sha256(bytes.fromhex(previous) + text).hexdigest()


def sealed(text: bytes, digest: str) -> bytes:
    """The row as it is stored: its canonical form with the hash added."""
    return text[:-1] + b',"hash":"' + digest.encode() + b'"}'
