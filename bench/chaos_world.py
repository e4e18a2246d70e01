"""The world of a chaos run: storage, simulated Azure, two hosts, and what may go wrong in it.

Every choice comes from one seeded source, so that a seed gives the same plan again; the processes keep
their own time, so two runs of a plan differ in how its parts meet.
"""

import json
import random
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from devhost.child import REPOSITORY
from devhost.stack import Stack
from simulator.control import Control

SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
FOREIGN = "99999999-9999-9999-9999-999999999999"
SELECTED = {"aml-onboard": "true"}
HOSTS = 2
_POLL = 0.1

_TIMING = "{followUp: 1s, secondLook: 2s, backoffFirst: 1s, backoffMax: 4s, unavailableMax: 3s}"
_OTHER_TAGS: tuple[dict[str, str], ...] = ({}, {"aml-onboard": "false"}, {"aml-onboard": "perhaps"}, {"team": "search"})
_EVENT_GRID = "/runtime/webhooks/EventGrid?functionName=cluster_events"
_OPERATIONS = ("extensions", "clusters", "resource-graph", "relay")
# Faults after which nobody knows whether a write took effect: the cluster is left alone until its lease has
# run out (60 s) and whoever finds it busy comes back within another minute.
_AMBIGUOUS: tuple[dict[str, Any], ...] = (
    {"kind": "status", "status": 500, "when": "after"},
    {"kind": "status", "status": 503, "when": "before"},
    {"kind": "reset", "when": "after"},
    {"kind": "timeout", "when": "after"},
    {"kind": "delay", "when": "before"},
)
# A write may be on its way for so long: it arrives while its sender still waits, or after it has given up (30 s).
_LATE = (2.0, 34.0)


