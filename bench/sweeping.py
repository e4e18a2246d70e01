"""Sweeps over simulated fleets: pages, calls, storage requests, CPU per cluster and peak memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.fleet import Size, Swept, fleet
from bench.table import Cell, Table

_QUICK = (Size(600, 6), Size(600, 6, troubled=True))
_SIZES = (Size(1_000, 10), Size(10_000, 10), Size(10_000, 10, troubled=True), Size(50_000, 50))
_LARGE = (Size(100_000, 100),)
# The fleet whose memory the larger ones are told against, and on which extensions are lost.
_MEASURE = 10_000
_COLUMNS = (
    "fleet",
    "sweep",
    "clusters",
    "subs",
    "pages c+e+s",
    "calls/bound",
    "refused",
    "other calls",
    "table+blob",
    "storage/bound",
    "asked for",
    "CPU us/cluster",
    "growth KiB/cluster",
    "peak RSS MiB",
    "peak/10k peak",
    "seconds",
)
_REMARKS = (
    "A fresh process for each sweep; what it did before its house was open and warm (policy, token, one connection",
    "each to Azure and storage) is not counted. CPU is the whole process's, SDKs included; RSS is the process's.",
    "`first`: no sweep has left anything; each cluster has the memory of its last look. `second`: right after it.",
    "Pages are told of clusters, extensions and scope; `refused` are queries over the quota of 15 in 5 s, which is",
    "in force, and `seconds` has the waits for it. Memory is resident: its growth in the sweep, and its peak.",
    "Bounds: ceil(clusters/1000) + ceil(extensions/1000) + 3 Resource Graph calls, refused ones included;",
    "ceil(rows/1000) + ceil(asked for/100) + 10 requests to tables and blobs.",
    "`asked for` = messages queued, one storage request each, counted apart.",
)


@dataclass(slots=True)
class _Rows:
    """The rows so far, and the peak that larger fleets are told against."""

    rows: list[tuple[Cell, ...]]
    measure: dict[str, float]

    def add(self, size: Size, which: str, swept: Swept) -> None:
        label = "5 % held, 5 % quarantined" if size.troubled else "converged"
        if which == "second" and size.clusters == _MEASURE and not size.troubled:
            self.measure["peak"] = swept.report["rssPeak"]
        self.rows.append(row(label, which, size, swept, self.measure.get("peak")))


def row(label: str, which: str, size: Size, swept: Swept, measure: float | None = None) -> tuple[Cell, ...]:
    """One row of the table.

    Raises:
        RuntimeError: the sweep was not whole, so that its figures would say nothing.
    """
    report = swept.report
    if not report["whole"]:
        raise RuntimeError(f"{label}, {which}: the sweep was not whole: {report['trouble']}")
    clusters, asked = report["clusters"], sum(report["asked"].values())
    if clusters != size.clusters:
        raise RuntimeError(f"{label}, {which}: {clusters} of {size.clusters} clusters were seen")
    storage = swept.storage["blob"] + swept.storage["table"]
    graph_bound = _pages(clusters) + _pages(report["extensions"]) + 3
    storage_bound = _pages(clusters) + -(-asked // 100) + 10
    return (
        label,
        which,
        clusters,
        size.subscriptions,
        "+".join(str(swept.graph[kind]) for kind in ("clusters", "extensions", "scope")),
        (sum(swept.graph.values()) + swept.refused) / graph_bound,
        swept.refused,
        sum(count for call, count in swept.other.items() if not call.startswith("identity ")),
        storage,
        storage / storage_bound,
        asked,
        report["cpu"] * 1_000_000 / clusters,
        (report["rssPeak"] - report["rssBefore"]) * 1024 / clusters,
        report["rssPeak"],
        None if measure is None else report["rssPeak"] / measure,
        report["seconds"],
    )


def _pages(rows: int) -> int:
    return -(-rows // 1000)


def _sweeps(folder: Path, size: Size, *, lose: bool) -> Iterator[tuple[str, Swept]]:
    """The sweeps that are measured on one fleet, in order."""
    with fleet(folder, size) as made:
        yield "first", made.sweep()
        yield "second", made.sweep()
        if lose:
            made.lose()
            yield "5 % lost", made.sweep()


def measure(folder: Path, *, quick: bool, large: bool = False) -> Table:
    """Fleets of every size, converged; one with holds and quarantines; one from which 5 % of the extensions go."""
    sizes = _QUICK if quick else _SIZES + (_LARGE if large else ())
    rows = _Rows([], {})
    for number, size in enumerate(sizes):
        lose = not size.troubled and (quick or size.clusters == _MEASURE)
        for which, swept in _sweeps(folder / str(number), size, lose=lose):
            rows.add(size, which, swept)
    title = "One sweep over a fleet in many subscriptions, half AKS, half Arc, names that trap a join"
    return Table("sweep", title, _COLUMNS, tuple(rows.rows), _REMARKS)
