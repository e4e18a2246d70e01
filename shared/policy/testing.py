"""Tests of a policy: clusters as they might be, and the profile, with settings of it, or the hold that each must get.

A file of tests lies beside the policy under the name `<policy>.tests.yaml`:

    tests:
      - cluster: {id: "/subscriptions/.../managedClusters/a", location: westeurope, tags: {env: prod}, nodes: 3}
        profile: production-aks
        settings: {inferenceRouterServiceType: LoadBalancer}
      - cluster: {id: "...", tags: {aml-onboard: perhaps}}
        hold: tag-invalid
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from shared.azureml.catalogue import canonicalise, same_value
from shared.errors import Finding, InvalidClusterId, PolicyError
from shared.model.cluster import Cluster, Source
from shared.model.identity import ClusterId
from shared.policy.document import Node, read_documents
from shared.policy.loading import read_policy
from shared.policy.model import Policy
from shared.policy.section import Section
from shared.policy.selection import Selection, select


@dataclass(frozen=True, slots=True)
class PolicyTest:
    """One test: facts, and what is expected of them.

    Attributes:
        settings: canonical keys that must have these values; others may have any.
    """

    where: str
    cluster: Cluster
    profile: str | None
    hold: str | None
    settings: Mapping[str, str] = field(default_factory=dict)


def tests_beside(policy: Path) -> Path:
    """Where the tests of a policy lie."""
    return policy.with_name(f"{policy.name.removesuffix('.yaml').removesuffix('.yml')}.tests.yaml")


def read_tests(path: Path) -> tuple[PolicyTest, ...]:
    """Read a file of tests.

    Raises:
        PolicyError: it cannot be read, or does not validate; every place is named.
    """
    (text,) = read_policy(path)
    documents, findings = read_documents(text)
    tests: list[PolicyTest] = []
    for document in documents:
        root = Section(document, findings)
        for node in root.items("tests"):
            tests += _test(node, findings)
        root.done()
    if findings:
        raise PolicyError(f"The tests are not valid: {findings[0]}", tuple(findings))
    return tuple(tests)


def _test(node: Node, findings: list[Finding]) -> Iterator[PolicyTest]:
    section = Section(node, findings)
    facts = section.section("cluster")
    profile, hold = section.text("profile") or None, section.text("hold") or None
    settings = _settings(section)
    section.done()
    if facts is None or (profile is None) == (hold is None):
        section.refuse(node, "a test names a cluster, and either a profile or a hold")
        return
    if hold is not None and settings:
        section.refuse(node, "a cluster that is held gets no settings")
        return
    arm_id = facts.text("id", required=True)
    location = facts.text("location", "westeurope")
    tags = {name: each.text or "" for name, each in facts.mapping("tags").items()}
    nodes = facts.integer("nodes", -1, least=0, most=100_000)
    distribution = facts.text("distribution") or None
    facts.done()
    try:
        identity = ClusterId.parse(arm_id)
    except InvalidClusterId as error:
        facts.refuse(facts.node, error.message)
        return
    parts = arm_id.strip("/").split("/")
    yield PolicyTest(
        node.where,
        Cluster(
            identity,
            parts[-1],
            parts[3],
            location,
            tags,
            Source.ARM,
            nodes=None if nodes < 0 else nodes,
            distribution=distribution,
        ),
        profile,
        hold,
        settings,
    )


def _settings(section: Section) -> Mapping[str, str]:
    listed = section.mapping("settings")
    canonical = canonicalise({key: node.text or "" for key, node in listed.items()})
    section.findings.extend(listed[found.where].finding(found.message) for found in canonical.findings)
    return canonical.settings


def outcome(policy: Policy, test: PolicyTest, now: datetime) -> str:
    """What is wrong with a test's outcome; "" where it is as expected."""
    found = select(policy, test.cluster, None, now)
    got = f"hold {found.hold[0].value}: {found.hold[1]}" if found.hold else f"profile {found.profile}"
    wanted = f"profile {test.profile}" if test.profile else f"hold {test.hold}"
    if not _fits(test, found):
        return f"{test.where}: {test.cluster.id}: expected {wanted}, got {got} ({found.reason})"
    other = [
        f"{key} {value}, got {found.settings.get(key, 'none')}"
        for key, value in test.settings.items()
        if (there := found.settings.get(key)) is None or not same_value(key, there, value)
    ]
    return f"{test.where}: {test.cluster.id}: expected {'; '.join(other)}" if other else ""


def _fits(test: PolicyTest, found: Selection) -> bool:
    if test.hold is not None:
        return found.hold is not None and found.hold[0].value == test.hold
    return found.hold is None and found.profile == test.profile
