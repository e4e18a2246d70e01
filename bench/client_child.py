"""`python -m bench.client_child <cluster id>`: how people do it today: a process that takes one cluster on.

Azure's own clients, synchronous: a token by managed identity, a GET of the extension, a PUT where there is none.
Nothing is decided, checked or remembered, and nobody looks whether it came up. Says in JSON what CPU it used.
"""

import json
import os
import sys
import time

from azure.core.exceptions import ResourceNotFoundError
from azure.identity import ManagedIdentityCredential
from azure.mgmt.kubernetesconfiguration.extensions import KubernetesConfigurationExtensionsMgmtClient


def body(cluster: str) -> dict[str, object]:
    """A body for training on AKS, with what the CLI derives."""
    settings = {
        "enableTraining": "True",
        "cluster_name": cluster,
        "domain": "eastus.cloudapp.azure.com",
        "location": "eastus",
        "relayserver.enabled": "false",
        "servicebus.enabled": "false",
    }
    return {
        "properties": {
            "extensionType": "microsoft.azureml.kubernetes",
            "releaseTrain": "stable",
            "autoUpgradeMinorVersion": True,
            "scope": {"cluster": {"releaseNamespace": "azureml"}},
            "configurationSettings": settings,
        }
    }


def take_on(cluster: str) -> None:
    """Install the extension on a cluster that has none."""
    _, _, subscription, _, group, _, provider, kind, name = cluster.split("/")
    endpoint = os.environ["MUSTER_ARM_ENDPOINT"]
    with (
        ManagedIdentityCredential() as credential,
        KubernetesConfigurationExtensionsMgmtClient(
            credential, subscription, base_url=endpoint, credential_scopes=[f"{endpoint}/.default"]
        ) as client,
    ):
        try:
            client.extensions.get(group, provider, kind, name, "azureml")
        except ResourceNotFoundError:
            client.extensions.begin_create(group, provider, kind, name, "azureml", body(cluster), polling=False)


if __name__ == "__main__":
    imported = time.process_time()
    take_on(sys.argv[1])
    print(json.dumps({"imports": imported, "all": time.process_time()}))
