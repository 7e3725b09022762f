"""What a person has to decide before a map is confirmed: taken from the options, asked for, or given by --yes."""

from collections.abc import Sequence
from typing import Any, Final, Literal, cast, get_args

import typer
from rich.markup import escape

from cli.errors import misuse
from cli.flow import OUT_OF_SCOPE, accept_all
from cli.output import counted, words
from cli.session import Session

Policy = Literal["suppress", "redact", "include"]
PHI_DECISIONS: Final = ("migrate", "redact", "leave_out")


def phi_read(given: Sequence[str]) -> dict[str, str]:
    """Class or field to decision, as it was typed. Raises misuse for what cannot be read; the app knows the names."""
    decided: dict[str, str] = {}
    for one in given:
        what, _, decision = one.rpartition("=")
        if not what or decision not in PHI_DECISIONS:
            raise misuse(f"{one} is no decision: {', '.join(PHI_DECISIONS)}.", "ssn=leave_out or patient.ssn=redact")
        decided[what] = decision
    return decided


def phi_decisions(
    s: Session, given: list[str], undecided: list[dict[str, str]], *, asks: bool, yes: bool
) -> dict[str, str]:
    """Decisions about delicate health information, by class or field. Raises misuse while one is missing."""
    decided = phi_read(given)
    open_classes: dict[str, list[str]] = {}
    for field in undecided:
        name = f"{field['object']}.{field['field']}"
        if name not in decided and field["phi"] not in decided:
            open_classes.setdefault(field["phi"], []).append(name)
    for kind, names in open_classes.items():
        # By the fields' names: what was decided about others of the class before is not asked anew.
        if yes:
            decided |= dict.fromkeys(names, "migrate")
        elif asks:
            s.out.say(f"[name]{words(kind)}[/name]: {escape(', '.join(names))}")
            decided |= dict.fromkeys(names, _ask(PHI_DECISIONS))
        else:
            raise misuse(
                f"Decide what happens to {words(kind)}: {', '.join(names)}.", f"--phi {kind}=migrate|redact|leave_out"
            )
    return decided


def reasons_of(s: Session, given: list[str], unmarked: list[str], *, asks: bool, yes: bool) -> dict[str, str]:
    """Why datasets that feed nothing stay out. Raises misuse while a reason is missing."""
    reasons: dict[str, str] = {}
    for one in given:
        name, _, why = one.partition("=")
        if not name or not why.strip():
            raise misuse(f"--out-of-scope {one} cannot be read.", '--out-of-scope allergies="No table holds them."')
        reasons[name] = why.strip()
    for name in unmarked:
        if name in reasons:
            continue
        if yes:
            reasons[name] = OUT_OF_SCOPE
        elif asks:
            reasons[name] = str(typer.prompt(f"{name} feeds no object. Why does it stay out?", err=True)).strip()
        else:
            raise misuse(f"Say why {name} stays out: it feeds no object.", f'--out-of-scope {name}="REASON"')
    return reasons


def accept_left(s: Session, by: str, shown: dict[str, Any], *, asks: bool, yes: bool) -> str:
    """Accept that fields are left behind that a proposal found no column for, each with the reason it was proposed with.

    ``shown``: the map as the app gave it. Returns the hash of the map as it is then. Raises misuse while it is undecided.
    """
    left = shown["left_behind"]
    if not left:
        return str(shown["hash"])
    fields = f"{counted(len(left), 'source field')} would be left behind, and nobody has decided that"
    names = ", ".join(f"{one['field'].partition('.')[0]}.{one['source']}" for one in left)
    if asks:
        s.out.say(f"{fields}: {escape(names)}")
    if not (yes or (asks and typer.confirm("Leave them behind?", err=True))):
        raise misuse(f"{fields}.", "./carryover map review, then ./carryover map accept --all")
    return accept_all(s, by, left)


def ask_policy(s: Session) -> Policy:
    """What happens to controlled substances."""
    s.out.say("Controlled substances (DEA schedules):")
    s.out.say("  [name]suppress[/name]  the prescription is left out, with its reason")
    s.out.say("  [name]redact[/name]    it lands without drug, code, dose and schedule")
    s.out.say("  [name]include[/name]   it is migrated like any other")
    return cast("Policy", _ask(get_args(Policy)))


def _ask(options: tuple[str, ...]) -> str:
    """One of the options, typed by a person."""
    while (typed := str(typer.prompt(f"Which ({', '.join(options)})", err=True)).strip().lower()) not in options:
        pass
    return typed
