"""The sample clinic without its profile: what is proposed is held against what the profile does, value by value."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mapping.catalog.build import build_schema
from mapping.compile import compile_map
from mapping.matching.engine import propose as match
from mapping.model import ClinicMap
from mapping.objects import LOAD_ORDER
from mapping.owners import Owners
from mapping.propose import choice_fields, propose
from mapping.record import MappedRecord
from mapping.schema import Schema
from mapping.validate import problems
from sources.discover import SourceFile, detect, list_files, with_columns
from sources.generated.build import build_profile, to_yaml
from sources.generated.reading import understand
from sources.inventory import PropertyProfile
from sources.profile import Profile, load_profile, parse_profile
from sources.profiling.source import datasets_of, profile_source
from tests.clinic.export import Export
from tests.clinic.test_profile import BUCKETS, OWNER, Shaped, shape

#: Share of the fields that a person may have to correct.
CORRECTED = 0.10
#: A field is right when this share of its values is; a name that is made up for a row only has to be there.
RIGHT = 0.98
MADE_UP = {"Name", "name"}

Written = dict[tuple[str, str, str], dict[str, Any]]


@dataclass
class Mapped:
    """What a profile makes of the clinic."""

    profile: Profile
    shaped: Shaped
    map: ClinicMap
    written: Written  #: object, table, column -> source id -> value


def proposed_profile(files: list[SourceFile], work: Path) -> Profile:
    """The profile that a source without one gets, as it comes back from its text."""
    seen = [with_columns(file) for file in files]
    documents, wrong = profile_source(datasets_of(seen), work, 256)
    assert wrong == {}
    others = [file.name for file in seen if file.kind == "other"]
    text = to_yaml(build_profile(documents, understand(documents, match), others, "America/New_York"))
    return parse_profile(text, "proposed")


def mapped(profile: Profile, folder: Path, work: Path) -> Mapped:
    shaped = shape(detect(list_files(folder), profile), work, BUCKETS)
    clinic_map = map_of(profile, shaped)
    schema = build_schema(clinic_map)
    assert problems(clinic_map, schema) == []
    owner = Owners(fallback=OWNER)
    mappers = compile_map(clinic_map, schema, owner)
    written: Written = defaultdict(dict)
    for name in LOAD_ORDER:
        for record in shaped.records[name] if name in mappers else ():
            one = mappers[name](record)
            if one.status == "mapped":
                for column, value in values_of(one, schema):
                    written[name, one.table, column][one.source_id] = value
    return Mapped(profile, shaped, clinic_map, written)


def map_of(profile: Profile, shaped: Shaped) -> ClinicMap:
    plain = {str(name): one for name, one in profile.map.items()}
    options: defaultdict[str, set[str]] = defaultdict(set)
    for field in choice_fields(plain):
        for record in shaped.records[field.object]:
            value = record.get(field.source)
            if isinstance(value, str) and not record.get("_excluded"):
                options[field.key].add(value)
    properties: dict[str, PropertyProfile] = {}
    for record in shaped.records["patient"]:
        for name, value in (record.get("properties") or {}).items():
            one = properties.setdefault(name, PropertyProfile(name=name))
            several = value if isinstance(value, list) else [value]
            one.multi = one.multi or len(several) > 1
            for each in several:
                one.add(str(each))
    made = propose(
        plain, properties, options, system="clinic", profile=profile.name, time_zone="America/New_York"
    )  # fmt: skip
    return made.model_copy(update={"controlled": "include"})


def values_of(one: MappedRecord, schema: Schema) -> list[tuple[str, Any]]:
    """Columns with what is written to them: labels of options, keys of links, the state, the provenance."""
    found: list[tuple[str, Any]] = [("state", one.state)]
    columns = {column.logical: column for column in schema.tables[one.table].columns.values()}
    for logical, value in one.payload.items():
        column = columns[logical]
        labels = {str(number): label for label, number in column.options.items()}
        if column.options:
            value = sorted(labels[number] for number in str(value).split(","))
        found.append((column.plain, value))
    return found + [(columns[ref.column].plain, ref.key) for ref in one.refs if ref.column in columns]


@pytest.fixture(scope="module")
def known(clinic: Export, tmp_path_factory: pytest.TempPathFactory) -> Mapped:
    return mapped(load_profile("sample_clinic"), clinic.folder, tmp_path_factory.mktemp("known"))


@pytest.fixture(scope="module")
def proposed(clinic: Export, tmp_path_factory: pytest.TempPathFactory) -> Mapped:
    work = tmp_path_factory.mktemp("proposed")
    return mapped(proposed_profile(list_files(clinic.folder), work / "profiling"), clinic.folder, work)


def wrong_fields(known: Written, proposed: Written) -> list[str]:
    """The fields that would have to be corrected: missing, filled with something else, or filled without need."""
    wrong = []
    for key in sorted(known.keys() | proposed.keys()):
        right, given = known.get(key, {}), proposed.get(key, {})
        if key[2] in MADE_UP and right and given:
            continue
        ids = right.keys() | given.keys()
        same = sum(1 for id in ids if right.get(id) == given.get(id))
        if same < RIGHT * len(ids):
            wrong.append(f"{'.'.join(key)}: {same} of {len(ids)}")
    return wrong


def test_at_most_a_tenth_of_the_fields_has_to_be_corrected(known: Mapped, proposed: Mapped) -> None:
    wrong = wrong_fields(known.written, proposed.written)
    assert len(wrong) <= CORRECTED * len(known.written), f"{len(wrong)} of {len(known.written)}: " + "; ".join(wrong)


def test_everybody_who_came_to_a_session_has_a_visit(known: Mapped, proposed: Mapped) -> None:
    for column in ("Patient", "SeriesId", "ScheduledDate"):
        ours = proposed.written["appointment", "ClinicAppointment", column]
        theirs = known.written["appointment", "ClinicAppointment", column]
        sessions = {id for id in theirs if id.startswith("GS")}
        assert sessions
        assert {id: ours.get(id) for id in sessions} == {id: theirs[id] for id in sessions}


def test_every_row_is_accounted_for_as_the_profile_does(known: Mapped, proposed: Mapped) -> None:
    """Datasets have other names, so rows are compared by file."""

    def by_file(one: Mapped) -> dict[str, Counter[str]]:
        return {one.profile.datasets[name].files[0]: counts for name, counts in one.shaped.accounts.items()}

    ours, theirs = by_file(proposed), by_file(known)
    assert ours.keys() == theirs.keys()
    for file, counts in theirs.items():
        assert sum(ours[file].values()) == sum(counts.values()), file
        assert {key: n for key, n in ours[file].items() if key.startswith("fed:")} == {
            key: n for key, n in counts.items() if key.startswith("fed:")
        }, file
    for name in known.shaped.records:
        assert len(proposed.shaped.records[name]) == len(known.shaped.records[name]), name
