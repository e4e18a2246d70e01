"""Random fleets through random mishaps, as a stateful property test: real clients, real storage, a simulated Azure.

Each rule is one thing that happens: somebody tags a cluster, Azure throttles, a process dies between two effects, a
table is lost. When hypothesis has had its way, the mishaps end and the promises are looked at.
"""

import argparse
import asyncio
import itertools
import logging
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from bench.chaos_ground import SUBSCRIPTION, Clock, Ground, Process
from shared.model.identity import ClusterId
from shared.model.request import Reason

FOREIGN = "99999999-9999-9999-9999-999999999999"
SELECTED = {"aml-onboard": "true"}
_TAGS: tuple[dict[str, str], ...] = (
    SELECTED,
    {**SELECTED, "ring": "canary"},
    {"aml-onboard": "false"},
    {"aml-onboard": "perhaps"},
    {},
)
_TIMING = "{followUp: 30s, secondLook: 30s, backoffFirst: 30s, backoffMax: 20m, unavailableMax: 1m, stuckAfter: 10m}"
_POLICIES = (
    "",
    "rollout: {maxInFlight: {fleet: 2}}",
    "rollout: {rings: [{name: canary, match: {tags: {ring: canary}}}, {name: rest}], stopOn: {failures: 2}}",
    "rollout: {newClusters: {perHour: 3}, blastRadius: {writesPerDay: 500}}",
)
_FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "status", "status": 429, "headers": {"Retry-After": "1"}},
    {"kind": "status", "status": 500, "method": "GET"},
    {"kind": "status", "status": 503, "service": "resource-graph"},
    {"kind": "reset", "method": "GET"},
    {"kind": "status", "status": 500, "when": "after", "service": "extensions", "method": "PUT"},
    {"kind": "status", "status": 503, "when": "before", "service": "extensions", "method": "PUT"},
    {"kind": "reset", "when": "after", "service": "extensions", "method": "PUT"},
    {"kind": "status", "status": 500, "when": "after", "service": "extensions", "method": "PATCH"},
)
_LOSSES = ("mustermemory", "musterhistory", "ledger.json", "snapshots/latest.jsonl.gz", "instances.json")
_ROUNDS = 60


