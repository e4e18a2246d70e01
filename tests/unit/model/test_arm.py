"""Facts read from ARM bodies and Resource Graph rows."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Refused
from shared.model.arm import read_cluster, read_extension
from shared.model.cluster import Source

SAMPLES = Path(__file__).parents[2] / "data" / "arm"
GROUP = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/RG-ml"
AKS_ID = f"{GROUP}/providers/Microsoft.ContainerService/managedClusters/Aks-01"
ARC_ID = f"{GROUP}/providers/Microsoft.Kubernetes/connectedClusters/arc-01"


def sample(name):
    return json.loads((SAMPLES / f"{name}.json").read_text())


def aks(properties=None, **fields):
    return read_cluster({"id": AKS_ID, "location": "eastus", "properties": properties, **fields}, Source.ARM)


def test_aks_row():
    """An AKS cluster from Resource Graph, with all its facts."""
    cluster = read_cluster(sample("arg_clusters_page")["data"][0], Source.GRAPH)

    assert cluster.name == "aks-ml-01"
    assert cluster.resource_group == "rg-ml"
    assert cluster.location == "eastus"
    assert cluster.tags == {"ml": "train", "env": "dev"}
    assert cluster.source is Source.GRAPH
    assert cluster.incarnation == "66aaaaaaaaaaaaaaaaaaaaaa"
    assert (cluster.provisioning_state, cluster.power_state) == ("Succeeded", "Running")
    assert (cluster.nodes, cluster.gpu, cluster.gpu_models) == (2, True, ("Standard_NC24ads_A100_v4",))
    assert cluster.kubernetes_version == "1.33.2"
    assert cluster.distribution == "aks"
    assert cluster.managed_identity is True
    assert cluster.pools is not None
    assert [pool.name for pool in cluster.pools] == ["system", "gpu"]
    assert cluster.pools[1].labels == (("sku", "gpu"),)


def test_arc_rows():
    """A connected Arc cluster, and one whose facts are still null: unknown, never zero."""
    connected, fresh = (read_cluster(row, Source.GRAPH) for row in sample("arg_clusters_page")["data"][1:])

    assert (connected.nodes, connected.cores, connected.distribution) == (3, 24, "k3s")
    assert connected.connectivity == "Connected"
    assert connected.last_connectivity == datetime(2026, 8, 20, 10, 15, tzinfo=UTC)
    assert connected.incarnation == "33333333-3333-3333-3333-333333333333"
    assert (connected.gpu, connected.pools, connected.managed_identity) == (None, None, None)
    assert (fresh.nodes, fresh.cores, fresh.last_connectivity, fresh.kubernetes_version) == (None,) * 4


def test_letter_case_is_that_of_the_id():
    """The id is compared in lower case, while its parts are kept as ARM wrote them; the region is plain."""
    cluster = aks({}, name="Aks-01", tags=None, location="West Europe")

    assert cluster.arm_id == AKS_ID
    assert cluster.location == "westeurope"
    assert cluster.tags == {}


@pytest.mark.parametrize(
    ("pools", "nodes"),
    [
        (None, None),
        ([], 0),
        ([{"name": "a", "count": 2}, {"name": "b", "count": 1}], 3),
        ([{"name": "a", "count": 2}, {"name": "b"}], None),
        ([{"name": "a", "count": None}], None),
    ],
)
def test_nodes_are_the_sum_of_all_counts(pools, nodes):
    """One pool that does not tell its count makes the number unknown."""
    assert aks({"agentPoolProfiles": pools}).nodes == nodes


@pytest.mark.parametrize(
    ("profiles", "gpu"),
    [
        (None, None),
        ([{"vmSize": "Standard_D4s_v5"}], False),
        ([{"vmSize": "Standard_D4s_v5"}, {"vmSize": "Standard_NC6s_v3"}], True),
        ([{"vmSize": "Standard_D4s_v5"}, {"name": "unknown"}], None),
        (
            [
                {
                    "virtualMachinesProfile": {
                        "scale": {"manual": [{"size": "Standard_D2s_v5"}, {"size": "Standard_NC6"}]}
                    }
                }
            ],
            True,
        ),
    ],
)
def test_gpu_is_told_from_the_pools(profiles, gpu):
    """Any pool with GPUs, else unknown where one pool's size is not known."""
    assert aks({"agentPoolProfiles": profiles}).gpu is gpu


@pytest.mark.parametrize(
    ("profile", "driver"),
    [
        (None, None),
        ({"driver": "Install"}, "Install"),
        ({"driver": "Install", "nvidia": {"managementMode": "Managed"}}, "Managed"),
        ({"driver": "Install", "nvidia": {"managementMode": "Unmanaged"}}, "Install"),
    ],
)
def test_gpu_pools_that_aks_equips(profile, driver):
    """The managed mode says more than the driver."""
    pools = aks({"agentPoolProfiles": [{"gpuProfile": profile}]}).pools

    assert pools is not None
    assert pools[0].gpu_driver == driver


