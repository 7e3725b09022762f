"""The templates hold together, keep secrets, and open nothing that should be shut."""

import re

import pytest

from ledger.paths import CONTAINERS
from tests.infra.templates import FOLDER, NAMES, app_settings, calls, template, values_of

#: What Flex Consumption takes from functionAppConfig, or does not offer, and refuses or ignores as a setting.
REFUSED_BY_FLEX = {
    "ENABLE_ORYX_BUILD",
    "FUNCTIONS_EXTENSION_VERSION",
    "FUNCTIONS_WORKER_PROCESS_COUNT",
    "FUNCTIONS_WORKER_RUNTIME",
    "FUNCTIONS_WORKER_RUNTIME_VERSION",
    "SCM_DO_BUILD_DURING_DEPLOYMENT",
    "TZ",
    "WEBSITE_CONTENTAZUREFILECONNECTIONSTRING",
    "WEBSITE_CONTENTOVERVNET",
    "WEBSITE_CONTENTSHARE",
    "WEBSITE_RUN_FROM_PACKAGE",
    "WEBSITE_TIME_ZONE",
    "WEBSITE_VNET_ROUTE_ALL",
}
SITE_PROPERTIES_REFUSED_BY_FLEX = {"alwaysOn", "linuxFxVersion", "functionAppScaleLimit", "pythonVersion"}

#: Built-in roles: Storage Blob Data Owner, Storage Queue Data Contributor, Storage Table Data Contributor,
#: Key Vault Secrets User, Monitoring Metrics Publisher.
ROLES = {
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
    "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
    "4633458b-17de-408a-b874-0445c86b69e6",
    "3913510d-42f4-4e42-8a64-420c390055eb",
}


@pytest.mark.parametrize("name", NAMES)
def test_every_name_used_is_declared_and_every_name_declared_is_used(name: str) -> None:
    """What the Bicep compiler would say first; it is not at hand where these tests run."""
    one = template(name)
    outputs = set(re.findall(r"^output (\w+)", one.text, re.M))
    assert one.used() - one.declared() - outputs == set()
    named = {r for r in one.declared() if r in one.parameters or re.search(rf"^var {r}\b", one.text, re.M)}
    assert named - one.used() == set()


def test_modules_are_given_what_they_declare() -> None:
    for caller, called, module, given in calls():
        declared = template(module).parameters
        assert set(given) - set(declared) == set(), f"{caller} gives {called} what it does not take"
        assert template(module).needed() - set(given) == set(), f"{caller} leaves out what {called} needs"


def test_every_module_is_called() -> None:
    assert {module for _, _, module, _ in calls()} == {n for n in NAMES if n.startswith("modules/")}


def test_outputs_of_modules_that_are_read_exist() -> None:
    modules = {called: module for _, called, module, _ in calls()}
    for called, output in re.findall(r"\b(\w+)\.outputs\.(\w+)", template("main.bicep").text):
        assert output in template(modules[called]).tree["outputs"], f"{called}.outputs.{output}"


def test_the_example_parameters_fit_the_template() -> None:
    text = (FOLDER / "main.bicepparam").read_text("utf-8")
    given = set(re.findall(r"^param (\w+) =", text, re.M))
    main = template("main.bicep")
    assert given <= set(main.parameters)
    assert main.needed() <= given
    assert not re.search(r"(?i)param \w*(secret|password)\w* = '[^']", text), "a secret comes from the environment"


@pytest.mark.parametrize("name", NAMES)
def test_parameters_that_carry_secrets_are_secure_and_have_no_default(name: str) -> None:
    for parameter, one in template(name).parameters.items():
        holds_secret = re.search(r"(?i)secret|password|webhook|key$|^value$", parameter)
        if holds_secret and one["type"] == "string":
            assert {"type": "secure"} in one["decorators"], parameter
            assert not one.get("default"), parameter


@pytest.mark.parametrize("name", NAMES)
def test_outputs_tell_no_secrets(name: str) -> None:
    one = template(name)
    secure = {p for p, found in one.parameters.items() if {"type": "secure"} in found["decorators"]}
    assert not re.search(r"\blist\w*\(", one.code()), "keys are listed"
    for line in re.findall(r"^output .*", one.text, re.M):
        assert not any(re.search(rf"\b{p}\b", line) for p in secure), line
        assert "ConnectionString" not in line


def test_storage_takes_no_keys_no_plain_text_and_no_anonymous_reader() -> None:
    storage = template("modules/storage.bicep")
    account = storage.resource("account")["properties"]
    assert account["allowSharedKeyAccess"] is False
    assert account["allowBlobPublicAccess"] is False
    assert account["allowCrossTenantReplication"] is False
    assert account["supportsHttpsTrafficOnly"] is True
    assert account["minimumTlsVersion"] == "TLS1_2"
    assert storage.parameters["networkDefault"]["default"] == "Deny"
    assert storage.parameters["publicNetworkAccess"]["default"] == "Disabled"
    assert {
        container["publicAccess"] for container in values_of(storage.tree, "properties") if "publicAccess" in container
    } == {"None"}