@dataclass(slots=True)
class World:
    """A running stack and what has been done to it."""

    stack: Stack
    control: Control
    folder: Path
    done: Counter[str] = field(default_factory=Counter)
    foreign: list[str] = field(default_factory=list)

    @classmethod
    @contextmanager
    def running(cls, folder: Path) -> Iterator["World"]:
        """Start everything; events go to both hosts, doubled, out of order, in both schemas."""
        folder.mkdir(parents=True, exist_ok=True)
        shipped = (REPOSITORY / "policy.yaml").read_text()
        policy = folder / "policy.yaml"
        policy.write_text(f"{shipped[: shipped.index('remediation:')]}remediation:\n  timing: {_TIMING}\n")
        settings = {
            "MUSTER_MODE": "enforce",
            "MUSTER_SCOPE": SUBSCRIPTION,
            "MUSTER_POLICY": str(policy),
            "MUSTER_SWEEP_SCHEDULE": "0 0 0 1 1 *",
            "AzureFunctionsJobHost__extensions__queues__maxPollingInterval": "00:00:00.200",
        }
        with Stack.start(folder, settings=settings, hosts=HOSTS, queue_lease=2.0) as stack:
            world = cls(stack, Control(stack.simulator_url, str(stack.ca_file)), folder)
            world.control.durations(create=1.5, update=1, delete=1, terminate=1, relay=0.5)
            for index, schema in enumerate(("EventGridSchema", "CloudEventSchemaV1_0")):
                url = f"{stack.host_urls[index]}{_EVENT_GRID}&code={stack.key}"
                world.control.subscribe(url, schema, duplicates=2, shuffle=True)
            yield world

    def sweep(self) -> bool:
        """Run the sweep on the first host; whether it ended well."""
        request = urllib.request.Request(  # noqa: S310  our own host
            f"{self.stack.host_urls[0]}/admin/functions/sweep?wait=true",
            data=b'{"input": ""}',
            headers={"x-functions-key": self.stack.key, "Content-Type": "application/json"},
            method="POST",
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310  our own host
                return bool(answer.status == 200)
        except OSError:
            return False

    def running_invocations(self) -> int:
        """Functions under way on all hosts."""
        running = 0
        for url in self.stack.host_urls:
            request = urllib.request.Request(  # noqa: S310  our own host
                f"{url}/admin/devhost/invocations", headers={"x-functions-key": self.stack.key}
            )
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  our own host
                running += sum(books["running"] for books in json.load(answer)["functions"].values())
        return running

    def wait_until(self, condition: Callable[[], bool], seconds: float = 60.0) -> None:
        """Wait for a condition.

        Raises:
            TimeoutError: it did not come about.
        """
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError
            time.sleep(_POLL)

    def revive(self) -> None:
        """Start hosts that were killed."""
        for index in range(HOSTS):
            if self.stack.host_pid(index) is None:
                self.stack.restart_host(index)


class Schedule:
    """One seeded run of mishaps over a small fleet of its own.

    Args:
        world: where it happens.
        seed: chooses everything.
        gentle: nothing after which a cluster must be left alone for a minute: no ambiguous write, no kill.
    """

    def __init__(self, world: World, seed: int, *, gentle: bool) -> None:
        self.world, self.seed, self.gentle = world, seed, gentle
        self._random = random.Random(seed)  # noqa: S311  a plan that can be repeated, not a secret
        self._control = world.control
        self._group = f"rg-chaos-{seed}"
        self._made = 0
        self.since = len(world.control.requests())
        self.tags: dict[str, dict[str, str]] = {}
        self.ever_selected: set[str] = set()
        actions: list[tuple[int, Callable[[], None]]] = [
            (6, self._create),
            (8, self._retag),
            (2, self._resize),
            (2, self._delete),
            (6, self._fault),
            (2, self._lag),
            (3, self._fail),
            (2, self._sweep),
            (2, self._forge),
            (1, self._foreign),
        ]
        if not gentle:
            actions += [(3, self._ambiguous), (2, self._kill)]
        self._weights = [weight for weight, _ in actions]
        self._actions = [action for _, action in actions]

    def run(self, seconds: float, *, clusters: int) -> None:
        """Begin with a few clusters and let things happen for so many seconds."""
        for _ in range(clusters):
            self._create()
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            action = self._random.choices(self._actions, self._weights)[0]
            self.world.done[action.__name__.strip("_")] += 1
            action()
            time.sleep(self._random.uniform(0.02, 0.3))

    def calm(self) -> None:
        """End every mishap: what follows must lead to a converged fleet."""
        self._control.clear_faults()
        self._control.graph(lag=0, frozen=False)
        for cluster in self.tags:
            self._control.outcome(cluster)
        self.world.revive()

    def leave(self) -> None:
        """Remove the clusters, so that the next schedule begins with none."""
        for cluster in self.tags:
            self._control.delete_cluster(cluster)
        self._control.drained(60)

    def selected(self) -> list[str]:
        """The clusters that are to have the extension when all is over."""
        return [cluster for cluster, tags in self.tags.items() if tags == SELECTED]

    def _one(self) -> str | None:
        return self._random.choice(list(self.tags)) if self.tags else None

    def _create(self) -> None:
        self._made += 1
        kind = self._random.choice(["aks", "arc"])
        tags = dict(SELECTED) if self._random.random() < 0.7 else dict(self._random.choice(_OTHER_TAGS))
        late = {"facts_after": self._random.choice([0, 2])} if kind == "arc" else {}
        cluster = self._control.create_cluster(
            kind=kind,
            name=f"{kind}-{self.seed}-{self._made}",
            subscription=SUBSCRIPTION,
            resource_group=self._group,
            tags=tags,
            nodes=self._random.choice([2, 3, 5]),
            **late,
        )
        self._tagged(cluster, tags)

    def _tagged(self, cluster: str, tags: dict[str, str]) -> None:
        self.tags[cluster] = tags
        if tags == SELECTED:
            self.ever_selected.add(cluster.lower())

    def _retag(self) -> None:
        cluster = self._one()
        if cluster is not None:
            tags = dict(SELECTED) if self._random.random() < 0.6 else dict(self._random.choice(_OTHER_TAGS))
            # Noted first: whoever acts on it may be quicker than we are.
            self._tagged(cluster, tags)
            by_api = self._random.random() < 0.5
            emit = self._random.random() < 0.8
            self._control.set_tags(cluster, tags, emit=emit, via="tags-api" if by_api else "resource")

    def _resize(self) -> None:
        cluster = self._one()
        if cluster is not None:
            self._control.set_nodes(cluster, self._random.choice([2, 3, 4]), emit=self._random.random() < 0.5)

    def _delete(self) -> None:
        cluster = self._one()
        if cluster is not None and len(self.tags) > 3:
            del self.tags[cluster]
            self._control.delete_cluster(cluster, emit=self._random.random() < 0.8)

    def _fault(self) -> None:
        """Answers that say clearly that nothing happened, or that concern reading only."""
        choice = self._random.random()
        if choice < 0.5:
            given = {"kind": "status", "status": 429, "headers": {"Retry-After": str(self._random.choice([1, 2]))}}
            method = None
        elif choice < 0.8:
            given, method = {"kind": "status", "status": self._random.choice([500, 503])}, "GET"
        else:
            given, method = {"kind": self._random.choice(["reset", "delay"]), "seconds": 1.0}, "GET"
        service = self._random.choice(_OPERATIONS)
        if service == "resource-graph":
            method = None
        times, lasts = self._random.randint(1, 6), self._random.choice([2.0, 5.0])
        self._control.add_fault(service=service, method=method, times=times, lasts=lasts, probability=0.7, **given)

    def _ambiguous(self) -> None:
        given = dict(self._random.choice(_AMBIGUOUS))
        if given["kind"] == "delay":
            given["seconds"] = self._random.uniform(*_LATE)
        self._control.add_fault(service="extensions", method="PUT", times=self._random.randint(1, 2), **given)

    def _lag(self) -> None:
        frozen = self._random.random() < 0.3
        self._control.graph(lag=self._random.choice([0, 1, 3, 10]), frozen=frozen)

    def _fail(self) -> None:
        cluster = self._one()
        if cluster is not None:
            self._control.outcome(cluster, fail="Helm installation failed: timed out waiting for the condition")

    def _sweep(self) -> None:
        self.world.sweep()

    def _kill(self) -> None:
        index = self._random.randrange(HOSTS)
        if self.world.stack.host_pid(index) is None:
            self.world.stack.restart_host(index)
        else:
            self.world.stack.kill_host(index)

    def _forge(self) -> None:
        """Events that are wrong, or about what does not exist."""
        name = "Microsoft.ContainerService/managedClusters/write"
        wrong = (
            f"/subscriptions/{SUBSCRIPTION}/resourceGroups/x/providers/Microsoft.ContainerService/managedClusters/no"
        )
        self._control.publish(name, self._random.choice([wrong, f"{wrong}/agentPools/a"]))

    def _foreign(self) -> None:
        """A cluster that wants the extension and lies outside of the scope."""
        name = f"foreign-{self.seed}-{len(self.world.foreign)}"
        self.world.foreign.append(
            self._control.create_cluster(kind="aks", name=name, subscription=FOREIGN, tags=dict(SELECTED))
        )
