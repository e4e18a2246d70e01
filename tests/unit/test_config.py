"""Application settings: what they mean, and the message for each that is wrong."""

import socket

import pytest

from shared.config import Settings
from shared.errors import ConfigurationError
from shared.model.gates import Mode

FIRST, SECOND = "11111111-2222-3333-4444-555555555555", "AAAAAAAA-2222-3333-4444-555555555555"
LEAST = {"MUSTER_SCOPE": FIRST, "AzureWebJobsStorage": "UseDevelopmentStorage=true"}


def read(**changes: str | None) -> Settings:
    """The settings with the least that is needed, changed; None leaves one out."""
    given = {key: value for key, value in (LEAST | changes).items() if value is not None}
    return Settings.read(given)


def test_the_least_that_is_needed_reports_and_writes_nothing():
    """Without further words Muster only reports, by the policy of its package, to Azure's public cloud."""
    settings = read()

    assert settings.mode is Mode.REPORT
    assert settings.stop is False
    assert settings.policy == "policy.yaml"
    assert settings.subscriptions == {FIRST}
    assert settings.management_groups == frozenset()
    assert settings.instance == socket.gethostname()
    assert settings.arm_endpoint == settings.arm_audience == "https://management.azure.com"
    assert settings.client_id == ""


def test_everything_may_be_set():
    """Each setting reaches its field."""
    settings = read(
        MUSTER_MODE=" Enforce ",
        MUSTER_STOP="1",
        MUSTER_POLICY="https://a.blob.core.windows.net/p/policy.yaml",
        MUSTER_INSTANCE_ID="west",
        MUSTER_ARM_ENDPOINT="https://management.usgovcloudapi.net/",
        MUSTER_ARM_AUDIENCE="https://management.core.usgovcloudapi.net/",
        AzureWebJobsStorage=None,
        AzureWebJobsStorage__accountName="account",
        AzureWebJobsStorage__clientId="storage-id",
        AZURE_CLIENT_ID="id",
    )

    assert settings.mode is Mode.ENFORCE
    assert settings.stop is True
    assert settings.instance == "west"
    assert settings.arm_endpoint == "https://management.usgovcloudapi.net"
    assert settings.arm_audience == "https://management.core.usgovcloudapi.net"
    assert (settings.storage_connection, settings.storage_account) == ("", "account")
    assert (settings.storage_client_id, settings.client_id) == ("storage-id", "id")
    assert settings.policy.startswith("https://")


@pytest.mark.parametrize(
    ("scope", "subscriptions", "groups"),
    [
        (f"{FIRST},{SECOND}", {FIRST, SECOND.lower()}, set()),
        (f" /subscriptions/{SECOND}/ , ,", {SECOND.lower()}, set()),
        ("managementGroups/ML-Platform", set(), {"ml-platform"}),
        (f"{FIRST}, /managementgroups/a.(b)_c-1/", {FIRST}, {"a.(b)_c-1"}),
    ],
)
def test_scope_takes_subscriptions_and_management_groups(scope, subscriptions, groups):
    """In any letter case, with or without their ARM prefix, blanks allowed."""
    settings = read(MUSTER_SCOPE=scope)

    assert settings.subscriptions == subscriptions
    assert settings.management_groups == groups


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"MUSTER_SCOPE": None}, "MUSTER_SCOPE is not set: list the subscription ids"),
        ({"MUSTER_SCOPE": " , "}, "MUSTER_SCOPE is not set"),
        ({"MUSTER_SCOPE": "my-subscription"}, "MUSTER_SCOPE holds 'my-subscription', which is neither"),
        ({"MUSTER_SCOPE": f"{FIRST},*"}, "MUSTER_SCOPE holds '*'"),
        ({"MUSTER_SCOPE": "managementGroups/"}, "neither a subscription id nor managementGroups/<name>"),
        ({"MUSTER_SCOPE": "managementGroups/a/b"}, "MUSTER_SCOPE holds 'managementGroups/a/b'"),
        ({"MUSTER_MODE": "on"}, "MUSTER_MODE is 'on'; it must be 'report' or 'enforce'."),
        ({"MUSTER_STOP": "yes"}, "MUSTER_STOP is 'yes'; it must be 'true' or 'false'."),
        ({"AzureWebJobsStorage": None}, "AzureWebJobsStorage is not set: give a connection string, or"),
        ({"MUSTER_ARM_ENDPOINT": "http://management.azure.com"}, "MUSTER_ARM_ENDPOINT must be an https URL"),
    ],
)
def test_each_mistake_is_named_with_what_to_do(changes, said):
    """The message alone must let a person mend it."""
    with pytest.raises(ConfigurationError) as raised:
        read(**changes)

    assert said in raised.value.message


@pytest.mark.parametrize(
    ("text", "stop"), [("true", True), ("TRUE ", True), ("1", True), ("false", False), ("", False)]
)
def test_the_kill_switch_is_read_in_its_usual_spellings(text, stop):
    """Anything else is a mistake, never a no."""
    assert read(MUSTER_STOP=text).stop is stop


def test_the_environment_is_read_anew_each_time(monkeypatch):
    """So that MUSTER_STOP acts at once."""
    for key, value in LEAST.items():
        monkeypatch.setenv(key, value)
    monkeypatch.delenv("MUSTER_STOP", raising=False)
    before = Settings.read()
    monkeypatch.setenv("MUSTER_STOP", "true")

    assert (before.stop, Settings.read().stop) == (False, True)
