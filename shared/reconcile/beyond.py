"""What a look reads beyond Azure's word on the cluster itself: its surroundings, its inside, Key Vault, its computes.

Each of these costs requests of its own, and is read only where a decision asks for it. None of them may
fail a look: what cannot be read is told in the facts themselves.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from shared import logs
from shared.azure.cluster_access import ClusterAccess
from shared.azure.inside import InsideReader
from shared.azure.key_vault import KeyVault
from shared.azure.lookups import Lookups
from shared.azure.resource_graph import ResourceGraph
from shared.errors import AzureError, SettingsError, Throttled
from shared.model.certificate import CertificateReading
from shared.model.cluster import Cluster
from shared.model.decision import Decision, Want
from shared.model.identity import Kind
from shared.model.inside import Inside
from shared.model.observation import Observation
from shared.policy.facts import facts_of
from shared.policy.model import AksAccess, Policy
from shared.policy.templates import fill
from shared.reconcile.surroundings import SurroundingsSource


@dataclass(frozen=True, slots=True)
class Beyond:
    """What reads these for the loop and for the sweep."""

    surroundings: SurroundingsSource
    access: ClusterAccess
    reader: InsideReader
    vault: KeyVault
    lookups: Lookups
    graph: ResourceGraph
    clock: Callable[[], datetime]

    async def read(self, seen: Observation, decision: Decision, policy: Policy) -> Observation:
        """The observation with what the decision wants; what was read before is not read again."""
        cluster, wants = seen.cluster, decision.wants
        if cluster is None:
            return seen
        if Want.SURROUNDINGS in wants and seen.surroundings is None:
            seen = replace(seen, surroundings=await self.surroundings.of(cluster))
        if Want.INSIDE in wants and seen.inside is None:
            seen = replace(seen, inside=await self._inside(cluster, decision, policy))
        address = decision.desired.certificate if decision.desired else None
        if Want.CERTIFICATE in wants and address is not None:
            cname = decision.desired.settings.get("sslCname") if decision.desired else None
            reading = seen.certificate
            reading = await self._checked(reading, cname) if reading is not None else await self.certificate(address)
            seen = replace(seen, certificate=reading)
        if Want.COMPUTES in wants and seen.computes is None and not seen.computes_trouble:
            seen = await self._with_computes(seen, cluster)
        return seen

    async def certificate(self, address: str) -> CertificateReading:
        """The newest version of a certificate, by Key Vault's metadata alone."""
        try:
            return CertificateReading(version=await self.vault.latest(address))
        except AzureError as error:
            return CertificateReading(checked=True, trouble=error.message)

    async def _checked(self, reading: CertificateReading, cname: str | None) -> CertificateReading:
        """The same, its content read, checked and dropped again."""
        from shared.azureml.certificates import findings, read_material

        version = reading.version
        if version is None or reading.checked:
            return reading
        try:
            secret = await self.vault.secret(f"{version.source}/{version.version}")
            found = findings(read_material(secret.value, secret.content_type), cname=cname, now=self.clock())
        except SettingsError as error:
            found = error.findings
        except AzureError as error:
            return CertificateReading(checked=True, trouble=error.message)
        return replace(reading, checked=True, findings=found)

    async def _inside(self, cluster: Cluster, decision: Decision, policy: Policy) -> Inside:
        now = self.clock()
        secret = decision.desired.settings.get("sslSecret") if decision.desired else None
        secrets = (secret,) if secret else ()
        try:
            if cluster.kind is Kind.AKS:
                admin = policy.verification.aks is AksAccess.ADMIN
                connection = await self.access.aks(cluster, admin=admin)
            else:
                connection = self.access.from_kubeconfig(await self._kubeconfig(cluster, policy))
        except AzureError as error:
            logs.event("inside-unreachable", cluster=str(cluster.id), reason=error.message)
            turn = error.retry_after if isinstance(error, Throttled) else None
            return Inside(now, trouble={"access": error.message}, retry_after=turn)
        return await self.reader.read(connection, now=now, secrets=secrets)

    async def _kubeconfig(self, cluster: Cluster, policy: Policy) -> str:
        template = policy.verification.arc_kubeconfig or ""
        filled = fill(template, facts_of(cluster, policy.tags.gpu), {})
        # Templates there read only facts that every cluster has; loading checked it.
        return (await self.vault.secret(filled if isinstance(filled, str) else template)).value

    async def _with_computes(self, seen: Observation, cluster: Cluster) -> Observation:
        try:
            return replace(seen, computes=await self.lookups.computes(cluster.id, self.graph))
        except AzureError as error:
            logs.event("computes-unknown", cluster=str(cluster.id), reason=error.message)
            return replace(seen, computes_trouble=error.message)
