"""Differences, the PATCH they lead to, their risk, and the fingerprint."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.azureml.drift import Differences, comparable, differences, fingerprint, patch_properties, patch_settings
from shared.azureml.risk import Risk, risk_of_change
from shared.model.extension import DesiredExtension, Extension, Origin, Provenance, Relay

JOBS, ENDPOINTS = Risk.INTERRUPTS_JOBS, Risk.INTERRUPTS_ENDPOINTS


def actual(settings, **facts) -> Extension:
    return Extension("azureml", "microsoft.azureml.kubernetes", "Succeeded", settings, **facts)


def test_equal_in_meaning_is_no_difference():
    """Letter case of booleans, words and ids, keys of others, and an unstated train do not count."""
    wanted = DesiredExtension(
        {
            "enableTraining": "True",
            "inferenceRouterServiceType": "LoadBalancer",
            "cluster_name": "/subscriptions/s/resourceGroups/RG",
        },
        auto_upgrade_minor_version=True,
    )
    there = actual(
        {
            "enableTraining": "true",
            "inferenceRouterServiceType": "loadBalancer",
            "cluster_name": "/subscriptions/s/resourcegroups/rg",
            "nodeSelector.theirs": "x",
        }
    )

    assert differences(wanted, there) == Differences({})
    assert differences(wanted, replace(there, release_train="Stable", auto_upgrade_minor_version=True)).changed == {}


def test_what_differs_is_told_with_both_values():
    """A changed value and a missing one; free text with its letter case."""
    wanted = DesiredExtension({"sslCname": "new", "nodeSelector.pool": "ml", "enableTraining": "True"})

    found = differences(wanted, actual({"sslCname": "old", "nodeSelector.pool": "ML"}))

    assert found.changed == {
        "sslCname": ("old", "new"),
        "nodeSelector.pool": ("ML", "ml"),
        "enableTraining": (None, "True"),
    }


def test_properties_of_the_extension():
    """Train, version and upgrade count where both sides state them, and go into the PATCH beside the settings."""
    wanted = DesiredExtension({}, release_train="preview", version="1.2.0", auto_upgrade_minor_version=False)
    there = actual({}, release_train="stable", current_version="1.1.9", auto_upgrade_minor_version=True)

    found = differences(wanted, there)

    assert found.changed == {
        "releaseTrain": ("stable", "preview"),
        "version": ("1.1.9", "1.2.0"),
        "autoUpgradeMinorVersion": ("True", "False"),
    }
    assert patch_settings(found) == {}
    assert patch_properties(found.changed) == {
        "release_train": "preview",
        "version": "1.2.0",
        "auto_upgrade_minor_version": False,
    }


def test_leftovers_are_what_we_sent_once():
    """A key of ours that is no longer wanted is shown; a key of somebody else is none of ours."""
    there = actual({"installVolcano": "False", "nodeSelector.theirs": "x"})

    found = differences(DesiredExtension({}), there, previously=["installVolcano", "installPromOp"])

    assert found == Differences({}, ("installVolcano",))


@pytest.mark.parametrize("service_type", ["LoadBalancer", "ClusterIP"])
def test_node_port_is_switched_off(service_type):
    """A key cannot be removed, so that the old service type is switched off in words."""
    wanted = DesiredExtension({"enableInference": "True", "inferenceRouterServiceType": service_type})
    there = actual(
        {
            "enableInference": "True",
            "inferenceRouterServiceType": "NodePort",
            "scoringFe.serviceType.nodePort": "True",
        }
    )

    patch = patch_settings(differences(wanted, there, previously=list(there.settings)))

    assert patch == {"inferenceRouterServiceType": service_type, "scoringFe.serviceType.nodePort": "False"}
    assert differences(wanted, replace(there, settings={**there.settings, **patch})) == Differences({})


def test_internal_load_balancer_is_switched_off():
    """So is the internal load balancer when the router becomes a NodePort."""
    wanted = DesiredExtension(
        {
            "enableInference": "True",
            "inferenceRouterServiceType": "NodePort",
            "scoringFe.serviceType.nodePort": "True",
        }
    )
    there = actual(
        {
            "enableInference": "True",
            "inferenceRouterServiceType": "LoadBalancer",
            "internalLoadBalancerProvider": "azure",
            "scoringFe.serviceType.internalLoadBalancer": "True",
        }
    )

    found = differences(wanted, there, previously=list(there.settings))

    assert patch_settings(found) == {
        "inferenceRouterServiceType": "NodePort",
        "scoringFe.serviceType.nodePort": "True",
        "scoringFe.serviceType.internalLoadBalancer": "False",
    }
    assert found.leftover == ("internalLoadBalancerProvider",)


@pytest.mark.parametrize(
    ("changed", "risks"),
    [
        ({}, (Risk.SAFE,)),
        ({"enableTraining": ("True", "False")}, (JOBS,)),
        ({"enableTraining": ("False", "True")}, (Risk.SAFE,)),
        ({"enableInference": ("True", "False")}, (ENDPOINTS,)),
        ({"enableInference": (None, "False")}, (Risk.SAFE,)),
        ({"installNvidiaDevicePlugin": ("True", "false")}, (JOBS, ENDPOINTS)),
        ({"installNvidiaDevicePlugin": ("False", "True")}, (Risk.SAFE,)),
        ({"nodeSelector.pool": (None, "ml")}, (JOBS, ENDPOINTS)),
        ({"allowInsecureConnections": ("True", "False")}, (ENDPOINTS,)),
        ({"inferenceRouterServiceType": ("NodePort", "ClusterIP")}, (ENDPOINTS,)),
        ({"scoringFe.serviceType.nodePort": ("True", "False")}, (ENDPOINTS,)),
        ({"internalLoadBalancerProvider": (None, "azure")}, (ENDPOINTS,)),
        ({"sslCname": ("a", "b")}, (ENDPOINTS,)),
        ({"inferenceRouterHA": ("True", "False")}, (Risk.RESTARTS,)),
        ({"installVolcano": (None, "True")}, (Risk.SAFE,)),
        ({"amloperator.anything": (None, "x")}, (Risk.RESTARTS,)),
        ({"releaseTrain": ("stable", "preview")}, (Risk.SAFE,)),
        ({"version": ("1", "2"), "enableTraining": ("True", "False")}, (Risk.RESTARTS, JOBS)),
    ],
)
def test_risk_follows_the_prompts_of_the_cli(changed, risks):
    """What the CLI asks about interrupts; what it does not know restarts; stating a default is safe."""
    assert risk_of_change(changed) == risks


texts = st.dictionaries(st.text(min_size=1, max_size=5), st.sampled_from(["True", "true", "False", "x", "X"]))


@given(texts, st.randoms())
def test_fingerprint_does_not_depend_on_order_or_boolean_case(settings, random):
    """The same extension written otherwise has the same fingerprint."""
    pairs = list(settings.items())
    random.shuffle(pairs)
    flipped = {key: value.upper() if value.lower() in {"true", "false"} else value for key, value in pairs}
    origins = {key: Provenance(Origin.PROFILE, "p") for key in settings}

    one = fingerprint(DesiredExtension(settings))

    assert one == fingerprint(DesiredExtension(flipped, origins=origins, warnings=("w",)))
    assert one.startswith("v1:")


@pytest.mark.parametrize(
    "other",
    [
        DesiredExtension({"a": "2"}),
        DesiredExtension({"a": "1", "b": "1"}),
        DesiredExtension({"a": "1"}, protected=("k",)),
        DesiredExtension({"a": "1"}, relay=Relay("n", "h")),
        DesiredExtension({"a": "1"}, version="1"),
        DesiredExtension({"a": "1"}, release_train="preview"),
        DesiredExtension({"a": "1"}, auto_upgrade_minor_version=False),
    ],
)
def test_fingerprint_tells_extensions_apart(other):
    """Whatever would be sent otherwise changes it."""
    assert fingerprint(other) != fingerprint(DesiredExtension({"a": "1"}))


spellings = st.sampled_from(["True", "true", "TRUE", "tRuE"])


@given(
    st.dictionaries(st.sampled_from(["enableTraining", "installVolcano", "nginxIngress.enabled"]), spellings), spellings
)
def test_the_spelling_of_booleans_is_no_difference(settings, spelling):
    """However the service, a person or the CLI writes them, of documented keys and of others."""
    there = actual(dict.fromkeys(settings, spelling) | {"theirs": "x"})

    assert differences(DesiredExtension(settings), there) == Differences({})


@given(st.dictionaries(st.text(min_size=1, max_size=6), st.text(max_size=4), max_size=6))
def test_keys_that_we_do_not_set_are_never_compared(others):
    """Whatever stands there beside ours: no difference, nothing in a PATCH."""
    wanted = DesiredExtension({"enableTraining": "True"})
    there = actual(
        {key: value for key, value in others.items() if key != "enableTraining"} | {"enableTraining": "true"}
    )

    assert differences(wanted, there) == Differences({})


@pytest.mark.parametrize("there", ["", "1", "yes", "False", "Truely"])
def test_what_is_no_spelling_of_true_differs(there):
    """Tolerance ends at the letter case."""
    assert differences(DesiredExtension({"enableTraining": "True"}), actual({"enableTraining": there})).changed


def test_fingerprints_of_other_versions_say_nothing():
    """Only one that was computed the present way can be compared."""
    assert comparable(fingerprint(DesiredExtension({})))
    assert not any(comparable(sent) for sent in (None, "", "v0:feed", "v2:feed", "v10:feed", "feed", "something else"))
