"""Azure OpenAI as a second opinion on doubtful fields of a proposal. Off unless an endpoint is set.

Signs in with the app's own identity; there is no key. Sends what ``mapping.matching.rerank`` asks: names, types and
patterns. A service that does not answer leaves the proposal as it is.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Final

import httpx
import orjson
from azure.identity import DefaultAzureCredential

from mapping.matching.rerank import Question, Reranker
from settings import Settings

SCOPE: Final = "https://cognitiveservices.azure.com/.default"
API_VERSION: Final = "2024-10-21"  #: the first stable one with JSON answers of a schema
_SECONDS: Final = 60.0
_TASK: Final = (
    "You match fields of a clinic's software to columns of Microsoft Dynamics 365. For each field choose one of its homes;"
    ' "none" when it should not be migrated (technical keys, audit columns, copies of other records). Answer with a JSON'
    " object: field name to the chosen home, nothing else."
)

_log = logging.getLogger(__name__)


class AzureOpenAI:
    """A deployed model that chooses among homes."""

    def __init__(self, endpoint: str, deployment: str, token: Callable[[], str], client: httpx.Client) -> None:
        self._url = f"{endpoint.rstrip('/')}/openai/deployments/{deployment}/chat/completions"
        self._token = token
        self._client = client

    def choose(self, question: Question) -> Mapping[str, str]:
        """Field -> home; empty when the service fails or answers something else, which is logged without content."""
        body = {
            "messages": [
                {"role": "system", "content": _TASK},
                {"role": "user", "content": orjson.dumps(asdict(question)).decode()},
            ],
            "response_format": {"type": "json_object"},
            "temperature": 0,
        }
        try:
            response = self._client.post(
                self._url,
                params={"api-version": API_VERSION},
                headers={"Authorization": f"Bearer {self._token()}"},
                json=body,
            )
            response.raise_for_status()
            answer = orjson.loads(response.json()["choices"][0]["message"]["content"])
        except (httpx.HTTPError, ValueError, LookupError, TypeError) as error:
            _log.warning("The language model gave no answer (%s); the proposal stays.", type(error).__name__)
            return {}
        if not isinstance(answer, dict):
            return {}
        return {field: home for field, home in answer.items() if isinstance(field, str) and isinstance(home, str)}


def reranker_of(settings: Settings) -> Reranker | None:
    """The configured model; None when there is none."""
    if not (settings.openai_endpoint and settings.openai_deployment):
        return None
    credential = DefaultAzureCredential()
    return AzureOpenAI(
        settings.openai_endpoint,
        settings.openai_deployment,
        lambda: credential.get_token(SCOPE).token,
        httpx.Client(timeout=_SECONDS),
    )
