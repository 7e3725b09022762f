"""What one shaped bucket tells the scope report and the proposal: values of choices, lengths, properties, documents."""

from typing import Any

from activities.papers import Papers
from activities.unstructured import look
from ledger import duck
from ledger.chunks import longest_line
from mapping.propose import choice_fields
from sources.inventory import field_values, property_inventory
from sources.patterns import SSN_WITHIN
from sources.profile import Profile
from sources.shaping import ShapedBucket


def inventory(profile: Profile, shaped: ShapedBucket, papers: Papers) -> dict[str, Any]:
    """Plain data, to be merged over the buckets by ``activities.scope``."""
    asked: dict[str, list[str]] = {}
    for field in choice_fields({str(name): plain for name, plain in profile.map.items()}):
        asked.setdefault(field.object, []).append(field.source)
    values = {
        name: {
            field: one.model_dump(mode="json") for field, one in field_values(path, sorted(set(asked[name]))).items()
        }
        for name, (_, path) in shaped.objects.items()
        if name in asked
    }
    patients = shaped.objects.get("patient")
    properties = property_inventory(patients[1]) if patients else {}
    documents = shaped.objects.get("document")
    lengths, ids = _measures(profile, shaped)
    return {
        "values": values,
        "lengths": lengths,
        "delicate_ids": ids,
        "properties": {name: one.model_dump(mode="json") for name, one in properties.items()},
        "documents": look(profile, documents[1], papers) if documents else {"named": [], "odd": []},
    }


def _measures(profile: Profile, shaped: ShapedBucket) -> tuple[dict[str, int], dict[str, int]]:
    """The longest text of every mapped field, by ``object.field``; records whose id looks like an SSN, by object."""
    lengths: dict[str, int] = {}
    ids: dict[str, int] = {}
    with duck.cursor() as db:
        for name, (rows, path) in shaped.objects.items():
            if not rows:
                continue
            routes = profile.map.get(name, {}).get("routes", [])
            fields = sorted({field["source"] for route in routes for field in route["fields"]})
            columns = ", ".join(f"'{field}': 'VARCHAR'" for field in {*fields, "_id"})
            picks = "".join(f', max(length("{field}"))' for field in fields)
            like_ssn, *longest = db.execute(
                f"SELECT count(*) FILTER (regexp_matches(_id, $ssn)){picks} "
                "FROM read_json($file, format='newline_delimited', compression='gzip', "
                f"maximum_object_size={longest_line(path)}, columns={{{columns}}})",
                {"file": str(path), "ssn": SSN_WITHIN},
            ).fetchone() or (0,)
            lengths |= {f"{name}.{field}": length for field, length in zip(fields, longest, strict=True) if length}
            if like_ssn:
                ids[name] = like_ssn
    return lengths, ids
