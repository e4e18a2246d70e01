"""Mass onboarding in one subscription, with Azure's documented token buckets in force: how near to their pace.

Events for all clusters come at once, through devhost, Azurite and the simulator. The floor is the time that the
buckets themselves ask for: for each, what went beyond its size, divided by what it gets back in a second.
"""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.table import Cell, Table
from devhost.child import REPOSITORY
from devhost.stack import Stack
from simulator.control import Control

SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
_SELECTED = {"aml-onboard": "true"}
_FULL, _QUICK = 1_000, 200
# Size, and tokens a second: "Understand how Azure Resource Manager throttles requests"; for the credentials of
# clusters, which the AKS provider counts for a subscription and region, its "Quotas" page.
BUCKETS = {"reads": (250, 25), "writes": (200, 10), "deletes": (200, 10), "credentials": (60, 1)}
_CLASSES = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}
# So long runs an installation here: over when its first follow-up comes.
_INSTALLS = 20.0
_PATIENCE = 3600.0
_POLL = 0.5
# A look after the end of an installation comes within this, by the policy's followUp of 30 s and the queue's pace.
_AFTER = 240.0
_SETTINGS = {
    "MUSTER_MODE": "enforce",
    "MUSTER_SCOPE": SUBSCRIPTION,
    "MUSTER_SWEEP_SCHEDULE": "0 0 0 1 1 *",
    "AzureFunctionsJobHost__extensions__queues__maxPollingInterval": "00:00:00.100",
}
POLICIES = {"as shipped": ("", ""), "no look inside": ("aks: user", "aks: none")}


@dataclass(slots=True)
class Books:
    """What was asked of Azure, read from the simulator's log as it grows.

    Attributes:
        puts: the moment of each cluster's first accepted PUT.
        done: clusters that were looked at once their installation had ended.
        calls: accepted calls by bucket and moment.
        refused: calls that were answered 429, by service.
        asked: all calls.
        again: accepted PUTs beyond the first.
    """

    puts: dict[str, float] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    calls: list[tuple[float, str]] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    asked: int = 0
    again: int = 0

    def take(self, entry: Mapping[str, Any]) -> None:
        """Count one request."""
        self.asked += 1
        method, service, status = entry["method"], entry["service"], entry["status"]
        if status == 429:
            self.refused[service] += 1
            return
        if "/subscriptions/" not in entry["path"].lower():
            return
        self.calls.append((entry["at"], _CLASSES.get(method, "writes")))
        if service == "credentials":
            self.calls.append((entry["at"], "credentials"))
        if service != "extensions":
            return
        cluster = entry["path"].lower().partition("/providers/microsoft.kubernetesconfiguration/")[0]
        if method == "PUT" and status in {200, 201}:
            self.again += cluster in self.puts
            self.puts.setdefault(cluster, entry["at"])
        elif method == "GET" and cluster in self.puts and entry["at"] > self.puts[cluster] + _INSTALLS:
            self.done.add(cluster)

    def counted(self, until: float | None = None) -> Counter[str]:
        """Accepted calls by bucket, up to a moment."""
        return Counter(bucket for at, bucket in self.calls if until is None or at <= until)


def floor(calls: Mapping[str, float]) -> tuple[float, str]:
    """The seconds that the buckets ask for, and which of them does."""
    return max((max(0.0, (calls.get(name, 0) - size) / refill), name) for name, (size, refill) in BUCKETS.items())


def ideal(installs: int) -> float:
    """The floor of two reads and a write for each install, and a read for its follow-up."""
    return floor({"reads": 3 * installs, "writes": installs})[0]


