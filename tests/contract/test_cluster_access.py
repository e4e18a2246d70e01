"""How the way into an AKS cluster is had from Azure, and what is never taken from its answer."""

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any, Self

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError

from shared.azure.arm import Arm
from shared.azure.cluster_access import AKS_SCOPE, ClusterAccess
from shared.azure.pace import Pace
from shared.errors import NotAuthorized, Refused, Throttled, Unavailable
from shared.model.cluster import Cluster, Source
from shared.model.identity import ClusterId
from tests.contract import cluster_server as hostile
from tests.contract.cluster_server import TOKEN, ClusterServer, giving, kubeconfig, saying, serving

ID = (
    "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg-ml/providers/"
    "Microsoft.ContainerService/managedClusters/aks-1"
)
CLUSTER = Cluster(ClusterId.parse(ID), "aks-1", "rg-ml", "westeurope", {}, Source.ARM)
AUTHORITY = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
ENTRA_TOKEN = "a-token-of-entra"
USER, ADMIN = "/listClusterUserCredential$", "/listClusterAdminCredential$"


@dataclass
class Identity:
    """An identity: one token for Resource Manager, another for the AKS server application."""

    refuses: str = ""
    scopes: list[str] = field(default_factory=list)

    async def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """The token for a scope."""
        del options
        self.scopes += scopes
        if self.refuses in scopes:
            raise ClientAuthenticationError("no managed identity")
        return AccessToken(ENTRA_TOKEN if AKS_SCOPE in scopes else TOKEN, 4_000_000_000)

    async def close(self) -> None:
        """Nothing to close."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        """Nothing to close."""


@pytest.fixture
async def azure() -> AsyncIterator[ClusterServer]:
    """What stands for Resource Manager."""
    async with serving() as server:
        yield server


@pytest.fixture
def identity() -> Identity:
    """Muster's own."""
    return Identity()


@pytest.fixture
async def arm(azure: ClusterServer, identity: Identity, tmp_path) -> AsyncIterator[Arm]:
    """Resource Manager's pipeline, to that Azure."""
    authority = tmp_path / "ca.pem"
    authority.write_text(azure.ca)
    async with Arm(identity, endpoint=azure.url, audience=azure.url, read_timeout=1.0) as arm:
        arm._transport.connection_config.verify = str(authority)
        yield arm


@pytest.fixture
def access(arm: Arm, identity: Identity) -> ClusterAccess:
    """Ways in, by that Azure and that identity."""
    return ClusterAccess(arm, identity)


def handed_out(**user: Any) -> hostile.Behaviour:
    """Azure's answer with a kubeconfig of such a user."""
    text = json.dumps(kubeconfig("https://aks-1.hcp.westeurope.azmk8s.io:443", AUTHORITY, **user))
    entry = {"name": "clusterUser", "value": base64.b64encode(text.encode()).decode()}
    return giving(json.dumps({"kubeconfigs": [entry]}).encode())


async def test_the_users_credential_is_asked_for_and_used(access, azure, identity):
    """One POST in the form of kubelogin; the token that came is taken, and no token of Entra ID."""
    azure.behaviours[USER] = handed_out(token="a-local-token")
    found = await access.aks(CLUSTER)

    assert (found.server, found.how) == ("https://aks-1.hcp.westeurope.azmk8s.io:443", "user")
    assert (found.token, found.certificate, found.ca) == ("a-local-token", "", AUTHORITY)
    ((path, query),) = azure.asked
    assert path.lower() == f"{ID}/listClusterUserCredential".lower()
    assert query == {"api-version": "2026-08-01", "format": "exec"}
    assert AKS_SCOPE not in identity.scopes


@pytest.mark.parametrize(
    "user",
    [
        {"exec": {"command": "kubelogin", "args": ["get-token", "--server-id", "somebody-elses"]}},
        {"auth-provider": {"name": "azure", "config": {"apiserver-id": "somebody-elses"}}},
    ],
)
async def test_a_cluster_with_entra_id_gets_muster_own_token(access, azure, identity, user):
    """For the AKS server application alone, whatever audience the kubeconfig names; no program runs."""
    azure.behaviours[USER] = handed_out(**user)
    found = await access.aks(CLUSTER)

    assert (found.how, found.token, found.certificate) == ("entra", ENTRA_TOKEN, "")
    assert [scope for scope in identity.scopes if "management" not in scope and azure.url not in scope] == [AKS_SCOPE]
    assert ENTRA_TOKEN not in repr(found)


