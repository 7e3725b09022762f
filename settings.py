"""Every setting the app reads, from the environment (in Azure: app settings; locally: ``local.settings.json``).

`docs/reference/settings.md` lists them for people; `infra/bicep` sets each one.
"""

from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Names are the environment variables' own; unset optional ones are empty strings. ``repr=False``: a secret."""

    model_config = SettingsConfigDict(extra="ignore", populate_by_name=True)

    storage: str = Field(
        default="", alias="AzureWebJobsStorage", repr=False
    )  #: connection string (Azurite, or a shared-key account)
    storage_account: str = Field(default="", alias="AzureWebJobsStorage__accountName")  #: identity-based account

    dataverse_url: str = Field(default="", alias="DATAVERSE_URL")
    tenant_id: str = Field(default="", alias="DATAVERSE_TENANT_ID")
    client_id: str = Field(default="", alias="DATAVERSE_CLIENT_ID")
    client_secret: str = Field(default="", alias="DATAVERSE_CLIENT_SECRET", repr=False)
    certificate_path: str = Field(default="", alias="DATAVERSE_CERTIFICATE_PATH")
    managed_identity: bool = Field(default=False, alias="DATAVERSE_MANAGED_IDENTITY")
    static_token: str = Field(default="", alias="DATAVERSE_TOKEN", repr=False)  #: only for the local simulator

    authority: str = Field(default="", alias="DATAVERSE_AUTHORITY")  #: another cloud's sign-in address
    application_users: str = Field(
        default="", alias="CARRYOVER_APPLICATION_USERS", repr=False
    )  #: JSON; more users, side by side

    fallback_owner: str = Field(default="", alias="CARRYOVER_FALLBACK_OWNER")  #: e-mail, or "team:<name>"
    max_file_mb: int = Field(default=25, alias="CARRYOVER_MAX_FILE_MB", gt=0)
    pause_percent: float = Field(default=5.0, alias="CARRYOVER_EXCEPTION_PAUSE_PERCENT", ge=0, le=100)
    daily_requests: int = Field(default=0, alias="CARRYOVER_DAILY_REQUESTS", ge=0)  #: 0: not limited
    chunk: int = Field(default=1000, alias="CARRYOVER_CHUNK", ge=1, le=2000)  #: records a load activity works on
    memory_mb: int = Field(default=256, alias="CARRYOVER_MEMORY_MB", ge=64)  #: DuckDB's limit, per activity
    bucket_mb: int = Field(default=8, alias="CARRYOVER_BUCKET_MB", ge=1)  #: raw bytes one shaping activity takes
    slots: int = Field(
        default=0, alias="CARRYOVER_SLOTS", ge=0
    )  #: requests in flight of one application user; 0: what x-ms-dop-hint says
    quiet_seconds: float = Field(
        default=150.0, alias="CARRYOVER_QUIET_SECONDS", ge=0
    )  #: when a lost write is surely over
    bypass_logic: bool = Field(
        default=False, alias="CARRYOVER_BYPASS_LOGIC"
    )  #: our writes run no custom plug-ins and flows of the target
    delta_hours: int = Field(default=48, alias="CARRYOVER_DELTA_HOURS", ge=1)
    webhook: str = Field(
        default="", alias="CARRYOVER_WEBHOOK", repr=False
    )  #: told ids and counts when a person is needed
    app_service_auth: bool = Field(default=False, alias="CARRYOVER_APP_SERVICE_AUTH")  #: the platform signs people in
    two_people: bool = Field(
        default=False, alias="CARRYOVER_TWO_PEOPLE"
    )  #: who shaped the map does not confirm it, nor sign its sample
    development_identity: str = Field(default="", alias="CARRYOVER_DEVELOPMENT_IDENTITY")  #: who works on this machine
    openai_endpoint: str = Field(
        default="", alias="CARRYOVER_OPENAI_ENDPOINT"
    )  #: Azure OpenAI; empty: nothing is asked
    openai_deployment: str = Field(default="", alias="CARRYOVER_OPENAI_DEPLOYMENT")
    temp: str = Field(default="", alias="CARRYOVER_TEMP")  #: parent of the activities' private folders

    @field_validator("development_identity")
    @classmethod
    def _one_identity(cls, given: str, info: ValidationInfo) -> str:
        """Nobody may come in by a setting where the platform signs people in."""
        if given and info.data.get("app_service_auth"):
            raise ValueError("it cannot stand beside CARRYOVER_APP_SERVICE_AUTH")
        return given

    @field_validator("dataverse_url")
    @classmethod
    def _an_address(cls, given: str) -> str:
        """Records travel encrypted; only to this machine may they go in the clear."""
        parts = urlsplit(given)
        here = parts.hostname in ("127.0.0.1", "localhost", "::1")
        if given and not (parts.hostname and (parts.scheme == "https" or (parts.scheme == "http" and here))):
            raise ValueError("an address such as https://yourorg.crm.dynamics.com is expected")
        return given


def listed(one: Settings) -> list[dict[str, Any]]:
    """Every setting: name, value, whether it was set or is the default. A secret's value is never there, only whether it
    has one."""
    shown = []
    for name, field in Settings.model_fields.items():
        value, origin = getattr(one, name), "environment" if name in one.model_fields_set else "default"
        told = value if field.repr else bool(value)
        shown.append({"name": field.alias, "value": told, "origin": origin, "secret": not field.repr})
    return shown


class WrongSetting(ValueError):
    """A setting cannot be used. The message names the variable and never repeats its value, which may be a secret."""


@lru_cache
def settings() -> Settings:
    """The settings of this process, read once. Raises WrongSetting."""
    try:
        return Settings()
    except ValidationError as error:
        found = "; ".join(
            f"{one['loc'][0]}: {one['msg'].removeprefix('Value error, ').lower()}"
            for one in error.errors(include_input=False)
        )
        raise WrongSetting(f"A setting cannot be used. {found}.") from None
