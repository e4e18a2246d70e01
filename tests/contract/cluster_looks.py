"""Looks at the small API server, as the tests take them."""

from datetime import UTC, datetime

from shared.azure.inside import InsideReader
from shared.azure.kubeconfig import Connection, read_kubeconfig
from shared.azure.kubernetes_api import Limits
from shared.model.inside import Inside
from tests.contract.cluster_server import ClusterServer

NOW = datetime(2026, 8, 1, tzinfo=UTC)
HASTY = Limits(look=3.0, request=0.5)
# A look that takes so many seconds hangs, however busy the machine is.
HANGS = 60.0


def connection(server: ClusterServer) -> Connection:
    """The way in, by its own kubeconfig."""
    return read_kubeconfig(server.kubeconfig, how="kubeconfig").connection


async def look(server: ClusterServer, *secrets: str, limits: Limits = HASTY) -> Inside:
    """One look at it."""
    return await InsideReader(limits).read(connection(server), now=NOW, secrets=secrets)


def unread(inside: Inside) -> set[str]:
    """The facts that it does not have."""
    names = (
        "version", "namespace", "workloads", "pods", "nodes", "existing", "secrets", "healthcheck", "legacy",
        "load_balancer",
    )  # fmt: skip
    return {name for name in names if getattr(inside, name) is None}