class Chaos(RuleBasedStateMachine):
    """What may happen to a fleet. `ground` is set by whoever runs it."""

    ground: Ground

    def __init__(self) -> None:
        super().__init__()
        self.ground.clear()
        self.clock = Clock(self._ahead())
        self.tags: dict[ClusterId, dict[str, str]] = {}
        self.ever_selected: set[str] = set()
        self.ever_failing: set[str] = set()
        self.ever_working: set[str] = set()
        self.dead: list[Process] = []
        self.processes = [Process(self.ground, self.clock) for _ in range(2)]
        self.since = len(self.ground.control.requests())
        self.violations = len(self.ground.control.violations())
        self.made = 0
        self.taken_up: bool | None = None

    def _ahead(self) -> timedelta:
        return timedelta(seconds=self.ground.control.now() - datetime.now(UTC).timestamp())

    def run_async(self, work: Any) -> Any:
        """Run a coroutine to its end."""
        return self.ground.runner.run(work)

    # What somebody does to clusters

    @initialize(number=st.integers(2, 4))
    def begin(self, number: int) -> None:
        """A fleet, and the plain policy."""
        self.policy(_POLICIES[0], volcano=False, acts=False)
        for index in range(number):
            self.create(["aks", "arc"][index % 2], SELECTED, 3)

    @rule(kind=st.sampled_from(["aks", "arc"]), tags=st.sampled_from(_TAGS), nodes=st.sampled_from([2, 3]))
    def create(self, kind: str, tags: dict[str, str], nodes: int) -> None:
        """A cluster is made."""
        self.made += 1
        self._create(f"c{self.made}", kind, tags, nodes)

    def _create(self, name: str, kind: str, tags: dict[str, str], nodes: int) -> None:
        made = self.ground.control.create_cluster(
            kind=kind, name=name, subscription=SUBSCRIPTION, tags=tags, nodes=nodes, emit=False
        )
        self._tagged(ClusterId.parse(made), tags)

    def _tagged(self, cluster: ClusterId, tags: dict[str, str]) -> None:
        self.tags[cluster] = tags
        if tags.get("aml-onboard") == "true":
            self.ever_selected.add(str(cluster))

    def _one(self, choice: int) -> ClusterId | None:
        clusters = sorted(self.tags)
        return clusters[choice % len(clusters)] if clusters else None

    @rule(choice=st.integers(0, 99), tags=st.sampled_from(_TAGS))
    def retag(self, choice: int, tags: dict[str, str]) -> None:
        """Its tags change."""
        cluster = self._one(choice)
        if cluster is not None:
            self._tagged(cluster, tags)
            self.ground.control.set_tags(str(cluster), tags, emit=False)

    @rule(choice=st.integers(0, 99), again=st.booleans())
    def delete(self, choice: int, again: bool) -> None:
        """It is deleted, and perhaps built again under the same name."""
        cluster = self._one(choice)
        if cluster is None or len(self.tags) < 2:
            return
        tags = self.tags.pop(cluster)
        self.ever_working.discard(str(cluster))  # one that is built again is another cluster
        self.ground.control.delete_cluster(str(cluster), emit=False)
        if again:
            self._create(cluster.name, cluster.kind.value, tags, 3)

    # What goes wrong

    @rule(fault=st.sampled_from(_FAULTS), times=st.integers(1, 3))
    def fault(self, fault: dict[str, Any], times: int) -> None:
        """Azure refuses, fails or falls silent."""
        self.ground.tried["fault"] += 1
        self.ground.control.add_fault(times=times, **fault)

    @rule(lag=st.sampled_from([0, 1, 30]), frozen=st.booleans())
    def lag(self, lag: int, frozen: bool) -> None:
        """Resource Graph falls behind."""
        self.ground.control.graph(lag=lag, frozen=frozen)

    @rule(
        choice=st.integers(0, 99), why=st.sampled_from(["timed out waiting for the condition", "something unheard of"])
    )
    def failing(self, choice: int, why: str) -> None:
        """Operations on a cluster fail."""
        cluster = self._one(choice)
        if cluster is not None:
            self.ever_failing.add(str(cluster))
            self.ground.control.outcome(str(cluster), fail=f"Helm installation failed: {why}")

    @rule(name=st.sampled_from(_LOSSES))
    def lose(self, name: str) -> None:
        """Memory is lost."""
        self.ground.tried["loss"] += 1
        self.ground.lose(name)

    @rule(which=st.integers(0, 1))
    def forged(self, which: int) -> None:
        """Somebody asks about a cluster that does not exist, and about one that is none of ours."""
        path = "/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/no"
        for subscription in (SUBSCRIPTION, FOREIGN):
            cluster = ClusterId.parse(f"/subscriptions/{subscription}{path}")
            self.run_async(self._lived(which, self._process(which).look(cluster, Reason.EVENT), None, after=False))

    @rule(text=st.sampled_from(_POLICIES), volcano=st.booleans(), acts=st.booleans())
    def policy(self, text: str, volcano: bool, acts: bool) -> None:
        """Another policy is written."""
        # A rollout that too many failures have stopped takes up nothing more.
        self.taken_up = volcano if acts and "stopOn" not in text else None
        self.ground.policy.write_text(
            "version: 1\n"
            "profiles: {training: {settings: {enableTraining: true, "
            f"installVolcano: {str(volcano).lower()}}}}}}}\n"
            "rules: [{name: all, profile: training}]\n"
            f"enforcement: {{updateDisruptive: {'act' if acts else 'report'}}}\n"
            "verification: {aks: none}\n"
            f"remediation: {{timing: {_TIMING}, maxAttempts: 3}}\n"
            f"{text}\n# {self.clock().isoformat()}\n"
        )

    @rule(minutes=st.sampled_from([1, 5, 30, 180]))
    def wait(self, minutes: int) -> None:
        """Time passes; leases that nobody renews run out."""
        self._pass(timedelta(minutes=minutes))

    def _pass(self, span: timedelta) -> None:
        for cluster in self.tags:
            states = [e["properties"]["provisioningState"] for e in self.ground.control.extensions(str(cluster))]
            if "Succeeded" in states:
                self.ever_working.add(str(cluster))
        self.clock.ahead += span
        self.ground.control.advance(span.total_seconds())
        self.ground.free_leases()

    # What Muster does

    @rule(
        choice=st.integers(0, 99),
        which=st.integers(0, 1),
        reason=st.sampled_from([Reason.EVENT, Reason.SWEEP, Reason.MANUAL]),
        dies_at=st.none() | st.integers(1, 24),
        after=st.booleans(),
    )
    def look(self, choice: int, which: int, reason: Reason, dies_at: int | None, after: bool) -> None:
        """One process looks at a cluster, and may die over it."""
        cluster = self._one(choice)
        if cluster is not None:
            self.run_async(self._lived(which, self._process(which).look(cluster, reason), dies_at, after=after))

    @rule(choice=st.integers(0, 99), dies_at=st.none() | st.integers(1, 24))
    def look_twice(self, choice: int, dies_at: int | None) -> None:
        """Two processes look at the same cluster at the same time."""
        cluster = self._one(choice)
        if cluster is not None:

            async def both() -> None:
                await asyncio.gather(
                    self._lived(0, self._process(0).look(cluster, Reason.EVENT), None, after=False),
                    self._lived(1, self._process(1).look(cluster, Reason.EVENT), dies_at, after=True),
                )

            self.run_async(both())

    @rule(which=st.integers(0, 1), dies_at=st.none() | st.integers(1, 30))
    def sweep(self, which: int, dies_at: int | None) -> None:
        """One process sweeps, and may die over it."""
        self.run_async(self._lived(which, self._process(which).sweep(), dies_at, after=False))

    @rule(lost=st.booleans())
    def work(self, lost: bool) -> None:
        """The queue's messages are worked off; or they come, and are lost."""
        for cluster in self.ground.messages():
            if not lost:
                self.run_async(self._lived(0, self._process(0).look(cluster, Reason.SWEEP), None, after=False))

    def _process(self, which: int) -> Process:
        return self.processes[which]

    async def _lived(self, which: int, work: Any, dies_at: int | None, *, after: bool) -> None:
        process = self.processes[which]
        life = process.life
        life.dies_at = None if dies_at is None else life.requests + dies_at
        life.after = after
        await life.live(work)
        life.dies_at = None
        if life.over.is_set():
            self.ground.tried["crash"] += 1
            self.dead.append(process)
            self.processes[which] = Process(self.ground, self.clock)

    # What must hold

    def teardown(self) -> None:
        """The mishaps end; then every promise is looked at."""
        try:
            self.ground.tried["schedule"] += 1
            self._calm()
            assert self._converged(), self._unfinished()
            self._quiet()
            self._never()
        finally:
            for process in [*self.dead, *self.processes]:
                self.run_async(process.end())

    def _calm(self) -> None:
        # They read policy and books every few seconds by a clock that is not moved by hand.
        self.dead += self.processes
        self.processes = [Process(self.ground, self.clock) for _ in range(2)]
        control = self.ground.control
        control.clear_faults()
        control.graph(lag=0, frozen=False)
        for cluster in self.tags:
            control.outcome(str(cluster))

    def _unfinished(self) -> dict[str, list[str]]:
        unfinished = {}
        for cluster, tags in self.tags.items():
            if tags.get("aml-onboard") == "true":
                found = [each["properties"] for each in self.ground.control.extensions(str(cluster))]
                states = [each["provisioningState"] for each in found]
                settings = {each["configurationSettings"]["installVolcano"].lower() for each in found}
                if states != ["Succeeded"] or (self.taken_up is not None and settings != {str(self.taken_up).lower()}):
                    unfinished[str(cluster)] = [*states, *settings]
        return unfinished

    def _converged(self) -> bool:
        """Every selected cluster gets what the policy wants within a bounded number of looks."""
        for _ in range(_ROUNDS):
            if not self._unfinished():
                return True
            self._pass(timedelta(minutes=15))
            self.run_async(self._lived(0, self._process(0).sweep(), None, after=False))
            self.work(lost=False)
        return not self._unfinished()

    def _quiet(self) -> None:
        """A converged fleet gets no write: whatever was still to be done is done, then nothing more."""
        for _ in range(3):
            self._pass(timedelta(minutes=15))
            self.run_async(self._lived(0, self._process(0).sweep(), None, after=False))
            self.work(lost=False)
        since = len(self.ground.control.requests())
        for _ in range(2):
            self._pass(timedelta(minutes=15))
            self.run_async(self._lived(0, self._process(0).sweep(), None, after=False))
            self.work(lost=False)
        assert self.ground.control.writes(since) == [], "a converged fleet was written to"

    def _never(self) -> None:
        control = self.ground.control
        assert not any(FOREIGN in entry["path"] for entry in control.requests(self.since)), "outside the scope"
        assert control.violations()[self.violations :] == [], "two writes met on one cluster"
        assert control.defects() == []
        for entry in control.writes(self.since):
            cluster = entry["path"].lower().partition("/providers/microsoft.kubernetesconfiguration/")[0]
            place = cluster if "/providers/" in cluster.partition("/resourcegroups/")[2] else ""
            if entry["method"] == "DELETE":
                # A reinstall of what failed from the start, and never of what once worked.
                assert place in self.ever_failing - self.ever_working, f"nobody asked for it: {entry['path']}"
            if "microsoft.relay" not in place:
                assert place in self.ever_selected, f"never selected, and written to: {entry['path']}"


