"""The HTTP client of the command line."""

from cli.client import Api
from tests.cli.fake_app import KEY, FakeApp


def test_a_token_goes_along_for_an_app_behind_sign_in(app: FakeApp) -> None:
    """Key and token are both sent: the one opens the endpoint, the other says who is there."""
    api = Api(app.url, KEY, "the-token")
    api.get("/health")

    assert app.tokens[-1] == "Bearer the-token"
