"""Preflight in decisions: what is read first, what holds, what is registered, and what the policy may lower."""

from dataclasses import replace

from shared.model.check import Severity, Verdict
from shared.model.decision import Action, Want
from shared.model.state import HoldCode
from shared.model.surroundings import Surroundings
from shared.policy.model import Enforcement, EnforcementTable, PreflightChoice
from shared.reconcile.decide import decide
from tests.unit.reconcile.worlds import NOW, SHIPPED, looked_at, ready

REGISTERING = replace(SHIPPED, preflight=PreflightChoice(register_providers=True))


def around(**providers):
    """What a subscription says of its resource providers, by the last word of their names."""
    states = {"kubernetesconfiguration": "Registered", "relay": "Registered", "kubernetes": "Registered"} | providers
    return Surroundings(providers={f"microsoft.{name}": state for name, state in states.items()})


def test_an_install_asks_for_its_surroundings_first():
    """What costs a request is named, and not asked for again once it was read."""
    unread = decide(looked_at(ready()), SHIPPED, NOW)
    read = decide(looked_at(ready(), surroundings=around()), SHIPPED, NOW)

    assert Want.SURROUNDINGS in unread.wants
    assert not read.wants
    assert read.action is Action.INSTALL


def test_a_failed_check_holds_with_its_remedy_and_every_answer():
    """The hold's reason names the check and what to do; all answers go along for people who ask."""
    decision = decide(looked_at(ready(local_accounts_disabled=True)), SHIPPED, NOW)
    failed = [result for result in decision.checks if result.blocks]

    assert decision.state.hold.code is HoldCode.PREFLIGHT
    assert [result.id for result in failed] == ["local-accounts"]
    assert failed[0].remedy in decision.reason
    assert {result.verdict for result in decision.checks} >= {Verdict.PASSED, Verdict.NOT_EVALUATED}


def test_a_lowered_check_warns_and_lets_go():
    """The policy's word turns the hold into advice."""
    lowered = replace(SHIPPED, preflight=PreflightChoice({"local-accounts": Severity.WARN}))
    decision = decide(looked_at(ready(local_accounts_disabled=True)), lowered, NOW)

    assert decision.action is Action.INSTALL
    assert any(line.startswith("local-accounts") for line in decision.advice)


def test_a_missing_provider_holds_where_nobody_may_register_it():
    """By default registering is a person's business."""
    decision = decide(looked_at(ready(), surroundings=around(kubernetesconfiguration="NotRegistered")), SHIPPED, NOW)

    assert decision.state.hold.code is HoldCode.PREFLIGHT
    assert "Microsoft.KubernetesConfiguration" in decision.reason


def test_a_missing_provider_is_registered_where_the_policy_allows():
    """As a step of its own, each provider once, and waited for while it takes its time."""
    missing = looked_at(ready(), surroundings=around(kubernetesconfiguration="NotRegistered"))
    running = replace(missing, surroundings=around(kubernetesconfiguration="Registering"))
    relay = looked_at(ready("arc"), surroundings=around(relay="NotRegistered"), relay_ready=True)
    step = decide(missing, REGISTERING, NOW)

    assert (step.action, step.provider) == (Action.REGISTER_PROVIDER, "Microsoft.KubernetesConfiguration")
    assert decide(running, REGISTERING, NOW).action is Action.WAIT
    assert decide(relay, REGISTERING, NOW).provider == "Microsoft.Relay"
    assert decide(replace(missing, surroundings=around()), REGISTERING, NOW).action is Action.INSTALL


def test_registering_needs_the_word_to_install():
    """Where installs wait for an approval, so does what they need."""
    cautious = replace(REGISTERING, enforcement=EnforcementTable(install=Enforcement.APPROVE))
    seen = looked_at(ready(), surroundings=around(kubernetesconfiguration="NotRegistered"))

    assert decide(seen, cautious, NOW).state.hold.code is HoldCode.APPROVAL


def test_nothing_else_is_waved_through_with_a_missing_provider():
    """A cluster that fails another check is held for it, and registers nothing."""
    seen = looked_at(ready(pod_identity=True), surroundings=around(kubernetesconfiguration="NotRegistered"))

    assert decide(seen, REGISTERING, NOW).action is Action.HOLD
