"""How the extension fares, from what ARM listed and what is remembered."""

import pytest

from shared.model.observation import Memory
from shared.model.state import Condition
from shared.reconcile.situation import read_situation
from tests.unit.reconcile.worlds import OURS, OWN_NAMES, extension


def situation(*extensions, memory: Memory | None = None, own_names=OWN_NAMES):
    """The situation where Muster would call a new extension azureml."""
    return read_situation(extensions, memory or Memory(), name="azureml", own_names=own_names)


@pytest.mark.parametrize(
    ("state", "memory", "condition"),
    [
        ("Succeeded", Memory(), Condition.CURRENT),
        ("succeeded", Memory(), Condition.CURRENT),
        ("Creating", Memory(), Condition.INSTALLING),
        ("Creating", Memory(succeeded=True), Condition.UPDATING),
        ("Updating", Memory(), Condition.UPDATING),
        ("Deleting", Memory(succeeded=True), Condition.REMOVING),
        ("Failed", Memory(), Condition.FAILED_INSTALL),
        ("Canceled", Memory(), Condition.FAILED_INSTALL),
        ("Failed", Memory(succeeded=True), Condition.FAILED_UPDATE),
        ("Canceled", Memory(succeeded=True), Condition.FAILED_UPDATE),
        ("Pending", Memory(), Condition.UNKNOWN),
        ("Anything", Memory(succeeded=True), Condition.UNKNOWN),
        ("", Memory(), Condition.UNKNOWN),
    ],
)
def test_every_state_of_the_service_has_its_condition(state, memory, condition):
    """In any letter case; one that nobody has invented yet is Unknown."""
    assert situation(extension(state), memory=memory).condition is condition


def test_a_version_that_runs_makes_a_failure_one_of_an_update():
    """Helm runs atomic: what once came up still serves."""
    assert situation(extension("Failed", current_version="1.1.90")).condition is Condition.FAILED_UPDATE


def test_nothing_listed_is_missing_and_nothing_read_is_unknown():
    """An empty list is knowledge, no list is none."""
    assert situation().condition is Condition.MISSING
    assert read_situation(None, Memory(), name="azureml", own_names=OWN_NAMES).condition is Condition.UNKNOWN


def test_the_type_is_compared_without_case_and_any_name_will_do():
    """The one extension of the type is meant, whatever it is called."""
    found = situation(extension(name="ml", type="MICROSOFT.azureml.kubernetes"), extension(name="f", type="flux"))

    assert found.condition is Condition.CURRENT
    assert found.extension.name == "ml"


@pytest.mark.parametrize(
    ("extensions", "said"),
    [
        ((extension(name="b"), extension(name="a")), "a, b"),
        ((extension(name="AZUREML", type="microsoft.flux"),), "'azureml' is taken"),
    ],
)
def test_conflicts_name_what_is_in_the_way(extensions, said):
    """Two of the type; or our name on another type."""
    found = situation(*extensions)

    assert found.condition is Condition.CONFLICT
    assert said in found.detail


@pytest.mark.parametrize(
    ("created_by", "memory", "ours"),
    [
        (OURS, Memory(), True),
        (OURS.upper(), Memory(), True),
        ("somebody@example.com", Memory(), False),
        (None, Memory(), False),
        ("", Memory(), False),
        ("somebody@example.com", Memory(sent="fingerprint"), True),
    ],
)
def test_ours_is_what_we_sent_or_created(created_by, memory, ours):
    """By memory, or by Azure's record; nobody's name is not ours."""
    assert situation(extension(created_by=created_by), memory=memory).ours is ours
    assert situation(extension(created_by=""), own_names=frozenset()).ours is False


def test_the_platforms_own_is_untouchable():
    """And says so."""
    assert situation(extension(system_managed=True)).untouchable


def test_an_error_is_told_with_its_code_and_cut_short():
    """Helm's messages may be pages long."""
    told = situation(extension("Failed", error_code="X", error_message="m" * 5000)).detail

    assert told.startswith("provisioningState Failed, X: mmm")
    assert len(told) < 600