@pytest.mark.parametrize(
    ("client_id", "identity", "managed"),
    [
        ("msi", None, True),
        ("MSI", None, True),
        ("44444444-4444-4444-4444-444444444444", {"type": "SystemAssigned"}, False),
        (None, {"type": "UserAssigned"}, True),
        (None, {"type": "None"}, None),
        (None, None, None),
    ],
)
def test_managed_identity(client_id, identity, managed):
    """The service principal's profile decides; without it the identity's type; else unknown."""
    profile = None if client_id is None else {"clientId": client_id}

    assert aks({"servicePrincipalProfile": profile}, identity=identity).managed_identity is managed


def test_incarnation_falls_back_to_the_identity():
    """Without resourceUID the identity tells a rebuilt cluster from the old one."""
    assert aks({}, identity={"principalId": "p"}).incarnation == "p"


# What is switched on


def features(**properties):
    """An AKS cluster of no pools, with these properties."""
    return aks({"agentPoolProfiles": [], **properties})


def test_features_of_a_sample():
    """Two bodies as the services return them."""
    row = read_cluster(sample("arg_clusters_page")["data"][0], Source.GRAPH)
    body = read_cluster(sample("aks_get"), Source.ARM)

    assert (row.local_accounts_disabled, body.local_accounts_disabled) == (True, False)
    for cluster in (row, body):
        assert (cluster.kubelet_identity, cluster.entra, cluster.private, cluster.pod_identity) == (
            *(True, True),
            *(False, False),
        )
        assert (cluster.authorized_ranges, cluster.outbound_type) == ((), "loadBalancer")
        assert (cluster.http_proxy, cluster.node_autoprovisioning) == (False, False)
    assert row.pools is not None
    assert [pool.autoscaled for pool in row.pools] == [True, True]
    assert [pool.autoscaled for pool in body.pools or ()] == [False, True]


def test_absent_profiles_mean_off():
    """Where the body tells its pools; what AKS always fills in stays unknown."""
    cluster = features()

    assert (cluster.kubelet_identity, cluster.entra, cluster.private, cluster.pod_identity) == (False,) * 4
    assert (cluster.authorized_ranges, cluster.http_proxy, cluster.node_autoprovisioning) == ((), False, False)
    assert (cluster.local_accounts_disabled, cluster.outbound_type) == (None, None)


def test_a_body_without_pools_tells_no_features():
    """It is no whole body, and absence says nothing."""
    cluster = aks({"disableLocalAccounts": True, "podIdentityProfile": {"enabled": True}})
    facts = ("kubelet_identity", "entra", "authorized_ranges", "private", "pod_identity", "http_proxy")

    assert [getattr(cluster, fact) for fact in facts] == [None] * len(facts)


@pytest.mark.parametrize(
    ("properties", "fact", "value"),
    [
        ({"disableLocalAccounts": True}, "local_accounts_disabled", True),
        ({"aadProfile": {"managed": True}}, "entra", True),
        ({"aadProfile": {"tenantID": "t"}}, "entra", True),
        ({"aadProfile": None}, "entra", False),
        ({"apiServerAccessProfile": {"authorizedIPRanges": ["1.2.3.4/32", 5]}}, "authorized_ranges", ("1.2.3.4/32",)),
        ({"apiServerAccessProfile": {"enablePrivateCluster": True}}, "private", True),
        ({"podIdentityProfile": {"enabled": True}}, "pod_identity", True),
        ({"networkProfile": {"outboundType": "userDefinedRouting"}}, "outbound_type", "userDefinedRouting"),
        ({"httpProxyConfig": {"httpsProxy": "http://p/"}}, "http_proxy", True),
        ({"httpProxyConfig": {"httpsProxy": "http://p/", "enabled": False}}, "http_proxy", False),
        ({"nodeProvisioningProfile": {"mode": "Auto"}}, "node_autoprovisioning", True),
        ({"nodeProvisioningProfile": {"mode": "Manual"}}, "node_autoprovisioning", False),
        ({"identityProfile": {"kubeletidentity": {"resourceId": "/x"}}}, "kubelet_identity", True),
        ({"identityProfile": {}}, "kubelet_identity", False),
    ],
)
def test_features(properties, fact, value):
    """Each from its own property."""
    assert getattr(features(**properties), fact) == value


