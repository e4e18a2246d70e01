"""Extensions that somebody else installed: kept, compared, and only brought nearer where it hurts nothing."""

import random
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.model.decision import Action
from shared.model.extension import Origin, Provenance
from shared.model.observation import Memory
from shared.model.state import Condition, HoldCode
from shared.policy.model import AdoptionMode
from shared.reconcile.decide import decide
from shared.reconcile.record import before_sending, remembered
from shared.reconcile.situation import is_ours
from tests.unit.reconcile.worlds import NOW, SHIPPED, extension, installed, looked_at, ready

CONVERGE = replace(SHIPPED, adoption=AdoptionMode.CONVERGE)
STRANGER = "somebody@example.com"


def adopted(cluster, settings, **facts):
    """A cluster with an extension of somebody else's."""
    facts.setdefault("state", "Succeeded")
    return looked_at(cluster, extension(settings=settings, created_by=STRANGER, **facts), memory=Memory())


def hand_made(seed):
    """An install as people make them: any name, train, version, letter case of booleans, and odd keys."""
    chance = random.Random(seed)  # noqa: S311  a test's own dice
    cluster = ready(chance.choice(["aks", "arc"]), nodes=chance.randint(1, 9))
    wanted = dict(installed(cluster).extensions[0].settings)
    settings = {
        key: chance.choice([value, value.upper(), value.lower(), value])
        if value.lower() in {"true", "false"}
        else value
        for key, value in wanted.items()
        if chance.random() > 0.2
    }
    settings |= chance.choice([{}, {"amloperator.skipResourceValidation": "true"}, {"nodeSelector.pool": "ml"}])
    settings |= chance.choice([{}, {"enableInference": "True", "allowInsecureConnections": "false", "sslCname": "x.y"}])
    return adopted(
        cluster,
        settings,
        name=chance.choice(["azureml", "ml", "aml-ext", "AzureML-prod"]),
        version=chance.choice([None, "1.1.61"]),
        current_version=chance.choice(["1.1.35", "1.1.61", "1.1.90"]),
        release_train=chance.choice(["stable", "Stable", "preview", None]),
        auto_upgrade_minor_version=chance.choice([True, False, None]),
        state=chance.choice(["Succeeded", "Succeeded", "Failed"]),
    )


@pytest.mark.parametrize("mode", [AdoptionMode.IGNORE, AdoptionMode.OBSERVE, AdoptionMode.BASELINE])
def test_three_hundred_hand_made_installs_see_no_write(mode):
    """Whatever their names and settings, no mode but `converge` writes to any of them."""
    policy = replace(SHIPPED, adoption=mode)
    decisions = [decide(hand_made(seed), policy, NOW) for seed in range(300)]

    assert not [decision for decision in decisions if decision.action.writes or decision.intended.writes]
    assert len({decision.state.condition for decision in decisions}) > 1


def test_converging_sends_safe_differences_only():
    """What hurts nothing is set by PATCH, without a protected value; the rest is reported and left."""
    wanted = dict(installed(ready()).extensions[0].settings)
    wanted |= {"enableTraining": "False", "inferenceRouterServiceType": "ClusterIP"}
    seen = adopted(ready(), wanted, name="theirs", release_train="preview", version="1.1.35")
    decision = decide(seen, CONVERGE, NOW)

    assert decision.action is Action.UPDATE
    assert decision.patch == {"enableTraining": "true"}
    assert not decision.protected
    assert decision.extension == "theirs"
    assert set(decision.changes) == {"enableTraining", "inferenceRouterServiceType"}
    assert "inferenceRouterServiceType" in decision.reason


def test_a_converged_stranger_stays_a_stranger():
    """What was sent to it makes it no extension of ours: nobody reinstalls or repairs it afterwards."""
    wanted = dict(installed(ready()).extensions[0].settings) | {"enableTraining": "False"}
    seen = adopted(ready(), wanted)
    decision = decide(seen, CONVERGE, NOW)
    written = before_sending(seen, remembered(seen, decision, CONVERGE, NOW), decision, NOW)
    failed = replace(seen.extensions[0], provisioning_state="Failed", current_version="1.1.90")
    after = decide(replace(seen, extensions=(failed,), memory=written), CONVERGE, NOW + timedelta(days=1))

    assert not is_ours(seen.extensions[0], written, frozenset())
    assert after.action is Action.NOTHING
    assert after.state.condition is Condition.FAILED_UPDATE


