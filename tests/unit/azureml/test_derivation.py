"""Derivation beyond the recorded runs: what is read back, what is never sent, what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.azureml.body import patch_body, put_body
from shared.azureml.derivation import derive
from shared.azureml.relay import relay_for
from shared.errors import SettingsError
from shared.model.cluster import Cluster, Source
from shared.model.extension import Origin, Provenance, Relay
from shared.model.identity import ClusterId

GROUP = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg1"
TRAINING = {"enableTraining": "True"}


def cluster(kind="aks", *, name="clu-1", group="rg1", **facts) -> Cluster:
    resource = {
        "aks": "Microsoft.ContainerService/managedClusters",
        "arc": "Microsoft.Kubernetes/connectedClusters",
    }[kind]
    arm_id = f"/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/{group}/providers/{resource}/{name}"
    known = {"location": "eastus", "nodes": 3, "distribution": "aks" if kind == "aks" else "k3s"} | facts
    return Cluster(id=ClusterId.parse(arm_id), name=name, resource_group=group, tags={}, source=Source.ARM, **known)


valid_settings = st.fixed_dictionaries(
    {"enableTraining": st.sampled_from(["True", "true"])},
    optional={
        "enableInference": st.sampled_from(["False", "false"]),
        "inferenceRouterHA": st.sampled_from(["True", "False"]),
        "clusterPurpose": st.sampled_from(["DevTest", "FastProd"]),
        "nodeSelector.pool": st.text(max_size=5),
        "relayserver.enabled": st.sampled_from(["true", "false"]),
        "installVolcano": st.sampled_from(["True", "False"]),
    },
)
clusters = st.builds(
    cluster,
    st.sampled_from(["aks", "arc"]),
    nodes=st.one_of(st.none(), st.integers(0, 20)),
    distribution=st.sampled_from([None, "openshift", "k3s"]),
)


@given(clusters, valid_settings)
def test_values_are_strings_and_have_an_origin(facts, settings):
    """The same input gives the same extension; every value is a string that tells where it came from."""
    origins = {key: Provenance(Origin.PROFILE, "p") for key in settings}

    desired = derive(facts, settings, origins=origins)

    assert desired == derive(facts, dict(settings), origins=origins)
    assert all(isinstance(value, str) for value in desired.settings.values())
    assert set(desired.origins) == set(desired.settings)
    assert {key: desired.settings[key] for key in settings} == settings


@given(clusters, valid_settings, st.one_of(st.none(), st.integers(0, 20)), st.sampled_from([None, "openshift", "x"]))
def test_changed_facts_change_nothing_on_an_installed_extension(facts, settings, nodes, distribution):
    """Whatever node count and distribution become, the settings stay what was installed."""
    installed = derive(facts, settings).settings
    kind = facts.kind.value

    later = derive(cluster(kind, nodes=nodes, distribution=distribution), settings, resolved=installed)

    assert later.settings == installed


def test_a_changed_setting_wins_over_the_installed_value():
    """Reading back concerns derived values only."""
    installed = derive(cluster(nodes=2), TRAINING).settings

    later = derive(cluster(nodes=2), {**TRAINING, "inferenceRouterHA": "True"}, resolved=installed)

    assert installed["inferenceRouterHA"] == "false"
    assert later.settings["inferenceRouterHA"] == "True"
    assert later.settings["clusterPurpose"] == "DevTest"


def test_a_changed_platform_switch_is_seen():
    """What follows from the kind of cluster is no fact that changes: it is derived anew and shows as drift."""
    installed = dict(derive(cluster(), TRAINING).settings) | {"nginxIngress.enabled": "false"}

    assert derive(cluster(), TRAINING, resolved=installed).settings["nginxIngress.enabled"] == "true"


def test_the_installed_relay_is_kept():
    """An extension that points at another relay of the group keeps it; nothing is added where none is told."""
    other = f"{GROUP}/providers/Microsoft.Relay/namespaces/older/hybridConnections/hc"
    told = {"relayserver.hybridConnectionResourceID": other, "relayserver.hybridConnectionName": "hc"}

    kept = derive(cluster("arc"), TRAINING, resolved=told)
    silent = derive(cluster("arc"), TRAINING, resolved={})

    assert kept.relay == Relay("older", "hc")
    assert kept.settings["relayserver.hybridConnectionResourceID"] == other
    assert silent.relay == relay_for(cluster("arc"))
    assert "relayserver.hybridConnectionResourceID" not in silent.settings


def test_a_relay_elsewhere_has_no_value_that_we_could_fetch():
    """The body then cannot be built, rather than being sent with another relay's connection string."""
    elsewhere = f"{GROUP}-other/providers/Microsoft.Relay/namespaces/n/hybridConnections/hc"

    desired = derive(cluster("arc"), TRAINING, resolved={"relayserver.hybridConnectionResourceID": elsewhere})

    assert desired.relay is None
    assert desired.warnings
    with pytest.raises(SettingsError) as refused:
        put_body(desired, {})
    assert {finding.where for finding in refused.value.findings} == set(desired.protected)


def test_relay_names():
    """Letters and digits only; beyond fifty characters the end is a hash of the whole name."""
    assert relay_for(cluster("arc", name="my-arc-cluster", group="my-resource-group")).namespace == (
        "myarccluster11111111222233334444555555555555c818f3"
    )
    assert relay_for(cluster("arc", name="a")).namespace == "a11111111222233334444555555555555rg1relay"


def test_given_connection_string_creates_no_relay():
    """Both names of the string are sent, and no hybrid connection is named."""
    desired = derive(cluster("arc"), TRAINING, protected=["relayServerConnectionString"])

    assert desired.relay is None
    assert desired.protected == ("relayServerConnectionString", "relayserver.relayConnectionString")
    assert "relayserver.hybridConnectionName" not in desired.settings
    values = put_body(desired, {"relayServerConnectionString": "Endpoint=sb://x"})["properties"]
    assert set(values["configurationProtectedSettings"].values()) == {"Endpoint=sb://x"}


