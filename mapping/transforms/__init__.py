"""The registry of transforms: what each does, its arguments, and what it refuses."""

from typing import Final

from mapping.transforms import choices, numbers, spans, texts, times
from mapping.transforms.base import BadArgs, Ctx, Refused, Transform

REGISTRY: Final[dict[str, Transform]] = {
    transform.name: transform
    for group in (texts.TRANSFORMS, times.TRANSFORMS, numbers.TRANSFORMS, spans.TRANSFORMS, choices.TRANSFORMS)
    for transform in group
}

#: Arguments that every transform takes.
COMMON_ARGS: Final = {
    "none": "list of source texts that mean no value",
    "required": "true: a refused or empty value excepts the record, not only the field",
}

__all__ = ["COMMON_ARGS", "REGISTRY", "BadArgs", "Ctx", "Refused", "Transform"]
