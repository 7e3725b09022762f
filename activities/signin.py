"""As whom the app signs in at Dataverse, by its settings."""

from activities.errors import StepError
from dataverse.auth import Auth, StaticToken, managed_identity
from dataverse.errors import AuthRefused
from dataverse.pool import ApplicationUser, BadApplicationUsers, application_users, credentials
from settings import Settings, settings


def users() -> int:
    """How many application users the app signs in as."""
    return len(names())


def names() -> list[str]:
    """The application users by client id, in the order of ``credentials_of``."""
    one = settings()
    return [user.client_id for user in _users(one)] or [one.client_id or "of the app"]


def credentials_of(one: Settings) -> list[Auth]:
    """Where the tokens of each application user come from. Raises AuthRefused when the settings name none."""
    if users := _users(one):
        return credentials(one.dataverse_url, one.tenant_id, users, one.authority or None)
    if one.static_token:
        return [StaticToken(one.static_token)]
    if one.managed_identity:
        return [managed_identity(one.dataverse_url, one.client_id or None)]
    raise AuthRefused("No application user is set.")


def _users(one: Settings) -> list[ApplicationUser]:
    """None for a fixed token and for a managed identity."""
    if not one.application_users and (one.static_token or one.managed_identity):
        return []
    try:
        return application_users(
            one.application_users, client_id=one.client_id, secret=one.client_secret, certificate=one.certificate_path
        )
    except BadApplicationUsers as error:
        raise StepError("wrong_setting", str(error), "docs/reference/settings.md shows its form.") from None