def test_agent_errors():
    """Component and message, once each, bounded; unknown where the agents' profile is absent."""

    def errors(profile):
        return read_cluster({"id": ARC_ID, "properties": {"arcAgentProfile": profile}}, Source.ARM).agent_errors

    told = {"component": "config-agent", "message": "CrashLoop", "time": "2026-08-20T10:00:00Z"}
    assert errors({"agentErrors": [told, {**told, "time": "2026-08-20T11:00:00Z"}]}) == ("config-agent: CrashLoop",)
    assert errors({"agentErrors": [{"message": "x" * 999}, {}, "odd"]}) == ("x" * 300,)
    assert len(errors({"agentErrors": [{"message": str(n)} for n in range(99)]}) or ()) == 10
    assert errors({"agentErrors": []}) == ()
    assert errors({"agentErrors": None}) is None
    assert errors(None) is None


@pytest.mark.parametrize(
    "body",
    [None, [], "x", {}, {"id": 5}, {"id": ""}, {"id": f"{GROUP}/providers/Microsoft.Web/sites/s"}],
)
def test_malformed_cluster_is_refused(body):
    """A clear error instead of a cluster made up."""
    with pytest.raises(Refused):
        read_cluster(body, Source.ARM)


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)
keys = st.sampled_from(
    [
        *("agentPoolProfiles", "servicePrincipalProfile", "powerState", "statuses", "errorInfo"),
        *("configurationSettings", "aadProfile", "apiServerAccessProfile", "httpProxyConfig", "identityProfile"),
    ]
)


@given(st.dictionaries(keys, junk), junk, junk)
def test_odd_contents_are_unknown_facts(properties, tags, identity):
    """Whatever stands inside a known body, reading it does not fail."""
    body = {"id": AKS_ID, "properties": properties, "tags": tags, "identity": identity}

    assert read_cluster(body, Source.ARM).id.name == "aks-01"
    assert read_extension({**body, "name": "e"}).name == "e"


def test_extension_body_and_row_read_alike():
    """ARM's camelCase and Resource Graph's PascalCase give the same facts."""
    body = read_extension(sample("ext_get_succeeded_aks")["body"])
    row = read_extension(sample("arg_extensions_page")["data"][0])

    for extension in (body, row):
        assert extension.azureml
        assert extension.provisioning_state == "Succeeded"
        assert extension.settings == {"enableTraining": "True"}
        assert extension.current_version == "1.1.61"
        assert extension.release_train == "stable"
        assert extension.auto_upgrade_minor_version is True
        assert extension.release_namespace == "azureml"
        assert (extension.error_code, extension.error_message) == ("", "")
        assert extension.system_managed is False
    assert body.created_at == datetime(2026, 8, 20, 10, 21, tzinfo=UTC)


def test_failed_extension_says_why():
    """Code and message come from errorInfo, in both spellings."""
    body = read_extension(sample("ext_get_failed_arc")["body"])
    row = read_extension(sample("arg_extensions_page")["data"][1])

    assert body.error_code == row.error_code == "ExtensionOperationFailed"
    assert "Timed out waiting for the resource" in body.error_message


def extension(**properties):
    return read_extension({"id": f"{AKS_ID}/providers/x/extensions/e", "name": "e", "properties": properties})


def test_the_worst_status_speaks_where_errorinfo_does_not():
    """An error beats a warning, one without a level counts on a failed extension only."""
    warning = {"code": "W", "level": "Warning", "message": "w"}
    silent = {"code": "InstallationFailed", "level": None, "message": "no response"}
    error = {"code": "E", "level": "Error", "message": "e"}
    note = {"code": "I", "level": "Information", "message": "i"}
    empty = {"code": None, "message": None}

    assert extension(statuses=[note, warning, silent, error], errorInfo=empty).error_code == "E"
    assert extension(statuses=[warning, silent], provisioningState="Failed").error_message == "no response"
    assert extension(statuses=[silent], provisioningState="Succeeded").error_code == ""
    assert extension(statuses=[note]).error_message == ""
    assert extension(statuses=None, errorInfo=None).error_code == ""


@pytest.mark.parametrize(
    "properties",
    [{"isSystemExtension": True}, {"managedBy": "/x"}, {"ManagementDetails": {"Category": "managed"}}],
)
def test_system_managed(properties):
    """Any of the three signs says that the extension is Azure's own."""
    assert extension(**properties).system_managed is True
    assert extension(managementDetails={"category": None}, isSystemExtension=False).system_managed is False


def test_names_of_settings_keep_their_letter_case():
    """Helm values are case-sensitive, unlike the properties around them; null is no value."""
    found = extension(ConfigurationSettings={"InferenceRouterHA": "False", "flag": True, "none": None})

    assert found.settings == {"InferenceRouterHA": "False", "flag": "True"}


@pytest.mark.parametrize("body", [None, [], {}, {"properties": {}}])
def test_malformed_extension_is_refused(body):
    """Without a name nothing can be said about it."""
    with pytest.raises(Refused):
        read_extension(body)
