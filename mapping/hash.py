"""What is confirmed is the map's hash: a change of what is written changes it, a change of wording does not."""

import hashlib
from typing import Any, Final

import orjson

from mapping.model import ClinicMap

#: Parts of a field that explain it without changing what is written.
_WORDING: Final = ("confidence", "reason", "unplaced", "phi", "review", "status", "comment", "by", "at")


def map_hash(map: ClinicMap) -> str:
    """SHA-256 (hex) of the map's canonical JSON, without confidences, reasons, PHI classes, comments and review status.

    Ignored fields count as ignored whatever column they name; of out-of-scope datasets the names count, not the
    reasons.
    """
    plain = map.model_dump(mode="json")
    plain["out_of_scope"] = sorted(map.out_of_scope)
    for object_map in plain["objects"].values():
        for route in object_map["routes"]:
            route["fields"] = [_essence(field) for field in route["fields"]]
    return canonical_hash(plain)


def canonical_hash(value: Any) -> str:
    """SHA-256 (hex) of a JSON value: keys sorted, no white space, UTF-8."""
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _essence(field: dict[str, Any]) -> dict[str, Any]:
    ignored = field["status"] == "ignored"
    essence = {key: value for key, value in field.items() if key not in _WORDING}
    if ignored:
        return {"source": essence["source"], "ignored": True}
    return essence | ({"redacted": True} if field["review"] == "redact" else {})
