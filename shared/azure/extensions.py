"""Cluster extensions through the official client: list, send, change, remove. Nothing here waits for an end."""

import asyncio
from collections.abc import Mapping
from typing import Any

from azure.mgmt.kubernetesconfiguration.extensions.models import Extension as SdkExtension
from azure.mgmt.kubernetesconfiguration.extensions.models import PatchExtension

from shared.azure.arm import Arm
from shared.azure.failures import typed
from shared.model.arm import read_extension
from shared.model.extension import Extension
from shared.model.identity import ClusterId


class Extensions:
    """The extensions of one fleet's clusters.

    Writes return once the service has accepted them. A time-out, a lost connection or a 5xx raises
    Unavailable, and is ambiguous: the request may have taken effect.
    """

    def __init__(self, arm: Arm) -> None:
        self._arm = arm

    async def list(self, cluster: ClusterId) -> tuple[Extension, ...]:
        """All extensions on a cluster.

        Raises:
            AzureError: they could not be read.
        """
        operations = self._arm.extensions(cluster.subscription).extensions
        async with typed("list the cluster's extensions"), asyncio.timeout(self._arm.read_timeout):
            return tuple([read_extension(each.as_dict()) async for each in operations.list(*_address(cluster))])

    async def create(self, cluster: ClusterId, name: str, body: Mapping[str, Any]) -> None:
        """PUT: install, or send a failed install again."""
        operations = self._arm.extensions(cluster.subscription).extensions
        async with typed(f"create the extension '{name}'"), asyncio.timeout(self._arm.write_timeout):
            await operations.begin_create(*_address(cluster), name, SdkExtension(body), polling=False)

    async def update(self, cluster: ClusterId, name: str, body: Mapping[str, Any]) -> None:
        """PATCH: settings are merged by the service; keys cannot be removed."""
        operations = self._arm.extensions(cluster.subscription).extensions
        async with typed(f"update the extension '{name}'"), asyncio.timeout(self._arm.write_timeout):
            await operations.begin_update(*_address(cluster), name, PatchExtension(body), polling=False)

    async def delete(self, cluster: ClusterId, name: str) -> None:
        """DELETE, the normal one: forceDelete is never sent by Muster."""
        operations = self._arm.extensions(cluster.subscription).extensions
        async with typed(f"delete the extension '{name}'"), asyncio.timeout(self._arm.write_timeout):
            await operations.begin_delete(*_address(cluster), name, polling=False)


def _address(cluster: ClusterId) -> tuple[str, str, str, str]:
    return cluster.resource_group, cluster.kind.provider, cluster.kind.resource, cluster.name
