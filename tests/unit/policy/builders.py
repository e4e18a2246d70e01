"""Clusters and policies for the tests of the policy."""

from datetime import UTC, datetime

from shared.model.cluster import Cluster, Source
from shared.model.identity import ClusterId, Kind
from shared.policy.loading import PolicyText, parse_policy
from shared.policy.model import Policy

NOW = datetime(2026, 8, 22, 12, 0, tzinfo=UTC)
SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"


def policy(text: str, *, name: str = "policy.yaml") -> Policy:
    """A policy from its text, without `version: 1`."""
    return parse_policy([PolicyText(name, "version: 1\n" + text)])


def cluster(kind: str = "aks", tags: dict[str, str] | None = None, *, name: str = "Clu-1", **facts: object) -> Cluster:
    """A cluster, tagged for onboarding unless `tags` are given."""
    identity = ClusterId(SUBSCRIPTION, "rg1", Kind(kind), name.lower())
    tagged = {"aml-onboard": "true"} if tags is None else tags
    return Cluster(identity, name, "RG1", "westeurope", tagged, Source.ARM, **facts)  # type: ignore[arg-type]


def onboarded(tags: dict[str, str]) -> dict[str, str]:
    """Tags of a selected cluster."""
    return {"aml-onboard": "true"} | tags
