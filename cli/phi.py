"""What people type to decide about health information: ssn=redact, patient.ssn=migrate."""

from collections.abc import Sequence
from typing import Final

from cli.errors import misuse

PHI_DECISIONS: Final = ("migrate", "redact", "leave_out")


def phi_decisions(given: Sequence[str]) -> dict[str, str]:
    """Class or field to decision, as it was typed. Raises misuse for what cannot be read; the app knows the names."""
    decided: dict[str, str] = {}
    for one in given:
        what, _, decision = one.rpartition("=")
        if not what or decision not in PHI_DECISIONS:
            raise misuse(f"{one} is no decision: {', '.join(PHI_DECISIONS)}.", "ssn=leave_out or patient.ssn=redact")
        decided[what] = decision
    return decided
