"""What the matcher knows beforehand: words, the roles a table can play, and what its fields are called. Packaged YAML."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

HERE: Final = Path(__file__).parent

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load(name: str) -> dict[str, Any]:
    """One of the YAML files beside this module."""
    data: dict[str, Any] = yaml.load((HERE / name).read_text("utf-8"), Loader=_Loader)
    return data


@dataclass(frozen=True)
class Words:
    """Words and what they stand for."""

    abbreviations: Mapping[str, str]
    same: Mapping[str, str]
    stop: frozenset[str]
    weights: Mapping[str, float]
    languages: Mapping[str, Mapping[str, str]]
    vocabulary: frozenset[str]  #: every English word the lexicon uses
    english: frozenset[str]  #: the same with the abbreviations
    kin: tuple[tuple[str, ...], ...]  #: groups of words that are near each other
    empty: frozenset[str]  #: words that tell nothing in a description
    foreign: frozenset[str]  #: every word of the other languages, of more than three letters


@cache
def words() -> Words:
    """The words, read once a process."""
    data, languages = load("words.yaml"), load("languages.yaml")
    vocabulary = set(data["same"]) | set(data["same"].values())
    vocabulary |= {word for phrase in data["abbreviations"].values() for word in phrase.split()}
    vocabulary |= {word for own in languages.values() for phrase in own.values() for word in phrase.split()}
    vocabulary |= {word for word in _phrase_words() if word.isalpha()}
    vocabulary = {word for word in vocabulary if len(word) > 1}
    return Words(
        abbreviations=data["abbreviations"],
        same=data["same"],
        stop=frozenset(data["stop"]),
        weights=data["weights"],
        languages=languages,
        vocabulary=frozenset(vocabulary),
        english=frozenset(vocabulary | set(data["abbreviations"])),
        kin=tuple(tuple(group) for group in data["kin"]),
        empty=frozenset(data["empty"]),
        foreign=frozenset(word for own in languages.values() for word in own if len(word) > 3),
    )


@cache
def role_data() -> dict[str, dict[str, Any]]:
    """Every role as its file has it, in the order of the files."""
    return {
        name: data
        for file in ("roles/people.yaml", "roles/visits.yaml", "roles/records.yaml")
        for name, data in load(file).items()
    }


def _phrase_words() -> set[str]:
    found: set[str] = set()

    def collect(value: Any) -> None:
        if isinstance(value, str):
            found.update(value.split("@")[0].split())
        elif isinstance(value, list):
            for one in value:
                collect(one)
        elif isinstance(value, dict):
            for one in value.values():
                collect(one)

    for role in role_data().values():
        for part in ("tables", "about", "columns", "extra", "none"):
            collect(role.get(part))
    collect(load("groups.yaml"))
    for kind in load("none.yaml").values():
        collect(kind["phrases"])
    return found
