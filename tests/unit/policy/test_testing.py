"""Tests of a policy: what they ask, what they tell, and what they refuse."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.errors import PolicyError
from shared.policy import testing
from shared.policy.loading import parse_policy, read_policy

NOW = datetime(2026, 8, 22, 12, 0, tzinfo=UTC)
SHIPPED = Path(__file__).parents[3] / "policy.yaml"
GROUP = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg"
ARC = f"{GROUP}/providers/Microsoft.Kubernetes/connectedClusters/a"
ONE = "tests: [{{cluster: {{id: {arc}, tags: {{aml-onboard: 'true'}}}}, {expected}}}]"


def told(expected: str, folder: Path) -> str:
    """What one test about an Arc cluster says under the shipped policy; "" where it passes."""
    file = folder / "policy.tests.yaml"
    file.write_text(ONE.format(arc=ARC, expected=expected))
    [test] = testing.read_tests(file)
    return testing.outcome(parse_policy(read_policy(SHIPPED)), test, NOW)


def test_the_shipped_policy_passes_the_tests_beside_it():
    """Every one, and there are some for each of the documented scenarios."""
    policy = parse_policy(read_policy(SHIPPED))
    tests = testing.read_tests(testing.tests_beside(SHIPPED))

    assert [testing.outcome(policy, test, NOW) for test in tests] == [""] * 6
    assert {test.profile for test in tests} == {"production-aks", "poc-aks", "production-arc-gpu", "training", None}


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        ("profile: training", ""),
        ("profile: training, settings: {enableTraining: true}", ""),
        ("profile: training, settings: {ENABLETRAINING: 'TRUE'}", ""),
        ("profile: training, settings: {enableTraining: false}", "expected enableTraining false, got true"),
        ("profile: training, settings: {installVolcano: false}", "expected installVolcano false, got none"),
        ("profile: poc-aks", "expected profile poc-aks, got profile training"),
        ("hold: facts-unknown", "expected hold facts-unknown, got profile training"),
    ],
)
def test_what_differs_is_named(expected, said, tmp_path):
    """The cluster, what was expected and what it got; nothing where it is as expected."""
    found = told(expected, tmp_path)

    assert found.endswith(said) if not said else said in found
    assert bool(found) == bool(said)


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        ("profile: training, hold: busy", "either a profile or a hold"),
        ("hold: busy, settings: {enableTraining: true}", "gets no settings"),
        ("profile: training, settings: {enableTrainning: true}", "did you mean enableTraining?"),
        ("profil: training", "unknown key 'profil'"),
    ],
)
def test_a_mistake_in_a_test_is_no_failed_test(expected, said, tmp_path):
    """It is refused with its place, since it would never fail, or always."""
    with pytest.raises(PolicyError) as caught:
        told(expected, tmp_path)

    assert any(said in str(finding) for finding in caught.value.findings)
