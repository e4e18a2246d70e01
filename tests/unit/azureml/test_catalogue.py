"""The catalogue: complete, and helpful about what it does not know."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.azureml.catalogue import (
    SETTINGS,
    Use,
    canonical_name,
    canonicalise,
    same_value,
    scenario_warnings,
    setting_for,
    value_findings,
)

YES, MAY, NO = Use.REQUIRED, Use.OPTIONAL, Use.NOT_APPLICABLE

# The documentation's two tables: training, inference, training and inference; default.
DOCUMENTED = {
    "enableTraining": (YES, NO, YES, "False"),
    "enableInference": (NO, YES, YES, "False"),
    "allowInsecureConnections": (NO, MAY, MAY, "False"),
    "inferenceRouterServiceType": (NO, YES, YES, None),
    "internalLoadBalancerProvider": (NO, MAY, MAY, None),
    "sslSecret": (NO, MAY, MAY, None),
    "sslCname": (NO, MAY, MAY, None),
    "inferenceRouterHA": (NO, MAY, MAY, "True"),
    "nodeSelector.key1": (MAY, MAY, MAY, None),
    "installNvidiaDevicePlugin": (MAY, MAY, MAY, "False"),
    "installPromOp": (MAY, MAY, MAY, "True"),
    "installVolcano": (MAY, NO, MAY, "True"),
    "installDcgmExporter": (MAY, MAY, MAY, "False"),
    "sslCertPemFile": (NO, MAY, MAY, None),
    "sslKeyPemFile": (NO, MAY, MAY, None),
}
HANDED_THROUGH = (
    "nodeSelector.kubernetes.io/os",
    "toleration[0].key",
    "toleration[12].effect",
    "workLoadToleration[1].value",
    "volcanoScheduler.schedulerConfigMap",
    "amloperator.skipResourceValidation",
    "amloperator.custom_ip_interface",
    "nginxIngress.controller",
    "nginxIngress.controllerConfig.worker-processes",
    "image.registry",
    "scoringFe.serviceType.nodePort",
    "prometheus.prometheusSpec.retention",
    "enable_https",
    "openshift",
    "clusterPurpose",
    "isAKSMigration",
    "logAnalyticsWS",
    "relayServerConnectionString",
)

values = st.one_of(st.text(max_size=8), st.booleans(), st.integers(), st.none(), st.lists(st.integers(), max_size=2))
names = st.one_of(
    st.sampled_from([*DOCUMENTED, *HANDED_THROUGH]).flatmap(
        lambda name: st.sampled_from([name, name.lower(), name.upper(), name.swapcase()])
    ),
    st.text(min_size=1, max_size=12),
)


@pytest.mark.parametrize("key", DOCUMENTED)
def test_every_documented_setting_is_known(key):
    """Scenario columns and default stand as in the documentation's tables."""
    setting = setting_for(key)

    assert setting is not None
    assert (setting.training, setting.inference, setting.both, setting.default) == DOCUMENTED[key]
    assert setting.protected is (key in {"sslCertPemFile", "sslKeyPemFile"})
    assert setting.description


@pytest.mark.parametrize("key", HANDED_THROUGH)
def test_documented_families_are_known(key):
    """What Microsoft's documents hand through is accepted, in any letter case of its beginning."""
    assert canonicalise({key: "x"}).findings == ()
    assert canonical_name(key) == key


def test_names_are_unique():
    """No two entries claim the same name."""
    lowered = [setting.name.lower() for setting in SETTINGS]
    assert len(lowered) == len(set(lowered))


def test_letter_case_of_names_is_put_right():
    """The documentation's own misprint is sent right, with a warning; labels keep their letter case."""
    found = canonicalise({"InferenceRouterHA": False, "NODESELECTOR.Disk": "ssd", "Toleration[0].Key": "gpu"})

    assert found.settings == {"inferenceRouterHA": "False", "nodeSelector.Disk": "ssd", "toleration[0].Key": "gpu"}
    assert len(found.warnings) == 3
    assert found.findings == ()


