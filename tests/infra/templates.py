"""The Bicep templates as the tests read them: parsed by pycep, and as text where the parser keeps too little."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from pycep import BicepParser

REPOSITORY: Final = Path(__file__).resolve().parents[2]
FOLDER: Final = REPOSITORY / "infra" / "bicep"
FILES: Final = sorted(FOLDER.rglob("*.bicep"))
NAMES: Final = [str(path.relative_to(FOLDER)) for path in FILES]

_STRING: Final = re.compile(r"'(?:[^'\\\n]|\\.)*'")
_HOLE: Final = re.compile(r"\$\{([^{}]*)\}")
_DECLARED: Final = re.compile(r"^(?:param|var|resource|module) (\w+)", re.M)
_LOOPED: Final = re.compile(r"\[for (?:\((\w+), (\w+)\)|(\w+)) in ")
_KEY: Final = re.compile(r"^\s*(?:\w+|'[^']*'):", re.M)
#: Words of the language and the functions that the templates call.
_LANGUAGE: Final = {
    *("array", "bool", "int", "object", "string", "true", "false", "null", "if", "for", "in", "existing"),
    *("param", "var", "resource", "module", "output", "targetScope"),
    *("allowed", "description", "maxLength", "maxValue", "minLength", "minValue", "secure"),
    *("concat", "dateTimeAdd", "dateTimeToEpoch", "empty", "environment", "guid", "replace", "resourceGroup"),
    *("subscriptionResourceId", "tenant", "toLower", "union", "uniqueString", "utcNow"),
}


@dataclass(frozen=True, slots=True)
class Template:
    """One file."""

    name: str
    text: str
    tree: dict[str, Any]

    @property
    def parameters(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = self.tree.get("parameters", {})
        return found

    def needed(self) -> set[str]:
        """Parameters without a default."""
        return {name for name, one in self.parameters.items() if one.get("default") is None}

    def resource(self, name: str) -> dict[str, Any]:
        """What is between the braces of one resource, whether it is conditional, repeated or neither."""
        config: dict[str, Any] = self.tree["resources"][name]["config"]
        inner: dict[str, Any] = config.get("config", config)
        return inner

    def code(self) -> str:
        """The text without comments and strings; what strings interpolate stays."""
        text = re.sub(r"(?<!:)//.*", "", self.text)
        return _STRING.sub(lambda found: " ".join(hole for hole in _HOLE.findall(found.group())) or "''", text)

    def declared(self) -> set[str]:
        """Names of parameters, variables, resources and modules."""
        return set(_DECLARED.findall(self.text))

    def used(self) -> set[str]:
        """Names that expressions refer to."""
        code = _KEY.sub("", self.code())
        code = re.sub(r"^(?:(?:param|output) \w+ \w+|(?:var|resource|module) \w+)", "", code, flags=re.M)
        names = set(re.findall(r"(?<![.\w])([A-Za-z_]\w*)", code))
        looped = {name for found in _LOOPED.findall(self.text) for name in found if name}
        return names - _LANGUAGE - looped


@cache
def template(name: str) -> Template:
    """A template by its path below infra/bicep. Raises the parser's error when it is not Bicep."""
    text = (FOLDER / name).read_text("utf-8")
    return Template(name, text, BicepParser().parse(text=text))


def app_settings() -> dict[str, Any]:
    """The app's settings by name; the values are literals, or the names and expressions they come from."""
    call = template("modules/app.bicep").resource("settings")["properties"]["function"]
    assert call["type"] == "union"
    settings: dict[str, Any] = call["parameters"]["arg_1"]
    return settings


def calls() -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """Calls of modules: caller, name, path of the module called, and what it is given."""
    for name in NAMES:
        for called, one in template(name).tree.get("modules", {}).items():
            config = one["config"].get("config", one["config"])
            target = (FOLDER / name).parent / one["detail"]["path"]
            yield name, called, str(target.resolve().relative_to(FOLDER)), config["params"]


def values_of(tree: Any, key: str) -> Iterator[Any]:
    """Every value that stands under a key, anywhere in a tree."""
    if isinstance(tree, dict):
        for name, value in tree.items():
            if name == key:
                yield value
            yield from values_of(value, key)
    elif isinstance(tree, list):
        for value in tree:
            yield from values_of(value, key)
