"""A second opinion is asked about doubtful fields only, is told no value, and cannot answer what was not offered."""

from collections.abc import Callable, Mapping
from dataclasses import asdict

import httpx
import orjson
import pytest

from activities.language_model import AzureOpenAI, reranker_of
from mapping.matching.engine import propose
from mapping.matching.model import Column, Evidence, Proposal, Table
from mapping.matching.rerank import DOUBTFUL, MOST, Question, rerank
from settings import Settings

SECRET = "Zebulon Quist"

TABLES = [
    Table(
        "patients",
        (
            Column("last_name", "varchar(40)", example=SECRET),
            Column("social", "varchar(40)", options=(SECRET,), evidence=Evidence(9, values={SECRET: 9})),
            Column("ref_provider", "int"),
            Column("status", "varchar(20)"),
        ),
        objects=("patient",),
        main=True,
    )
]


class Answering:
    def __init__(self, answer: Callable[[Question], Mapping[str, str]]) -> None:
        self.answer = answer
        self.questions: list[Question] = []

    def choose(self, question: Question) -> Mapping[str, str]:
        self.questions.append(question)
        return self.answer(question)


def doubtful(proposal: Proposal) -> set[str]:
    return {one.column for one in proposal.fields if one.confidence < DOUBTFUL and one.alternatives}


def test_only_doubtful_fields_are_asked_about_and_no_value_is_told() -> None:
    reranker = Answering(lambda _: {})
    proposal = propose(TABLES)
    assert rerank(proposal, TABLES, reranker) == proposal
    assert {one.field for question in reranker.questions for one in question.fields} == doubtful(proposal) != set()
    assert SECRET not in repr([asdict(question) for question in reranker.questions])


def test_an_answer_among_the_homes_is_taken() -> None:
    proposal = propose(TABLES)
    answered = rerank(
        proposal, TABLES, Answering(lambda question: {one.field: one.homes[1] for one in question.fields})
    )
    for before, after in zip(proposal.fields, answered.fields, strict=True):
        if before.column in doubtful(proposal):
            assert after.confidence == MOST and (after.target_column != before.target_column)
            assert after.alternatives[0].target_column == before.target_column
        else:
            assert after == before


def test_what_was_not_offered_is_ignored() -> None:
    proposal = propose(TABLES)
    answer = Answering(lambda question: {one.field: "contact.creditlimit" for one in question.fields})
    assert rerank(proposal, TABLES, answer) == proposal


def asked() -> Question:
    reranker = Answering(lambda _: {})
    rerank(propose(TABLES), TABLES, reranker)
    return reranker.questions[0]


def model(handler: Callable[[httpx.Request], httpx.Response]) -> AzureOpenAI:
    client = httpx.Client(transport=httpx.MockTransport(handler))
    return AzureOpenAI("https://here.openai.azure.com/", "small", lambda: "token", client)


def test_the_service_is_asked_as_it_wants_to_be() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/openai/deployments/small/chat/completions"
        assert request.headers["Authorization"] == "Bearer token"
        assert orjson.loads(orjson.loads(request.content)["messages"][1]["content"])["table"] == "patients"
        return httpx.Response(200, json={"choices": [{"message": {"content": '{"status": "none"}'}}]})

    assert model(handler).choose(asked()) == {"status": "none"}


@pytest.mark.parametrize("content", ["no json", "[1]", '{"status": 3}'])
def test_a_useless_answer_is_no_answer(content: str) -> None:
    body = {"choices": [{"message": {"content": content}}]}
    assert model(lambda _: httpx.Response(200, json=body)).choose(asked()) == {}


def test_a_service_that_fails_leaves_the_proposal_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    assert model(lambda _: httpx.Response(500, text=SECRET)).choose(asked()) == {}
    assert SECRET not in caplog.text and "HTTPStatusError" in caplog.text


def test_it_is_off_unless_both_settings_are_given() -> None:
    assert reranker_of(Settings()) is None
    assert reranker_of(Settings(CARRYOVER_OPENAI_ENDPOINT="https://here.openai.azure.com")) is None
