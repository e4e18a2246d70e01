"""What must stand in the body of an extension, told from the official CLI's rules and not from Muster's code.

Source: azure-cli-extensions, k8s-extension 1.7.0, AzureMLKubernetes: what `az k8s-extension create` sends.
"""

from typing import Any

from demo.stage import Played

type Json = dict[str, Any]

LOCATION = "eastus"


def settings(one: Played, relays: list[Json]) -> dict[str, str]:
    """All configuration settings of a cluster that was installed."""
    name = one.member.name
    wanted = {
        "cluster_name": one.id,
        "clusterId": one.id,
        "prometheus.prometheusSpec.externalLabels.cluster_name": one.id,
        "cluster_name_friendly": name,
        "domain": f"{LOCATION}.cloudapp.azure.com",
        "location": LOCATION,
        "jobSchedulerLocation": LOCATION,
        "servicebus.enabled": "false",
        "relayserver.enabled": "false" if one.member.kind == "aks" else "true",
        "nginxIngress.enabled": "true" if one.member.kind == "aks" else "false",
    }
    if one.member.kind == "arc":
        wanted["relayserver.hybridConnectionName"] = name
        wanted["relayserver.hybridConnectionResourceID"] = relay_id(one, relays)
    return wanted | dict(one.member.ending.settings or {})


def relay_id(one: Played, relays: list[Json]) -> str:
    """The id of the cluster's hybrid connection, in its own resource group; "" where there is not just one."""
    group = one.id.rpartition("/providers/")[0].lower()
    found = [
        relay["id"]
        for relay in relays
        if relay["id"].lower().startswith(group + "/") and relay["id"].rpartition("/")[2] == one.member.name
    ]
    return found[0] if len(found) == 1 else ""


def envelope(one: Played) -> Json:
    """The request's body without its settings."""
    body: Json = {
        "properties": {
            "extensionType": "microsoft.azureml.kubernetes",
            "releaseTrain": "stable",
            "autoUpgradeMinorVersion": True,
            "scope": {"cluster": {"releaseNamespace": "azureml"}},
        }
    }
    if one.member.kind == "arc":
        body["identity"] = {"type": "SystemAssigned"}
    return body


def without_settings(sent: Json) -> Json:
    """A request's body without its settings."""
    dropped = {"configurationSettings", "configurationProtectedSettings"}
    properties = {key: value for key, value in (sent.get("properties") or {}).items() if key not in dropped}
    return {**sent, "properties": properties}


def difference(actual: Json, wanted: Json) -> str:
    """How two objects differ, key by key; "" where they do not."""
    said = [f"{key} is missing" for key in sorted(wanted.keys() - actual.keys())]
    said += [f"{key} is not wanted" for key in sorted(actual.keys() - wanted.keys())]
    both = sorted(wanted.keys() & actual.keys())
    said += [f"{key} is {actual[key]!r}, not {wanted[key]!r}" for key in both if actual[key] != wanted[key]]
    return "; ".join(said)
