"""What a named person has to decide before a map is confirmed: fields of delicate health information, datasets left out.

Pure: the map in, the map out. Controlled substances have a policy of their own (``ClinicMap.controlled``), which is the
decision about the fields of that class.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from mapping.model import ClinicMap, FieldMap, PhiClass, PhiDecision
from mapping.properties import ROWS

#: Classes that nobody migrates by default: each field of them needs somebody's decision.
REVIEWED: Final[tuple[PhiClass, ...]] = ("ssn", "clinical_note", "behavioural_health", "substance_use")


def undecided(clinic_map: ClinicMap) -> Iterator[tuple[str, FieldMap]]:
    """Object and field of everything that would be migrated and that nobody has decided about."""
    for name, one in clinic_map.objects.items():
        for route in one.routes:
            for field in route.fields:
                if _needs(field) and field.review is None:
                    yield name, field


def decide(clinic_map: ClinicMap, decisions: Mapping[str, PhiDecision], by: str, at: datetime) -> ClinicMap:
    """The map with decisions about whole classes (``ssn``) or single fields (``patient.ssn``); fields win over classes.

    A decision stands until another one is made: a class's does not change what was decided about a field before.
    """
    changed = clinic_map.model_copy(deep=True)
    for name, one in changed.objects.items():
        for route in one.routes:
            for place, field in enumerate(route.fields):
                own = decisions.get(f"{name}.{field.source}")
                decision = own or (decisions.get(field.phi) if field.review is None else None)
                if decision and (own or _needs(field)):
                    route.fields[place] = decided(field, decision, by, at)
    return changed


def decided(field: FieldMap, decision: PhiDecision, by: str, at: datetime) -> FieldMap:
    """The field as a person decided. One that is left out is ignored; migrating it again gives it its column back."""
    update = {"review": decision, "by": by, "at": at}
    if decision == "leave_out":
        update |= {"status": "ignored", "reason": f"left out in the review by {by}"}
    elif field.review == "leave_out":
        update |= {"status": "confirmed", "reason": f"decided by {by}"}
    return field.model_copy(update=update)


def unmarked(clinic_map: ClinicMap) -> list[str]:
    """Datasets that feed no object and that nobody has marked out of scope with a reason."""
    return [name for name, why in clinic_map.out_of_scope.items() if not why.strip()]


def marked(clinic_map: ClinicMap, reasons: Mapping[str, str]) -> ClinicMap:
    """The map with reasons why datasets stay out. Names that are none of its datasets out of scope are passed over."""
    given = {name: why.strip() for name, why in reasons.items() if name in clinic_map.out_of_scope and why.strip()}
    return clinic_map.model_copy(update={"out_of_scope": clinic_map.out_of_scope | given})


def _needs(field: FieldMap) -> bool:
    return field.phi in REVIEWED and field.status != "ignored" and (field.column is not None or field.transform == ROWS)
