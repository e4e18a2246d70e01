"""The control surface's verbs about regions and about workspaces: the client's half.

`simulator.control.Control` has them as its own; they stand here to keep its file short.
"""

from typing import Any, Protocol


class _Asks(Protocol):
    """What `Control` has."""

    def _ask(self, verb: str, *, patience: float = ..., **given: Any) -> Any:
        """Make one control request."""


class LookupsControl:
    """Changes what subscriptions and regions say."""

    def kubernetes_versions(self: _Asks, region: str, versions: list[str | dict[str, Any]]) -> None:
        """Set the versions that AKS offers in a region: `1.33`, or entries as the service lists them."""
        self._ask("kubernetes_versions", region=region, versions=versions)

    def control_plane(self: _Asks, region: str, prefixes: list[str] | None) -> None:
        """Set the prefixes of service tag AzureMachineLearning.<region>; None: there is no such tag."""
        self._ask("control_plane", region=region, prefixes=prefixes)

    def withdraw_size(self: _Asks, size: str) -> None:
        """Have no region list a VM size any more."""
        self._ask("withdraw_size", size=size)

    def attach_compute(self: _Asks, cluster_id: str, **place: str) -> str:
        """Attach a cluster to a workspace, for Resource Graph to tell; the compute's ARM id.

        Keywords: name (the cluster's), workspace="ws-ml", subscription (the cluster's),
        resource_group="rg-workspaces", compute_type="Kubernetes".
        """
        given: dict[str, Any] = {"cluster_id": cluster_id, **place}
        return str(self._ask("attach_compute", **given))

    def detach_compute(self: _Asks, compute_id: str) -> None:
        """Detach a compute."""
        self._ask("detach_compute", compute_id=compute_id)
