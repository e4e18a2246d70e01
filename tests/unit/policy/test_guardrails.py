"""No profile, tag or request gets past a guardrail."""

import pytest

from shared.policy.guardrails import violations
from tests.unit.policy.builders import cluster, onboarded, policy

POLICY = policy(
    """
guardrails:
  - name: no-plain-http
    except: {tags: {env: dev}}
    forbidSettings: {ALLOWINSECURECONNECTIONS: true}
  - name: internal-only
    match: {kind: aks}
    requireSettings: {internalLoadBalancerProvider: azure}
    forbidSettings: {"nodeSelector.*": ["secret*", master]}
  - name: gpu-clusters
    match: {gpu: true}
    forbidSettings: {installVolcano: "*"}
  - name: without-gpu
    except: {gpu: false}
    forbidSettings: {clusterPurpose: DevTest}
"""
)
FINE = {"internalLoadBalancerProvider": "Azure", "allowInsecureConnections": "False"}


@pytest.mark.parametrize(
    ("settings", "about", "broken"),
    [
        (FINE, cluster(gpu=False), []),
        (FINE | {"allowInsecureConnections": "TRUE"}, cluster(gpu=False), ["allowInsecureConnections"]),
        (FINE | {"allowInsecureConnections": "true"}, cluster(tags=onboarded({"env": "dev"}), gpu=False), []),
        ({}, cluster(gpu=False), ["internalLoadBalancerProvider"]),
        ({"internalLoadBalancerProvider": "aws"}, cluster(gpu=False), ["internalLoadBalancerProvider"]),
        ({}, cluster("arc", onboarded({"aml-gpu": "false"})), []),
        (FINE | {"nodeSelector.pool": "Secret-1"}, cluster(gpu=False), ["nodeSelector.pool"]),
        (FINE | {"nodeSelector.pool": "open"}, cluster(gpu=False), []),
        ({"installVolcano": "x"}, cluster("arc", onboarded({"aml-gpu": "true"})), ["installVolcano"]),
        ({"installVolcano": "x"}, cluster("arc", onboarded({"aml-gpu": "false"})), []),
        ({"installVolcano": "x"}, cluster("arc"), ["installVolcano"]),
        ({"clusterPurpose": "devtest"}, cluster("arc"), ["clusterPurpose"]),
        ({"clusterPurpose": "devtest"}, cluster("arc", onboarded({"aml-gpu": "false"})), []),
    ],
)
def test_a_guardrail_names_what_breaks_it(settings, about, broken):
    """Keys and values compare without case; an unknown fact opens no way past a guardrail."""
    assert [found.where for found in violations(POLICY, about, settings)] == broken


def test_a_violation_says_which_guardrail_and_what_it_wants():
    """A person can act on the words alone."""
    found = violations(POLICY, cluster(gpu=False), {"internalLoadBalancerProvider": "aws"})

    assert str(found[0]) == (
        "internalLoadBalancerProvider: the guardrail internal-only requires internalLoadBalancerProvider=azure, not aws"
    )


def test_a_scope_of_management_groups_applies_until_they_are_known():
    """Unknown membership counts as inside for `match` and as outside for `except`."""
    scoped = policy("guardrails: [{name: g, match: {managementGroups: corp}, forbidSettings: {sslCname: '*'}}]\n")
    body = {"sslCname": "a"}

    assert violations(scoped, cluster(), body)
    assert not violations(scoped, cluster(), body, management_groups=["other"])
    assert violations(scoped, cluster(), body, management_groups=["Corp"])