class Run:
    """A stack with one host and the buckets in force."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._control = Control(stack.simulator_url, str(stack.ca_file))
        url = f"{stack.host_urls[0]}/runtime/webhooks/EventGrid?functionName=cluster_events&code={stack.key}"
        self._subscription = self._control.subscribe(url, "EventGridSchema", hold=True)
        self._control.durations(create=_INSTALLS)

    def onboard(self, label: str, installs: int) -> tuple[Cell, ...]:
        """Onboard so many clusters at once; the row of the table."""
        facts = {"kind": "aks", "subscription": SUBSCRIPTION, "tags": _SELECTED, "emit": False}
        clusters = self._control.create_clusters(
            [{**facts, "name": f"aks-{number}", "resource_group": f"rg-{number % 50}"} for number in range(installs)]
        )
        for cluster in clusters:
            self._control.set_tags(cluster, _SELECTED)
        self._control.limits(arm=True, aks_gets=True, aks_others=True)
        since = sum(sum(methods.values()) for methods in self._control.counts().values())
        begun, books = self._control.now(), Books()
        self._control.release(self._subscription)
        self._follow(books, since, installs)
        self._control.limits(arm=False, aks_gets=False, aks_others=False)
        failed = sum(not self._stands(cluster) for cluster in clusters)
        return row(label, installs, begun, books, failed)

    def _follow(self, books: Books, since: int, installs: int) -> None:
        """Read the log until every install was sent and then looked at, or the time for that is over."""
        ends, settled = time.monotonic() + _PATIENCE, None
        while len(books.done) < installs and time.monotonic() < ends:
            time.sleep(_POLL)
            for entry in self._control.requests(since):
                if entry["status"] == 0:
                    break  # not answered yet: it is read again
                since = entry["seq"]
                books.take(entry)
            if len(books.puts) == installs and settled is None:
                settled = time.monotonic()
                ends = min(ends, settled + _AFTER)
        if len(books.puts) < installs:
            tail = self._stack.log_tail("host-0", 12)
            raise RuntimeError(f"{len(books.puts)} PUTs for {installs} installs\n{tail}")

    def _stands(self, cluster: str) -> bool:
        states = [each["properties"]["provisioningState"] for each in self._control.extensions(cluster)]
        return states == ["Succeeded"]


def row(label: str, installs: int, begun: float, books: Books, failed: int) -> tuple[Cell, ...]:
    """One row of the table."""
    last = max(books.puts.values())
    needed, bucket = floor(books.counted(last))
    wall, least, total = last - begun, ideal(installs), books.counted()
    return (
        label,
        installs,
        None if not needed else wall / needed,
        bucket if needed else None,
        None if not least else wall / least,
        total["reads"] / installs,
        total["writes"] / installs,
        total["credentials"] / installs,
        sum(books.refused.values()),
        100 * sum(books.refused.values()) / books.asked,
        ", ".join(f"{name} {count}" for name, count in books.refused.most_common()) or None,
        failed,
        books.again,
        installs - len(books.done),
        wall,
        needed,
        least,
    )


@contextmanager
def running(folder: Path, policy: tuple[str, str]) -> Iterator[Run]:
    """A stack whose policy is the shipped one with one thing replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / "policy.yaml"
    place.write_text((REPOSITORY / "policy.yaml").read_text().replace(*policy) if policy[0] else _shipped())
    with Stack.start(folder, settings=_SETTINGS | {"MUSTER_POLICY": str(place)}) as stack:
        yield Run(stack)


def _shipped() -> str:
    return (REPOSITORY / "policy.yaml").read_text()


def measure(folder: Path, *, quick: bool) -> Table:
    """One subscription's clusters at once, with the shipped policy and with one that looks into no cluster."""
    installs, rows = _QUICK if quick else _FULL, []
    for number, (label, policy) in enumerate(POLICIES.items()):
        if quick and number:
            continue
        with running(folder / str(number), policy) as run:
            rows.append(run.onboard(label, installs))
    return Table(
        "onboard",
        "Mass onboarding of AKS clusters in one subscription under the documented buckets",
        (
            "policy",
            "installs",
            "time / floor",
            "floor by",
            "time / ideal floor",
            "reads/install",
            "writes/install",
            "credentials/install",
            "answered 429",
            "% of calls",
            "by service",
            "failed",
            "PUT again",
            "not followed up",
            "seconds",
            "floor s",
            "ideal floor s",
        ),
        tuple(rows),
        (
            "Time from the events to the last PUT. Floor = max over buckets of (calls - size) / refill, for the calls",
            "accepted until then; ideal: two reads and a write up to the PUT, one read for the follow-up.",
            f"An installation takes {_INSTALLS:.0f} s; calls per install go on until each was looked at after its end.",
            "Writes of Resource Manager's bucket are all that is neither GET, HEAD nor DELETE, credentials included.",
        ),
    )