def test_an_adopted_relay_is_read_from_the_stored_settings():
    """The relay that an adopted extension uses is never derived anew."""
    cluster = ready("arc")
    stored = dict(installed(cluster).extensions[0].settings)
    stored["relayserver.hybridConnectionResourceID"] = (
        f"/subscriptions/{cluster.id.subscription}/resourceGroups/RG/providers/Microsoft.Relay/namespaces/theirs"
        "/hybridConnections/own"
    )
    stored["relayserver.hybridConnectionName"] = "own"
    decision = decide(adopted(cluster, stored), SHIPPED, NOW)

    assert not decision.changes
    assert decision.desired.relay.namespace == "theirs"
    assert any("protected values" in line for line in decision.advice)


VAULT = "https://kv.vault.azure.net/certificates/ml"
HTTPS = {"enableInference": "True", "allowInsecureConnections": "False", "sslCname": "ml.example.com"}


def https(policy):
    """The policy with a certificate from Key Vault in every profile."""
    profiles = {
        name: replace(
            profile,
            settings={key: value for key, value in (dict(profile.settings) | HTTPS).items() if key != "sslSecret"},
            origins=dict(profile.origins) | dict.fromkeys(HTTPS, Provenance(Origin.PROFILE, name)),
            key_vault_certificate=VAULT,
        )
        for name, profile in policy.profiles.items()
    }
    return replace(policy, profiles=profiles)


def test_a_certificate_that_would_have_to_be_written_holds():
    """The protected map is replaced whole, and what is in it nobody can read: no write, and the reason says so."""
    plain = dict(installed(ready()).extensions[0].settings)
    decision = decide(adopted(ready(), plain), https(CONVERGE), NOW)

    assert decision.action is Action.HOLD, decision.reason
    assert decision.state.hold.code is HoldCode.PROTECTED_VALUES
    assert decision.state.condition is Condition.DRIFTED
    assert "every protected value in use must have a source" in decision.reason
    assert not decision.intended.writes


def test_safe_differences_are_sent_before_it_is_held():
    """What needs no secret is put right first; inference is not switched on without what it needs."""
    plain = dict(installed(ready()).extensions[0].settings) | {"enableTraining": "False", "enableInference": "False"}
    decision = decide(adopted(ready(), plain), https(CONVERGE), NOW)

    assert decision.action is Action.UPDATE, decision.reason
    assert set(decision.patch) == {"enableTraining"}
    assert not decision.protected


def test_a_relay_that_is_not_connected_yet_holds():
    """On Arc the relay's key would have to be written; one that is in use needs nothing."""
    stored = dict(installed(ready("arc")).extensions[0].settings)
    without = stored | {"relayserver.enabled": "false"}
    held = decide(adopted(ready("arc"), without), CONVERGE, NOW)

    assert held.state.hold.code is HoldCode.PROTECTED_VALUES
    assert "Azure Relay" in held.reason
    assert decide(adopted(ready("arc"), stored), CONVERGE, NOW).action is Action.NOTHING


@pytest.mark.parametrize("mode", [AdoptionMode.OBSERVE, AdoptionMode.BASELINE])
def test_where_nothing_is_written_anyway_nothing_is_held(mode):
    """The other modes only report."""
    plain = dict(installed(ready()).extensions[0].settings)
    decision = decide(adopted(ready(), plain), https(replace(SHIPPED, adoption=mode)), NOW)

    assert decision.action is Action.NOTHING
    assert any("protected values" in line for line in decision.advice)


def test_a_certificate_that_is_served_already_is_left():
    """Which one it is cannot be read: told, and nothing held."""
    served = dict(installed(ready()).extensions[0].settings) | HTTPS
    decision = decide(adopted(ready(), served), https(CONVERGE), NOW)

    assert decision.action is not Action.HOLD, decision.reason
    assert any("protected values" in line for line in decision.advice)
