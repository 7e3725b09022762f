"""What one shaped bucket tells the scope report and the proposal: values of choices, measures, properties, documents."""

from typing import Any

from activities.measures import measure
from activities.papers import Papers
from activities.unstructured import look
from mapping.propose import choice_fields
from sources.inventory import field_values, property_inventory
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
    return {
        "values": values,
        "measures": measure(profile, shaped),
        "properties": {name: one.model_dump(mode="json") for name, one in properties.items()},
        "documents": look(profile, documents[1], papers) if documents else {"named": [], "odd": []},
    }