async def test_the_admins_credential_is_asked_for_by_its_own_call(access, azure):
    """Only when the caller says so."""
    certificate = base64.b64encode(AUTHORITY.encode()).decode()
    key = base64.b64encode(b"-----BEGIN RSA PRIVATE KEY-----").decode()
    azure.behaviours[ADMIN] = handed_out(**{"client-certificate-data": certificate, "client-key-data": key})
    found = await access.aks(CLUSTER, admin=True)

    assert (found.how, found.certificate, found.token) == ("admin", AUTHORITY, "")
    assert azure.asked[0][1] == {"api-version": "2026-08-01"}


async def test_a_call_whose_turn_has_not_come_is_not_made(arm, identity, azure):
    """Azure allows sixty at once and one a second for each subscription and region; the next is told its turn."""
    azure.behaviours[USER] = giving(b'{"kubeconfigs": []}')
    access = ClusterAccess(arm, identity, Pace(1, 1))
    with pytest.raises(Refused):
        await access.aks(CLUSTER)
    asked = len(azure.asked)
    other = replace(CLUSTER, id=ClusterId.parse(f"{ID}0"))
    with pytest.raises(Throttled) as told:
        await access.aks(other)
    assert told.value.retry_after is not None
    assert 0 < told.value.retry_after <= 1
    assert len(azure.asked) == asked
    with pytest.raises(Refused):
        await access.aks(replace(other, location="northeurope"))


async def test_too_many_calls_are_told_with_their_pause(access, azure):
    """60 at once and one a second: the caller waits, nobody sleeps here."""
    azure.behaviours[USER] = saying(429, "Throttled", Retry_After="17")
    with pytest.raises(Throttled) as raised:
        await access.aks(CLUSTER)

    assert raised.value.retry_after == 17
    assert len(azure.asked) == 1


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [
        (saying(403, "AuthorizationFailed"), NotAuthorized),
        (saying(400, "BadRequest"), Refused),  # local accounts are disabled
        (hostile.never, Unavailable),
        (giving(b'{"kubeconfigs":[]}'), Refused),
        (giving(b'{"kubeconfigs":[{"name":"clusterUser","value":"***"}]}'), Refused),
        (giving(b'{"kubeconfigs":{"value":"x"}}'), Refused),
    ],
)
async def test_a_credential_that_azure_keeps_is_told(access, azure, behaviour, error):
    """As the error that it stands for, in the time of a read."""
    azure.behaviours[USER] = behaviour
    with pytest.raises(error):
        await access.aks(CLUSTER)


async def test_an_identity_without_a_token_for_the_cluster_is_told(access, azure, identity):
    """As a missing right; the kubeconfig's text stays out of it."""
    identity.refuses = AKS_SCOPE
    azure.behaviours[USER] = handed_out(exec={"command": "kubelogin"})
    with pytest.raises(NotAuthorized, match="sign in to the cluster"):
        await access.aks(CLUSTER)


# Arc


async def test_a_kubeconfig_that_is_handed_in_is_used_as_it_is(access):
    """Its server and its token, and nothing of Azure."""
    text = json.dumps(kubeconfig("https://edge.example.com:6443/", "-----BEGIN CERTIFICATE-----"))
    found = access.from_kubeconfig(text)

    assert (found.server, found.how, found.token) == ("https://edge.example.com:6443", "kubeconfig", TOKEN)
    assert TOKEN not in repr(found)


async def test_a_handed_in_kubeconfig_that_runs_a_program_is_refused(access):
    """Muster's own token goes to AKS alone."""
    document = kubeconfig("https://edge.example.com", "-----BEGIN CERTIFICATE-----")
    document["users"][0]["user"] = {"exec": {"command": "kubelogin"}}
    with pytest.raises(Refused, match="service account"):
        access.from_kubeconfig(json.dumps(document))
