"""Who owns a row: the design's owner rule over a table of people that was matched beforehand."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from mapping.model import OwnerRule

OwnerStatus = Literal["Active", "Inactive", "Unknown"]
OwnerMatchKind = Literal["found", "disabled", "ambiguous", "no_privilege", "none"]
#: Somebody in the source: what they are there, and their id.
Person = tuple[Literal["staff", "practitioner"], str]


@dataclass(frozen=True, slots=True)
class OwnerMatch:
    """What became of one staff member of the source."""

    owner: str | None  #: "systemusers/<id>" or "teams/<id>"; None when nobody was found
    status: OwnerStatus  #: whether the staff member is active in the source
    match: OwnerMatchKind
    name: str = ""  #: what SourceOwner shows; the staff id when empty
    lacks: tuple[str, ...] = ()  #: tables (plain names) that this person may not read, and so not own rows of

    @property
    def usable(self) -> bool:
        """True when rows of every table may be given to this owner. Whether the person still works at the clinic is shown,
        not judged."""
        return self.owner is not None and self.match == "found"

    def may_own(self, table: str) -> bool:
        """True when rows of this table (plain name) may be given to this owner."""
        if self.match == "no_privilege":
            return self.owner is not None and table not in self.lacks
        return self.usable


@dataclass(frozen=True, slots=True)
class Owned:
    """The answer for one record."""

    owner: str | None  #: bind path, None when no rule gave one
    rule: str  #: the rule it came from, "" when none
    source_owner: str | None  #: the person whom the source would have had as owner
    source_status: OwnerStatus | None
    substituted: bool  #: somebody was named but could not be used
    first: Person | None = None  #: whom the first rule that finds anybody finds
    first_owns: bool = False  #: and whether the row is given to that person


@dataclass(slots=True)
class Owners:
    """Everybody a rule may lead to. Plain data: ``to_json`` and ``from_json`` are inverse."""

    staff: dict[str, OwnerMatch] = field(default_factory=dict)  #: staff id -> match
    by_email: dict[str, str] = field(default_factory=dict)  #: e-mail in lower case -> staff id
    practitioner: dict[str, str] = field(default_factory=dict)  #: practitioner id -> staff id
    location: dict[str, str] = field(default_factory=dict)  #: location id -> staff id, or a bind path
    fallback: str | None = None  #: bind path

    def resolve(
        self,
        rules: Sequence[OwnerRule],
        table: str,
        *,
        own: str | None = None,
        practitioner: str | None = None,
        provider: str | None = None,
        location: str | None = None,
    ) -> Owned:
        """The first rule that leads to a user or team who may own rows of the table.

        People without one fall through, and those who may not read the table.

        Args:
            rules: the object's rules, in order.
            table: plain name of the table the record goes to.
            own: staff id or e-mail of the record's own owner.
            practitioner: the record's practitioner id.
            provider: id of the patient's primary provider.
            location: the record's location id.
        """
        named: str | None = None
        status: OwnerStatus | None = None
        substituted = False
        first: Person | None = None
        for rule in rules:
            if rule == "fallback":
                if self.fallback is not None:
                    return Owned(self.fallback, rule, named, status, substituted, first)
                continue
            if rule == "location":
                bound = self.location.get(location) if location is not None else None
                if bound is not None and "/" in bound:
                    return Owned(bound, rule, named, status, substituted, first)
                person = bound
            elif rule == "own":
                person = own
            else:
                person = practitioner if rule == "practitioner" else provider
            if person is None:
                continue
            here: Person = ("staff", self.staff_id(person))
            if rule in ("practitioner", "provider"):
                here = ("practitioner", person)
                person = self.practitioner.get(person)
            first = first or here
            if person is None:
                continue
            match = self.match_of(person)
            if named is None and rule != "location":
                named = (match.name if match else "") or person
                status = match.status if match else "Unknown"
            if match is not None and match.may_own(table):
                return Owned(match.owner, rule, named, status, substituted, first, here == first)
            substituted = True
        return Owned(None, "", named, status, substituted, first)

    def match_of(self, person: str) -> OwnerMatch | None:
        """The match of a staff id or e-mail (compared without case), None when nobody has it."""
        return self.staff.get(self.staff_id(person))

    def staff_id(self, person: str) -> str:
        """The id of a staff member who is named by id or e-mail; the text itself when nobody has it."""
        return person if person in self.staff else self.by_email.get(person.strip().lower(), person)

    def to_json(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Owners":
        """The owners that ``to_json`` made plain."""
        plain = dict(data)
        plain["staff"] = {
            key: OwnerMatch(**{**match, "lacks": tuple(match.get("lacks", ()))})
            for key, match in plain.get("staff", {}).items()
        }
        return cls(**plain)