def test_the_containers_are_those_that_the_app_uses() -> None:
    text = template("modules/storage.bicep").text
    listed = re.search(r"for container in \[([^\]]*)\]", text)
    assert listed is not None
    assert {*re.findall(r"'(\w+)'", listed.group(1)), "ledger"} == set(CONTAINERS)


def test_only_staged_data_is_deleted_by_age() -> None:
    """The ledger, the drop and the task hub outlive every rule; old versions may go, but not the ledger's."""
    rules = {
        name: one["value"]
        for name, one in template("modules/storage.bicep").tree["variables"].items()
        if name.endswith("Rule")
    }
    assert set(rules) == {"stagedDataRule", "oldVersionsRule"}
    staged = rules["stagedDataRule"]["definition"]
    assert staged["filters"]["prefixMatch"] == ["staging/"]
    old = rules["oldVersionsRule"]["definition"]
    assert set(old["actions"]) == {"version"}
    assert not any(prefix.startswith("ledger") for prefix in old["filters"]["prefixMatch"])
    assert all(prefix.endswith("/") for prefix in old["filters"]["prefixMatch"])


def test_the_ledger_can_be_kept_by_version_and_its_manifest_can_grow() -> None:
    storage = template("modules/storage.bicep")
    policy = storage.resource("ledgerRetention")["properties"]
    assert policy["immutabilityPeriodSinceCreationInDays"] == "ledgerRetentionDays"
    assert policy["allowProtectedAppendWrites"] is True
    assert "immutableStorageWithVersioning" in storage.resource("ledger")["properties"]
    assert storage.resource("blobs")["properties"]["isVersioningEnabled"] == "keepsVersions"


def test_the_vault_is_opened_by_role_only_and_cannot_be_purged() -> None:
    vault = template("modules/vault.bicep").resource("vault")["properties"]
    assert vault["enableRbacAuthorization"] is True
    assert vault["enablePurgeProtection"] is True
    assert "accessPolicies" not in vault


def test_the_app_has_the_five_roles_and_no_more() -> None:
    text = template("modules/roles.bicep").text
    assert set(re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", text)) == ROLES
    assert "resourceGroup()" not in text and "subscription()" not in text, "roles hold on single resources"


def test_telemetry_takes_entra_tokens_only() -> None:
    monitor = template("modules/monitor.bicep")
    assert monitor.resource("insights")["properties"]["DisableLocalAuth"] is True
    assert monitor.resource("workspace")["properties"]["features"]["disableLocalAuth"] is True


def test_the_app_runs_on_flex_consumption_with_its_identity() -> None:
    app = template("modules/app.bicep")
    assert app.resource("plan")["sku"] == {"name": "FC1", "tier": "FlexConsumption"}
    config = app.resource("app")["properties"]["functionAppConfig"]
    assert config["runtime"] == {"name": "python", "version": "3.11"}
    assert config["deployment"]["storage"]["authentication"]["type"] == "UserAssignedIdentity"
    assert config["scaleAndConcurrency"]["instanceMemoryMB"] == 2048
    assert config["scaleAndConcurrency"]["alwaysReady"] == [{"name": "durable", "instanceCount": 1}]
    main = template("main.bicep").parameters["maximumInstanceCount"]
    assert main["default"] == 40


def test_nothing_is_set_that_flex_consumption_refuses() -> None:
    assert REFUSED_BY_FLEX & set(app_settings()) == set()
    site = template("modules/app.bicep").resource("app")["properties"]["siteConfig"]
    assert SITE_PROPERTIES_REFUSED_BY_FLEX & set(site) == set()


def test_no_other_site_may_call_the_app_from_a_browser() -> None:
    for name in NAMES:
        assert list(values_of(template(name).tree, "cors")) == []
        assert "'*'" not in template(name).text


def test_sign_in_stands_before_every_path() -> None:
    properties = template("modules/app.bicep").resource("signIn")["properties"]
    assert properties["platform"] == {"enabled": True}
    assert properties["globalValidation"] == {
        "requireAuthentication": True,
        "unauthenticatedClientAction": "Return401",
    }
    assert list(values_of(properties, "excludedPaths")) == []
    entra = properties["identityProviders"]["azureActiveDirectory"]
    assert entra["registration"]["clientSecretSettingName"] in app_settings(), "sign-in reads this setting"
    assert entra["validation"]["allowedAudiences"] == ["signInClientId", "api://${signInClientId}"]


def test_plain_http_old_tls_and_ftp_are_off() -> None:
    properties = template("modules/app.bicep").resource("app")["properties"]
    assert properties["httpsOnly"] is True
    assert properties["siteConfig"]["minTlsVersion"] == "1.2"
    assert properties["siteConfig"]["ftpsState"] == "Disabled"
    assert template("modules/app.bicep").resource("publishing")["properties"]["allow"] is False
