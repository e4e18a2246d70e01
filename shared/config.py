"""Application settings: one documented class, read from the environment.

Read it where it is needed and never keep it: `MUSTER_STOP` must act at once. Standard library
only, since the functions host imports it at every cold start.
"""

import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from shared.errors import ConfigurationError
from shared.model.gates import Mode

_SUBSCRIPTION = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_GROUP = re.compile(r"managementgroups/([\w.()-]{1,90})", re.IGNORECASE)
_TRUE, _FALSE = frozenset({"true", "1"}), frozenset({"false", "0", ""})

PUBLIC_ARM = "https://management.azure.com"


@dataclass(frozen=True, slots=True)
class Settings:
    """What an instance of Muster is told by its application settings.

    Attributes:
        mode: MUSTER_MODE. `report` decides and records and never writes to clusters; `enforce` does
            what the policy's enforcement allows. Default report.
        policy: MUSTER_POLICY. Path of the policy file or directory, or https URL of a blob.
        subscriptions: ids listed in MUSTER_SCOPE, lower case. What lies outside is never touched.
        management_groups: names listed in MUSTER_SCOPE as managementGroups/<name>.
        instance: MUSTER_INSTANCE_ID. Names this Muster in history and events. Default: host name.
        arm_endpoint: MUSTER_ARM_ENDPOINT. Resource Manager; sovereign clouds have their own.
        arm_audience: MUSTER_ARM_AUDIENCE. Token audience; the scope is it plus "/.default".
        events_endpoint: MUSTER_EVENTS_ENDPOINT. The Event Grid topic that notices go to, or "".
        stop: MUSTER_STOP. True: no write to any cluster. Read before each write.
        storage_connection: AzureWebJobsStorage, or "" where storage is reached by identity.
        storage_account: AzureWebJobsStorage__accountName, or "".
        storage_client_id: AzureWebJobsStorage__clientId: the identity that opens the storage account.
        client_id: AZURE_CLIENT_ID, the user-assigned identity that acts in Azure, or "".
        otlp_endpoint: OTEL_EXPORTER_OTLP_ENDPOINT, a collector of traces and metrics, or "".
        insights_connection: APPLICATIONINSIGHTS_CONNECTION_STRING, which names Application Insights, or "".
    """

    mode: Mode
    policy: str
    subscriptions: frozenset[str]
    management_groups: frozenset[str]
    instance: str
    arm_endpoint: str
    arm_audience: str
    stop: bool
    storage_connection: str
    storage_account: str
    storage_client_id: str
    client_id: str
    otlp_endpoint: str = ""
    insights_connection: str = ""
    events_endpoint: str = ""

    @classmethod
    def read(cls, environment: Mapping[str, str] | None = None) -> "Settings":
        """Read the settings.

        Raises:
            ConfigurationError: one is missing or wrong; the message names it and what to do.
        """
        given = os.environ if environment is None else environment
        subscriptions, groups = _scope(given.get("MUSTER_SCOPE", ""))
        connection = given.get("AzureWebJobsStorage", "")
        account = given.get("AzureWebJobsStorage__accountName", "")
        if not connection and not account:
            raise ConfigurationError(
                "AzureWebJobsStorage is not set: give a connection string, or AzureWebJobsStorage__accountName "
                "for access by identity."
            )
        endpoint = given.get("MUSTER_ARM_ENDPOINT", PUBLIC_ARM).rstrip("/")
        if not endpoint.startswith("https://"):
            raise ConfigurationError("MUSTER_ARM_ENDPOINT must be an https URL: tokens are not sent in clear.")
        topic = given.get("MUSTER_EVENTS_ENDPOINT", "")
        if topic and not topic.startswith("https://"):
            raise ConfigurationError("MUSTER_EVENTS_ENDPOINT must be an https URL: tokens are not sent in clear.")
        return cls(
            mode=_mode(given.get("MUSTER_MODE", "report")),
            policy=given.get("MUSTER_POLICY", "policy.yaml"),
            subscriptions=subscriptions,
            management_groups=groups,
            instance=given.get("MUSTER_INSTANCE_ID") or socket.gethostname(),
            arm_endpoint=endpoint,
            arm_audience=given.get("MUSTER_ARM_AUDIENCE", endpoint).rstrip("/"),
            stop=_flag("MUSTER_STOP", given.get("MUSTER_STOP", "")),
            storage_connection=connection,
            storage_account=account,
            storage_client_id=given.get("AzureWebJobsStorage__clientId", ""),
            client_id=given.get("AZURE_CLIENT_ID", ""),
            otlp_endpoint=given.get("OTEL_EXPORTER_OTLP_ENDPOINT", ""),
            insights_connection=given.get("APPLICATIONINSIGHTS_CONNECTION_STRING", ""),
            events_endpoint=topic,
        )


def platform_authenticates(environment: Mapping[str, str] | None = None) -> bool:
    """Whether App Service authentication stands before this app, by the platform's own variable.

    Only then does `X-MS-CLIENT-PRINCIPAL` come from the platform (Microsoft Learn, "Work with user identities in Azure
    App Service authentication"); elsewhere anybody can send it.
    """
    given = os.environ if environment is None else environment
    return given.get("WEBSITE_AUTH_ENABLED", "").strip().lower() in _TRUE


def sweep_schedule(environment: Mapping[str, str] | None = None) -> str:
    """When the fleet is swept (MUSTER_SWEEP_SCHEDULE): NCRONTAB, six fields, UTC."""
    given = os.environ if environment is None else environment
    return given.get("MUSTER_SWEEP_SCHEDULE") or "0 */15 * * * *"


def page_token(environment: Mapping[str, str] | None = None) -> str:
    """What opens the page on a person's own machine (MUSTER_PAGE_TOKEN), "" where nothing does.

    In Azure it opens nothing: there the page is served behind App Service authentication alone. `WEBSITE_INSTANCE_ID`
    is the platform's own variable.
    """
    given = os.environ if environment is None else environment
    return "" if given.get("WEBSITE_INSTANCE_ID") else given.get("MUSTER_PAGE_TOKEN", "")


def _mode(text: str) -> Mode:
    try:
        return Mode(text.strip().lower())
    except ValueError as error:
        raise ConfigurationError(f"MUSTER_MODE is '{text}'; it must be 'report' or 'enforce'.") from error


def _flag(name: str, text: str) -> bool:
    word = text.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    # A switch that somebody meant to throw must not be ignored for a misspelling.
    raise ConfigurationError(f"{name} is '{text}'; it must be 'true' or 'false'.")


def _scope(text: str) -> tuple[frozenset[str], frozenset[str]]:
    subscriptions, groups = set(), set()
    for part in filter(None, (item.strip() for item in text.split(","))):
        lowered = part.lower().removeprefix("/subscriptions/").rstrip("/")
        group = _GROUP.fullmatch(part.strip("/"))
        if _SUBSCRIPTION.fullmatch(lowered):
            subscriptions.add(lowered)
        elif group:
            groups.add(group[1].lower())
        else:
            raise ConfigurationError(
                f"MUSTER_SCOPE holds '{part}', which is neither a subscription id nor managementGroups/<name>."
            )
    if not subscriptions and not groups:
        raise ConfigurationError(
            "MUSTER_SCOPE is not set: list the subscription ids (or managementGroups/<name>) that Muster may "
            "look after, separated by commas."
        )
    return frozenset(subscriptions), frozenset(groups)
