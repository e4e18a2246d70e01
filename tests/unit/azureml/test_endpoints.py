"""Addresses that a cluster must reach."""

import pytest

from shared.azureml.endpoints import outbound_endpoints
from shared.model.identity import Kind


@pytest.mark.parametrize("kind", list(Kind))
def test_names_are_those_of_the_region(kind):
    """No placeholder of the region is left, no name stands twice, each has its port."""
    names = outbound_endpoints("westeurope", kind, training=True)

    assert "westeurope.dp.kubernetesconfiguration.azure.com:443" in names
    assert "westeurope.experiments.azureml.net:443" in names
    assert not any("{" in name for name in names)
    assert len(set(names)) == len(names)
    assert all(name.endswith((":443", ":80")) for name in names)


def test_kinds_differ():
    """Agents of Azure Arc reach its services and the relay; AKS fetches charts by itself."""
    aks, arc = (set(outbound_endpoints("eastus", kind, training=False)) for kind in Kind)

    assert "*.servicebus.windows.net:443" in arc - aks
    assert "*.his.arc.azure.com:443" in arc - aks
    assert "arcmktplaceprod.eastus.data.azurecr.io:443" in aks - arc


def test_packages_are_for_training():
    """And an unknown region is told as such."""
    jobs = outbound_endpoints("", Kind.AKS, training=True)

    assert "archive.ubuntu.com:80" in jobs
    assert "archive.ubuntu.com:80" not in outbound_endpoints("", Kind.AKS, training=False)
    assert "<region>.api.azureml.ms:443" in jobs
