"""The OpenAPI document says what the app serves: every route, every step, every body."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from pydantic import BaseModel

from cli.reports import Purpose
from mapping.model import ControlledPolicy
from orchestrators import FLOWS
from services.fields import FieldEdit
from services.files import UploadEnd
from services.overview import NewMigration
from services.picks import Choice
from services.reveal import PURPOSES
from triggers import DURABLE, ENDPOINTS
from triggers.maps import Answers, Decision, Fallback, FieldEdits, PhiDecisions, WholeMap
from triggers.profiles import Choices, ProfileText
from triggers.sample import Explanation, Revocation
from triggers.steps import StepOptions, Stop

FILE = Path(__file__).resolve().parent.parent / "triggers" / "openapi.yaml"
METHODS = ("get", "post", "put", "patch", "delete")
BODIES = (
    NewMigration,
    UploadEnd,
    StepOptions,
    Decision,
    Explanation,
    Revocation,
    Answers,
    FieldEdits,
    FieldEdit,
    PhiDecisions,
    ProfileText,
    Choices,
    Choice,
    WholeMap,
    Fallback,
    Stop,
)


@pytest.fixture(scope="module")
def document() -> Any:
    return yaml.safe_load(FILE.read_text("utf-8"))


def operations(document: Any) -> Iterator[tuple[str, str, Any, list[Any]]]:
    """Method, path, operation and the parameters of the path."""
    for path, route in document["paths"].items():
        for method in METHODS:
            if method in route:
                yield method.upper(), path, route[method], route.get("parameters", [])


def test_every_route_is_described_and_every_description_is_served(document: Any) -> None:
    described = {(operation["operationId"], method, path) for method, path, operation, _ in operations(document)}
    served = {(name, method, f"/{route}") for name, method, route, _ in (*ENDPOINTS, *DURABLE)}
    assert described == served


def test_every_reference_leads_somewhere(document: Any) -> None:
    def references(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            if "$ref" in node:
                yield node["$ref"]
            for inner in node.values():
                yield from references(inner)
        elif isinstance(node, list):
            for inner in node:
                yield from references(inner)

    found = set(references(document))
    assert found
    for reference in found:
        node = document
        for part in reference.removeprefix("#/").split("/"):
            assert part in node, reference
            node = node[part]


def test_every_place_in_a_path_is_a_parameter(document: Any) -> None:
    named = document["components"]["parameters"]
    for _, path, operation, shared in operations(document):
        given = [*shared, *operation.get("parameters", [])]
        given = [named[one["$ref"].split("/")[-1]] if "$ref" in one else one for one in given]
        assert {one["name"] for one in given if one["in"] == "path"} == set(re.findall(r"{(\w+)}", path)), path


def test_the_steps_are_those_that_can_be_started(document: Any) -> None:
    parameters = document["paths"]["/migrations/{id}/steps/{step}"]["parameters"]
    steps = next(one["schema"]["enum"] for one in parameters if one.get("name") == "step")
    assert set(steps) == set(FLOWS)


@pytest.mark.parametrize("model", BODIES, ids=lambda model: model.__name__)
def test_bodies_have_the_members_that_are_read(document: Any, model: type[BaseModel]) -> None:
    schema = document["components"]["schemas"][model.__name__]
    assert set(schema["properties"]) == set(model.model_fields)
    assert set(schema.get("required", [])) == {name for name, one in model.model_fields.items() if one.is_required()}


def test_the_policies_are_those_of_the_map(document: Any) -> None:
    decision = document["components"]["schemas"]["Decision"]["properties"]
    assert set(decision["controlled"]["enum"]) == set(get_args(ControlledPolicy))


def test_purposes_of_a_reveal_are_the_same_everywhere(document: Any) -> None:
    named = document["components"]["parameters"]["reveal"]["schema"]["enum"]
    assert tuple(named) == tuple(PURPOSES) == get_args(Purpose)
