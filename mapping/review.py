"""What a named person has to decide before a map is confirmed: fields of delicate health information, datasets left out.

Pure: the map in, the map out. Every class can be decided about; fields of the most delicate ones have to be. Controlled
substances have a policy of their own besides (``ClinicMap.controlled``), which is about rows, not fields.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, get_args

from mapping.model import ClinicMap, FieldMap, PhiClass, PhiDecision
from mapping.properties import ROWS

#: Classes that nobody migrates by default: each field of them needs somebody's decision.
REVIEWED: Final[tuple[PhiClass, ...]] = ("ssn", "clinical_note", "behavioural_health", "substance_use")

#: Classes that can be decided about: all that are health information.
CLASSES: Final[tuple[PhiClass, ...]] = tuple(kind for kind in get_args(PhiClass) if kind != "none")

#: What becomes of a field: what was decided, or that nobody did (``open``), or that the map ignores it (``ignored``).
Standing = Literal["migrate", "redact", "leave_out", "open", "ignored"]


@dataclass(slots=True)
class ClassReview:
    """One class of the map: its fields, as ``object.source``, by what becomes of them."""

    kind: PhiClass
    fields: dict[Standing, list[str]] = field(default_factory=dict)
    by: str = ""  #: who decided last, and when
    at: datetime | None = None

    @property
    def needed(self) -> bool:
        """Whether the map cannot be confirmed before somebody decided."""
        return self.kind in REVIEWED and "open" in self.fields

    @property
    def decision(self) -> PhiDecision | None:
        """What was decided of every field that the map would migrate; None when it is not the same for all."""
        made = [standing for standing in self.fields if standing != "ignored"]
        return made[0] if len(made) == 1 and made[0] != "open" else None


def undecided(clinic_map: ClinicMap) -> Iterator[tuple[str, FieldMap]]:
    """Object and field of everything that would be migrated and that nobody has decided about."""
    for name, one in _fields(clinic_map):
        if one.phi in REVIEWED and standing_of(one) == "open":
            yield name, one


def review(clinic_map: ClinicMap) -> list[ClassReview]:
    """Each class that the map has fields of, with what was decided."""
    found: dict[PhiClass, ClassReview] = {}
    for name, one in _fields(clinic_map):
        if one.phi == "none":
            continue
        kind = found.setdefault(one.phi, ClassReview(one.phi))
        kind.fields.setdefault(standing_of(one), []).append(f"{name}.{one.source}")
        if one.review and one.at and (kind.at is None or one.at > kind.at):
            kind.by, kind.at = one.by, one.at
    return [found[kind] for kind in CLASSES if kind in found]


def standing_of(one: FieldMap) -> Standing:
    """What becomes of a field by what was decided of it."""
    if one.review == "leave_out":
        return "leave_out"
    return "ignored" if one.status == "ignored" or not _has_way(one) else one.review or "open"


def decide(clinic_map: ClinicMap, decisions: Mapping[str, PhiDecision], by: str, at: datetime) -> ClinicMap:
    """The map with decisions about whole classes (``ssn``) or single fields (``patient.ssn``); fields win over classes.

    The latest decision stands: a class's is about every field of it that the map does not ignore for another reason,
    whatever was decided of it before. ValueError: there is no such class or field, or the field has no column.
    """
    _known(clinic_map, decisions)
    changed = clinic_map.model_copy(deep=True)
    for name, one in changed.objects.items():
        for route in one.routes:
            for place, current in enumerate(route.fields):
                own = decisions.get(f"{name}.{current.source}")
                kind = decisions.get(current.phi) if standing_of(current) != "ignored" else None
                if decision := own or kind:
                    route.fields[place] = decided(current, decision, by, at)
    return changed


def decided(one: FieldMap, decision: PhiDecision, by: str, at: datetime) -> FieldMap:
    """The field as a person decided. One that is left out is ignored; migrating it again gives it its column back.

    ValueError: the field has no column, so that there is nothing to migrate or redact.
    """
    update = {"review": decision, "by": by, "at": at}
    if decision == "leave_out":
        update |= {"status": "ignored", "reason": f"left out in the review by {by}"}
    elif one.status == "ignored":
        if not _has_way(one):
            raise ValueError(f"{one.source} has no column: give it one first")
        update |= {"status": "confirmed", "reason": f"decided by {by}"}
    return one.model_copy(update=update)


def left_behind(one: FieldMap) -> bool:
    """Whether the field would be left behind though nobody has decided that.

    A person decides by name; a profile that people wrote decides with the reason it states. What a program found no
    column for is decided by neither.
    """
    if one.by or one.status == "confirmed":
        return False
    if one.status == "proposed":
        return not _has_way(one)
    return one.unplaced or not one.reason.strip()


def unmarked(clinic_map: ClinicMap) -> list[str]:
    """Datasets that feed no object and that nobody has marked out of scope with a reason."""
    return [name for name, why in clinic_map.out_of_scope.items() if not why.strip()]


def marked(clinic_map: ClinicMap, reasons: Mapping[str, str]) -> ClinicMap:
    """The map with reasons why datasets stay out. Names that are none of its datasets out of scope are passed over."""
    given = {name: why.strip() for name, why in reasons.items() if name in clinic_map.out_of_scope and why.strip()}
    return clinic_map.model_copy(update={"out_of_scope": clinic_map.out_of_scope | given})


def _has_way(one: FieldMap) -> bool:
    """Whether the field would be written somewhere if the map did not ignore it."""
    return one.column is not None or one.transform in (ROWS, "state")


def _known(clinic_map: ClinicMap, decisions: Mapping[str, PhiDecision]) -> None:
    names = {f"{name}.{one.source}" for name, one in _fields(clinic_map)}
    unknown = [key for key in decisions if key not in CLASSES and key not in names]
    if unknown:
        words = f"the map has no field and health information no class {', '.join(unknown)}"
        raise ValueError(f"{words}; classes: {', '.join(CLASSES)}")


def _fields(clinic_map: ClinicMap) -> Iterator[tuple[str, FieldMap]]:
    for name, one in clinic_map.objects.items():
        for route in one.routes:
            for found in route.fields:
                yield name, found