def test_domain_is_always_derived():
    """The CLI overwrites a given domain; so do we, and say so."""
    desired = derive(cluster(), {**TRAINING, "domain": "mine.example"})

    assert desired.settings["domain"] == "eastus.cloudapp.azure.com"
    assert desired.origins["domain"].origin is Origin.DERIVED
    assert any(warning.startswith("domain:") for warning in desired.warnings)


def test_given_names_win_over_derived_ones():
    """All other generated keys are filled in only where they are missing."""
    desired = derive(cluster(), {**TRAINING, "cluster_name": "x", "location": "y", "clusterId": "z"})

    assert desired.settings["cluster_name"] == "x"
    assert desired.settings["prometheus.prometheusSpec.externalLabels.cluster_name"] == "x"
    assert desired.settings["clusterId"] == "z"
    assert desired.settings["location"] == "y"


def test_local_paths_are_never_sent():
    """A path among the plain settings is left out too, with a warning."""
    desired = derive(cluster(), {**TRAINING, "sslCertPemFile": "/c.pem"}, protected=["sslKeyPemFile"])

    assert "sslCertPemFile" not in desired.settings
    assert desired.protected == ()
    assert any(warning.startswith("sslCertPemFile:") for warning in desired.warnings)


def test_migration_from_the_old_compute():
    """The router goes to namespace default."""
    settings = {"enableInference": "true", "allowInsecureConnections": "true", "isAKSMigration": "TRUE"}

    desired = derive(cluster(), {**settings, "inferenceRouterServiceType": "ClusterIP"})

    assert desired.settings["scoringFe.namespace"] == "default"
    assert desired.settings["isAKSMigration"] == "true"


def test_internal_load_balancer():
    """`azure` adds the chart's own key; with ClusterIP the CLI does not refuse it."""
    settings = {"enableInference": "true", "allowInsecureConnections": "true", "internalLoadBalancerProvider": "Azure"}

    desired = derive(cluster(), {**settings, "inferenceRouterServiceType": "ClusterIP"})

    assert desired.settings["scoringFe.serviceType.internalLoadBalancer"] == "True"
    assert "scoringFe.serviceType.nodePort" not in desired.settings


def test_service_bus_is_named_as_the_cli_names_it():
    """The body equals the CLI's; its connection string has to be given, as we create no Service Bus."""
    desired = derive(cluster(), {**TRAINING, "servicebus.enabled": "true"})

    assert desired.settings["servicebus.resourceID"] == (
        f"{GROUP}/providers/Microsoft.ServiceBus/namespaces/clu111111111222233334444555555555555rg1servicebus"
    )
    assert desired.protected == ("serviceBusConnectionString", "servicebus.connectionString")
    assert desired.warnings


@pytest.mark.parametrize(
    ("settings", "protected", "where"),
    [
        ({"enableTraining": "True", "sslCname": "a"}, {"sslCname": "b"}, "sslCname"),
        ({"enableTraining": "yes"}, {}, "enableTraining"),
        ({"enableInference": "True", "inferenceRouterServiceType": "NodePort"}, {}, "allowInsecureConnections"),
        (
            {"enableInference": "True", "inferenceRouterServiceType": "NodePort", "allowInsecureConnections": "True"},
            {"sslSecret": "s"},
            "sslCname",
        ),
        ({"enableInference": "True", "allowInsecureConnections": "True"}, {}, "inferenceRouterServiceType"),
        ({"enableTraining": "True", "installVolcano": "Auto"}, {}, "installVolcano"),
    ],
)
def test_refusals_name_the_setting(settings, protected, where):
    """A refusal says which setting it is about."""
    with pytest.raises(SettingsError) as refused:
        derive(cluster(), settings, protected=protected)

    assert [finding.where for finding in refused.value.findings] == [where]


def test_switches_may_stand_among_the_protected_settings():
    """They are read there, sent in plain, and not repeated in the protected map."""
    desired = derive(cluster(), {}, protected={"enableTraining": "true"})

    assert desired.settings["enableTraining"] == "True"
    assert desired.protected == ()


def test_pinned_version():
    """A version goes with the automatic upgrade off; both together are refused as by the service."""
    assert derive(cluster(), TRAINING, version="1.1.79").auto_upgrade_minor_version is False
    assert derive(cluster(), TRAINING).auto_upgrade_minor_version is None
    with pytest.raises(SettingsError, match="To pin to specific version"):
        derive(cluster(), TRAINING, version="1.1.79", auto_upgrade_minor_version=True)


def test_put_body_states_version_and_upgrade():
    """They stand in the body where they are wanted, and only there."""
    pinned = put_body(derive(cluster(), TRAINING, version="1.1.79"), {})["properties"]
    plain = put_body(derive(cluster(), TRAINING), {})

    assert (pinned["version"], pinned["autoUpgradeMinorVersion"]) == ("1.1.79", False)
    assert not {"version", "autoUpgradeMinorVersion"} & set(plain["properties"])
    assert "identity" not in plain


def test_patch_body_sends_only_what_changes():
    """An empty protected map is never sent: it might wipe the stored values."""
    assert patch_body({"a": "b"}, {}) == {"properties": {"configurationSettings": {"a": "b"}}}
    assert patch_body({}, {"k": "v"}, version="1", auto_upgrade_minor_version=False) == {
        "properties": {
            "configurationProtectedSettings": {"k": "v"},
            "version": "1",
            "autoUpgradeMinorVersion": False,
        }
    }