def main(argv: Sequence[str] | None = None) -> int:
    """Try schedules until the time is over; 1 at the first broken promise."""
    parser = argparse.ArgumentParser(prog="python -m bench.chaos_states", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0, help="begin no seed after this (default 600)")
    parser.add_argument("--seed", type=int, help="of the first schedules; the next ones count up (default: random)")
    parser.add_argument("--seeds", type=int, help="no more than this many")
    arguments = parser.parse_args(argv)
    logging.disable(logging.CRITICAL)
    first = random.SystemRandom().randrange(1, 1_000_000) if arguments.seed is None else arguments.seed
    ends = time.monotonic() + arguments.seconds
    with tempfile.TemporaryDirectory(prefix="states-") as folder, Ground.laid(Path(folder)) as ground:
        for number in itertools.count(first):
            if time.monotonic() > ends or number - first == arguments.seeds:
                break
            print(f"seed {number}", end="", flush=True)
            begun = time.monotonic()
            try:
                try_seed(ground, number)
            except AssertionError as error:
                print("", *getattr(error, "__notes__", ()), sep="\n")
                print(f": broken: {error}\nplay it again: python -m bench.chaos_states --seed {number} --seeds 1")
                return 1
            print(f": held ({time.monotonic() - begun:.0f} s)", flush=True)
    print(", ".join(f"{name} {count}" for name, count in sorted(ground.tried.items())))
    return 0


def try_seed(ground: Ground, number: int, examples: int = 10, steps: int = 40) -> None:
    """The schedules of one seed.

    Raises:
        AssertionError: a promise was broken; hypothesis prints the shortest schedule that does it.
    """
    machine = seed(number)(type("Machine", (Chaos,), {"ground": ground}))
    wanted = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=wanted)


if __name__ == "__main__":
    sys.exit(main())
