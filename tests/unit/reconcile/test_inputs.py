"""Fingerprints: what changes them, and what must not."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.model.gates import Gates, Mode
from shared.model.intent import Intent, Word
from shared.reconcile.decide import decide
from shared.reconcile.inputs import basis_of, choice_of, inputs_of
from tests.unit.reconcile.worlds import NOW, SHIPPED, extension, installed, looked_at, ready

CLUSTER = ready("arc")


def inputs(seen, policy=SHIPPED, now=NOW):
    """The fingerprint of what the decision rests on."""
    return inputs_of(policy, seen, decide(seen, policy, now), now)


def word(**facts: object) -> Intent:
    """An enrolment by hand."""
    return Intent(CLUSTER.id, Word.ENROL, "eva", "", NOW - timedelta(days=1), profile="training", **facts)


def test_heartbeats_and_the_time_change_nothing():
    """An Arc cluster reports itself all day, and time passes: neither is a reason to look."""
    seen = installed(CLUSTER)
    beaten = replace(seen, cluster=replace(CLUSTER, last_connectivity=NOW))

    assert inputs(beaten) == inputs(seen)
    assert inputs(seen, now=NOW + timedelta(days=3)) == inputs(seen)


def test_the_source_and_the_order_of_tags_change_nothing():
    """The same facts by Resource Graph and by ARM; tags in any order; names of tags in any letter case."""
    seen = looked_at(replace(CLUSTER, tags={"a": "1", "aml-onboard": "true"}))
    other = looked_at(replace(CLUSTER, tags={"AML-Onboard": "true", "A": "1"}, source="graph"))

    assert inputs(other) == inputs(seen)


@pytest.mark.parametrize(
    "change",
    [
        {"tags": {"aml-onboard": "true", "x": "y"}},
        {"tags": {"aml-onboard": "True"}},
        {"nodes": 9},
        {"distribution": "openshift"},
        {"kubernetes_version": "1.33"},
        {"incarnation": "second"},
        {"connectivity": "Offline"},
        {"provisioning_state": "Updating"},
    ],
)
def test_a_changed_cluster_changes_them(change):
    """Tags, facts and what opens the gate are all inputs."""
    assert inputs(looked_at(replace(CLUSTER, **change))) != inputs(looked_at(CLUSTER))


def test_gates_words_and_the_policy_change_them():
    """What a person said, the kill switch, the mode, and the policy's text."""
    seen = looked_at(CLUSTER)
    variants = [
        inputs(seen),
        inputs(replace(seen, gates=Gates(Mode.REPORT))),
        inputs(replace(seen, gates=Gates(Mode.ENFORCE, stopped=True))),
        inputs(replace(seen, intent=word())),
        inputs(replace(seen, intent=replace(word(), at=NOW))),
        inputs(seen, replace(SHIPPED, digest="another")),
        inputs(looked_at(CLUSTER, extension())),
        inputs(looked_at(CLUSTER, extension("Failed"))),
        inputs(looked_at(CLUSTER, extension(settings={"a": "b"}))),
    ]

    assert len(set(variants)) == len(variants)


def test_a_word_that_ended_is_no_input():
    """Its end alone changes the fingerprint, so that a sweep finds it out."""
    ending = replace(looked_at(CLUSTER), intent=word(until=NOW + timedelta(hours=1)))

    assert inputs(ending) != inputs(looked_at(CLUSTER))
    assert inputs(ending, now=NOW + timedelta(hours=2)) == inputs(looked_at(CLUSTER))


def test_extensions_of_unselected_clusters_and_of_other_types_are_no_input():
    """A look at a cluster that is not ours does not list them, a sweep does; both see the same inputs."""
    outsider = ready(tags={})

    assert inputs(looked_at(outsider, extension())) == inputs(looked_at(outsider))
    assert inputs(looked_at(CLUSTER, extension(name="f", type="microsoft.flux"))) == inputs(looked_at(CLUSTER))


def test_extensions_that_differ_in_little_have_an_order():
    """Names in two letter cases, one of them without a version: still one fingerprint, whatever the order."""
    first, second = extension(name="azureml"), extension(name="AzureML", current_version="1.1.90")

    assert inputs(looked_at(CLUSTER, first, second)) == inputs(looked_at(CLUSTER, second, first))


def test_what_could_not_be_read_has_none():
    """No fingerprint stands for a cluster that nobody saw."""
    assert inputs(replace(looked_at(CLUSTER), cluster=None)) is None


def test_the_choice_is_about_words_and_the_basis_about_facts_too():
    """A node count is no choice of anybody's, but failures count against it."""
    grown = replace(CLUSTER, nodes=9)

    assert choice_of(SHIPPED, grown, None, NOW) == choice_of(SHIPPED, CLUSTER, None, NOW)
    assert basis_of(SHIPPED, grown, None, NOW) != basis_of(SHIPPED, CLUSTER, None, NOW)
    assert choice_of(SHIPPED, CLUSTER, word(), NOW) != choice_of(SHIPPED, CLUSTER, None, NOW)
