"""The map of an object that several datasets may feed: one source field a column, whichever dataset it comes from."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from mapping.catalog import load_catalog
from mapping.objects import ObjectName
from sources.generated.ways import Way, ignored

#: Table of an object's records, and the word for a record that has no better title.
TABLES: Final[dict[ObjectName, tuple[str, str]]] = {
    "staff": ("systemuser", "Staff"), "location": ("account", "Location"), "practitioner": ("contact", "Practitioner"),
    "patient": ("contact", "Patient"), "insurance": ("ClinicInsurance", "Insurance"),
    "appointment": ("ClinicAppointment", "Appointment"), "encounter": ("ClinicEncounter", "Encounter"),
    "prescription": ("ClinicPrescription", "Prescription"), "referral": ("ClinicReferral", "Referral"),
    "document": ("annotation", "Document"),
}  # fmt: skip

#: A referral with an amount becomes an opportunity: its column for what ClinicReferral calls otherwise.
_OPPORTUNITY: Final = {"Name": "name", "Patient": "customerid", "ReferralSource": "parentaccountid"}
#: Status of a referral -> state of the opportunity; the others leave it open.
_WON: Final = {"Completed": "won", "Cancelled": "lost", "Rejected": "lost"}


@dataclass(slots=True)
class RouteFields:
    """Fields of one object's record, by the column they fill."""

    object: ObjectName
    ways: dict[str, Way] = field(default_factory=dict)  #: source field -> way
    more: list[tuple[str, Way]] = field(default_factory=list)  #: further ways of fields that are there already
    targets: dict[str, str] = field(default_factory=dict)  #: column (state: "") -> source field

    def add(self, source: str, way: Way, dataset: str, here: set[str]) -> str:
        """Takes a field of a dataset in; returns the name the record has to give it.

        Args:
            here: fields that this dataset has filled so far; the one added is put in.
        """
        target = _target(way)
        known = self.targets.get(target) if target is not None else None
        if known is not None and known not in here:
            # Another dataset fills the column already: the same field, with the values of both.
            self.ways[known] = _merged(self.ways[known], way)
            here.add(known)
            return known
        if known is not None:
            way = ignored(f"{way.column or 'The state'} is filled from {known}.", way.phi)
            target = None
        name = source
        if name in self.ways and (target is not None or _target(self.ways[name]) is not None or name in here):
            name = f"{source}_{dataset}"
        self.ways[name] = way
        if target is not None:
            self.targets[target] = name
        here.add(name)
        return name

    def compute(self, source: str, way: Way) -> None:
        """A field that the SQL makes up, or a second way of one that is there."""
        if source in self.ways:
            self.more.append((source, way))
        else:
            self.ways[source] = way
        if way.column:
            self.targets.setdefault(way.column, source)

    def move(self, source: str, column: str, other: str) -> None:
        """Lets a field fill another column."""
        self.ways[source] = replace(self.ways[source], column=other)
        self.targets[other] = self.targets.pop(column)

    def filled(self, column: str) -> bool:
        """Whether a field fills that column."""
        return column in self.targets

    def routes(self) -> list[dict[str, Any]]:
        """The routes of the object's map as plain data."""
        table = TABLES[self.object][0]
        fields = [*self.ways.items(), *self.more]
        if self.object == "referral":
            return list(_referral(fields, self.targets.get("estimatedvalue")))
        return [{"table": table, "fields": [way.field_map(source) for source, way in fields]}]


def _target(way: Way) -> str | None:
    """The column a way fills; the state counts as one, an ignored field fills none."""
    return "" if way.transform == "state" and way.column is None else way.column


def _merged(one: Way, other: Way) -> Way:
    values = {**(other.values or {}), **(one.values or {})} or None
    args = dict(one.args)
    if "format" in other.args or "format" in args:
        names = [name for way in (one, other) for name in _listed(way.args.get("format", "iso"))]
        args["format"] = list(dict.fromkeys(names))
    confidence = min(one.confidence, other.confidence)
    return Way(one.column, one.transform, args, values, one.phi, confidence, one.reason)


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _referral(fields: Iterable[tuple[str, Way]], amount: str | None) -> Iterable[dict[str, Any]]:
    """An opportunity when there is an amount, else a ClinicReferral; that alone where no field holds amounts."""
    catalog = load_catalog()
    money: list[dict[str, Any]] = []
    plain: list[dict[str, Any]] = []
    for source, way in fields:
        column = way.column or ""
        theirs = _OPPORTUNITY.get(column, column)
        if catalog.column("opportunity", theirs) and way.column:
            money.append(
                Way(theirs, way.transform, way.args, way.values, way.phi, way.confidence, way.reason).field_map(source)
            )
        elif column == "Status":
            states: dict[str, str | None] = {
                value: _WON.get(label or "", "open") for value, label in (way.values or {}).items()
            }
            state = Way(None, "state", {"default": "open"}, states or None, "none", way.confidence, way.reason)
            money.append(state.field_map(source))
        elif way.column is None and way.transform != "state":
            money.append(way.field_map(source))
        if not way.column or catalog.column("ClinicReferral", column):
            plain.append(way.field_map(source))
        else:
            left = ignored(f"Only an opportunity has {column}; without an amount there is none.", way.phi)
            plain.append(left.field_map(source))
    if amount is not None:
        yield {"table": "opportunity", "when": {"field": amount, "above": 0}, "fields": money}
    yield {"table": "ClinicReferral", "fields": plain}
