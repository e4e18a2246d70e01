"""How many decisions one core takes in a second: the pure part of the loop, on the shipped policy."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from bench.table import Table
from devhost.child import REPOSITORY
from shared.azureml.drift import fingerprint
from shared.model.arm import read_cluster
from shared.model.cluster import Cluster, Source
from shared.model.decision import Action, Decision
from shared.model.extension import AZUREML, Extension
from shared.model.gates import Gates, Mode
from shared.model.inside import Verification
from shared.model.observation import Observation
from shared.model.request import Reason
from shared.model.state import Condition, Management
from shared.policy.loading import parse_policy, read_policy
from shared.policy.model import Policy
from shared.reconcile.decide import decide
from shared.reconcile.record import remembered
from simulator.clusters import Cluster as SimulatedCluster
from simulator.clusters import aks_properties, arc_properties

SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
OWN = "22222222-2222-2222-2222-222222222222"


def shipped_policy(path: Path = REPOSITORY / "policy.yaml") -> Policy:
    """The policy of this repository, as generation 1."""
    return parse_policy(read_policy(path), generation=1)


def facts(kind: str, tags: dict[str, str], now: datetime) -> Cluster:
    """A cluster as ARM would show it, read as the product reads it."""
    simulated = SimulatedCluster(kind, SUBSCRIPTION, "rg-ml", "edge-1", "eastus", tags, {}, now.timestamp())
    aks = kind == "aks"
    simulated.properties = aks_properties(simulated, 3, None) if aks else arc_properties(3, now.timestamp())
    return read_cluster(simulated.body(now.timestamp()), Source.ARM)


def seen_missing(cluster: Cluster) -> Observation:
    """A reading of a cluster without the extension; on Arc its relay objects are there."""
    return Observation(
        cluster.id,
        Reason.EVENT,
        Gates(Mode.ENFORCE),
        cluster=cluster,
        extensions=(),
        relay_ready=True,
        own_names=frozenset({OWN}),
    )


def seen_installed(cluster: Cluster, policy: Policy, now: datetime) -> Observation:
    """The same once the extension holds exactly what the product would have sent."""
    missing = seen_missing(cluster)
    decision = decide(missing, policy, now)
    if decision.desired is None:
        raise ValueError(f"nothing would be installed: {decision.reason}")
    memory = replace(
        remembered(missing, decision, policy, now),
        sent=fingerprint(decision.desired),
        sent_at=now,
        succeeded=True,
        verification=Verification(now, components=True),
    )
    return replace(missing, extensions=(installed(decision),), memory=memory)


def installed(decision: Decision) -> Extension:
    """The extension that a decision to install leads to."""
    desired = decision.desired
    return Extension(
        decision.extension or "azureml",
        AZUREML,
        "Succeeded",
        dict(desired.settings) if desired else {},
        current_version="1.1.79",
        release_train=desired.release_train if desired else None,
        auto_upgrade_minor_version=True,
        created_by=OWN,
    )


def cases(policy: Policy, now: datetime) -> dict[str, Observation]:
    """What decisions are made about, by name. Each is checked to be what its name says."""
    selected = {"aml-onboard": "true"}
    aks, arc = facts("aks", selected, now), facts("arc", selected, now)
    found = {
        "not selected": seen_missing(facts("aks", {"team": "search"}, now)),
        "AKS, missing": seen_missing(aks),
        "AKS, installed": seen_installed(aks, policy, now),
        "Arc, missing": seen_missing(arc),
        "Arc, installed": seen_installed(arc, policy, now),
        "Arc, held (GPUs unknown)": seen_missing(facts("arc", {**selected, "env": "prod"}, now)),
    }
    checks: dict[str, Callable[[Decision], bool]] = {
        "not selected": lambda it: it.state.management is Management.NOT_SELECTED,
        "missing": lambda it: it.action is Action.INSTALL,
        "installed": lambda it: it.action is Action.NOTHING and it.state.condition is Condition.CURRENT,
        "held": lambda it: it.state.hold is not None,
    }
    for name, seen in found.items():
        decision = decide(seen, policy, now)
        if not any(word in name and holds(decision) for word, holds in checks.items()):
            raise ValueError(f"{name}: {decision.action}, {decision.reason}")
    return found


def rate(seen: Observation, policy: Policy, now: datetime, *, seconds: float) -> float:
    """Decisions per second of this process's CPU time."""
    count, begun = 0, time.process_time()
    while (spent := time.process_time() - begun) < seconds:
        for _ in range(50):
            decide(seen, policy, now)
        count += 50
    return count / spent


def measure(*, quick: bool) -> Table:
    """The rate for each case."""
    policy, now = shipped_policy(), datetime.now(UTC)
    rows = []
    for name, seen in cases(policy, now).items():
        each = rate(seen, policy, now, seconds=0.1 if quick else 1.0)
        rows.append((name, each, 1_000_000 / each))
    return Table(
        "decide",
        "Decisions of one core, shipped policy",
        ("cluster", "decisions/s", "microseconds"),
        tuple(rows),
        ("CPU time of the process; no I/O is part of a decision.",),
    )
