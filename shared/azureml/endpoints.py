"""Addresses that a cluster must reach behind a firewall or a proxy.

Sources: Azure Machine Learning "Configure inbound and outbound network traffic", scenario "Use
Kubernetes compute"; "Azure Arc-enabled Kubernetes network requirements"; AKS "Outbound network and
FQDN rules", required by cluster extensions. Names of the public cloud; the workspace's own storage
account and container registry are named by placeholders, because Muster does not know them.
"""

from shared.model.identity import Kind

_ARC = (
    "management.azure.com:443",
    "{region}.dp.kubernetesconfiguration.azure.com:443",
    "login.microsoftonline.com:443",
    "{region}.login.microsoft.com:443",
    "login.windows.net:443",
    "mcr.microsoft.com:443",
    "*.data.mcr.microsoft.com:443",
    "gbl.his.arc.azure.com:443",
    "*.his.arc.azure.com:443",
    "guestnotificationservice.azure.com:443",
    "*.guestnotificationservice.azure.com:443",
    "sts.windows.net:443",
    "*.servicebus.windows.net:443",  # the relay too; web sockets have to be let through
)
_AKS = (
    "{region}.dp.kubernetesconfiguration.azure.com:443",
    "mcr.microsoft.com:443",
    "*.data.mcr.microsoft.com:443",
    "arcmktplaceprod.azurecr.io:443",
    "arcmktplaceprod.{region}.data.azurecr.io:443",
    "*.ingestion.msftcloudes.com:443",
    "*.microsoftmetrics.com:443",
    "marketplaceapi.microsoft.com:443",
)
_MACHINE_LEARNING = (
    "*.kusto.windows.net:443",
    "*.table.core.windows.net:443",
    "*.queue.core.windows.net:443",
    "<registry>.azurecr.io:443",
    "<registry>.{region}.data.azurecr.io:443",
    "<storage>.blob.core.windows.net:443",
    "<workspace-id>.workspace.{region}.api.azureml.ms:443",
    "{region}.experiments.azureml.net:443",
    "{region}.api.azureml.ms:443",
)
_TRAINING = (
    "<Python package index>:443",
    "archive.ubuntu.com:80",
    "security.ubuntu.com:80",
    "ppa.launchpad.net:80",
)


def outbound_endpoints(region: str, kind: Kind, *, training: bool) -> tuple[str, ...]:
    """Every `name:port` that a cluster of a kind in a region must reach.

    Args:
        region: the region's name, lower case: `westeurope`.
        kind: AKS clusters need what cluster extensions need, Arc clusters what the agents need.
        training: whether jobs run, which fetch packages.
    """
    names = (*(_AKS if kind is Kind.AKS else _ARC), *_MACHINE_LEARNING, *(_TRAINING if training else ()))
    return tuple(name.replace("{region}", region or "<region>") for name in names)
