"""The template sets every setting that the code reads, as the code means it."""

import json
import re
from pathlib import Path

import pytest

from settings import Settings
from tests.infra.templates import REPOSITORY, app_settings

ALIASES = {str(field.alias): field for field in Settings.model_fields.values()}

#: A connection string would hold a key, which the account refuses; the token is the local simulator's, and the
#: development identity lets in whoever comes.
NEVER_IN_AZURE = {"AzureWebJobsStorage", "DATAVERSE_TOKEN", "CARRYOVER_DEVELOPMENT_IDENTITY"}


@pytest.mark.parametrize("alias", sorted(set(ALIASES) - NEVER_IN_AZURE))
def test_each_setting_of_the_code_is_set(alias: str) -> None:
    assert alias in app_settings()


@pytest.mark.parametrize("alias", sorted(NEVER_IN_AZURE))
def test_keys_and_tokens_are_not_set(alias: str) -> None:
    assert alias in ALIASES
    assert alias not in app_settings()


def test_storage_is_reached_with_the_apps_identity() -> None:
    settings = app_settings()
    assert settings["AzureWebJobsStorage__credential"] == "managedidentity"
    assert settings["AzureWebJobsStorage__clientId"] == "identityClientId"
    assert settings["AZURE_CLIENT_ID"] == "identityClientId"
    assert settings["APPLICATIONINSIGHTS_AUTHENTICATION_STRING"] == "ClientId=${identityClientId};Authorization=AAD"


@pytest.mark.parametrize(
    "alias",
    sorted(a for a, field in ALIASES.items() if isinstance(field.default, int | float) and field.default is not False),
)
def test_numbers_are_the_defaults_of_the_code(alias: str) -> None:
    """Two lists of defaults must not drift apart."""
    assert float(app_settings()[alias]) == ALIASES[alias].default


def test_secrets_are_references_to_the_vault() -> None:
    text = (REPOSITORY / "infra/bicep/modules/app.bicep").read_text("utf-8")
    references = re.findall(
        r"^var (\w+Reference) = '@Microsoft\.KeyVault\(VaultName=\$\{vaultName\};SecretName=([\w-]+)\)'", text, re.M
    )
    stored = set(
        re.findall(r"^    name: '([\w-]+)'", (REPOSITORY / "infra/bicep/modules/vault.bicep").read_text("utf-8"), re.M)
    )
    assert {secret for _, secret in references} == stored
    for setting, reference in (
        ("DATAVERSE_CLIENT_SECRET", "clientSecretReference"),
        ("CARRYOVER_WEBHOOK", "webhookReference"),
        ("CARRYOVER_APPLICATION_USERS", "usersReference"),
    ):
        assert reference in dict(references)
        line = re.search(rf"^    {setting}: (.*)$", text, re.M)
        assert line is not None and re.findall(r"\w+|''", line.group(1))[1:] in (
            ["", reference],
            ["''", reference],
            [reference, "''"],
        )


def placeholders() -> set[str]:
    """Settings that the host resolves: %NAME% in host.json and in triggers."""
    files: list[Path] = [REPOSITORY / "host.json", *sorted((REPOSITORY / "triggers").rglob("*.py"))]
    return {name for file in files for name in re.findall(r'"%([A-Z_]+)%"', file.read_text("utf-8"))}


def test_what_the_host_resolves_is_set() -> None:
    assert placeholders() == {"TASKHUB_NAME", "CARRYOVER_DELTA_CRON"}
    assert placeholders() <= set(app_settings())


def test_the_task_hub_uses_the_storage_that_the_identity_reaches() -> None:
    provider = json.loads((REPOSITORY / "host.json").read_text("utf-8"))["extensions"]["durableTask"]["storageProvider"]
    assert provider["type"] == "azureStorage"
    assert f"{provider['connectionName']}__accountName" in app_settings()