@pytest.mark.parametrize(
    ("key", "nearest"),
    [
        ("instalVolcano", "installVolcano"),
        ("installNvidiaPlugin", "installNvidiaDevicePlugin"),
        ("nodeSelectors.pool", "nodeSelector."),
        ("inferenceLoadBalancerHA", "inferenceRouterHA"),
        ("nodeSelector", "nodeSelector.<label>"),
        ("tolerations[0].key", "toleration["),
    ],
)
def test_unknown_name_is_told_with_the_nearest(key, nearest):
    """An unknown key is kept as written and reported with what was probably meant."""
    found = canonicalise({key: "x"})

    assert found.settings == {key: "x"}
    assert [finding.where for finding in found.findings] == [key]
    assert nearest in found.findings[0].message


def test_two_spellings_of_one_name():
    """The right spelling wins wherever it stands, and the other one is reported."""
    found = canonicalise({"EnableTraining": "False", "enableTraining": "True"})

    assert found.settings == {"enableTraining": "True"}
    assert [finding.where for finding in found.findings] == ["EnableTraining"]


@pytest.mark.parametrize("value", [None, ["a"], {"a": "b"}])
def test_values_without_a_text_are_reported(value):
    """Null and nested values cannot be sent in a map of strings."""
    found = canonicalise({"enableTraining": value})

    assert found.settings == {}
    assert [finding.where for finding in found.findings] == ["enableTraining"]


@given(st.dictionaries(names, values, max_size=6))
def test_canonical_settings_stay_as_they_are(settings):
    """Doing it twice changes nothing, and every value is a text."""
    once = canonicalise(settings)

    assert canonicalise(once.settings).settings == once.settings
    assert all(isinstance(value, str) for value in once.settings.values())


@pytest.mark.parametrize(
    ("key", "value", "fine"),
    [
        ("enableTraining", "tRuE", True),
        ("enableTraining", "yes", False),
        ("enableTraining", "auto", False),
        ("installDcgmExporter", "auto", True),
        ("inferenceRouterServiceType", "LoadBalancer", True),
        ("inferenceRouterServiceType", "Ingress", False),
        ("internalLoadBalancerProvider", "aws", False),
        ("clusterPurpose", "devtest", True),
        ("sslCname", "ml.example.com", True),
        ("sslCname", " ", False),
        ("nodeSelector.pool", "auto", True),
        ("no.such.setting", "x", True),
    ],
)
def test_values_outside_the_documented_ones(key, value, fine):
    """Values are compared without case; `auto` only where the setting knows it."""
    assert (value_findings({key: value}) == ()) is fine


def test_settings_without_effect_are_told():
    """What the tables mark N/A for the chosen scenario is named, and only that."""
    training = {"enableTraining": "True", "sslCname": "x", "installVolcano": "True", "enableInference": "False"}
    inference = {"enableInference": "true", "sslCname": "x", "installVolcano": "True"}
    both = training | inference

    assert scenario_warnings(training) == ("sslCname: has no effect for training alone.",)
    assert scenario_warnings(inference) == ("installVolcano: has no effect for inference alone.",)
    assert scenario_warnings(both) == ()


@pytest.mark.parametrize(
    ("key", "one", "other", "same"),
    [
        ("enableTraining", "True", "true", True),
        ("inferenceRouterServiceType", "LoadBalancer", "loadBalancer", True),
        ("cluster_name", "/subscriptions/a/resourceGroups/RG", "/subscriptions/a/resourcegroups/rg", True),
        ("nodeSelector.pool", "GPU", "gpu", False),
        ("image.pullPolicy", "TRUE", "true", True),
        ("sslCname", "a", "b", False),
    ],
)
def test_which_values_mean_the_same(key, one, other, same):
    """Only free text is compared with its letter case."""
    assert same_value(key, one, other) is same
