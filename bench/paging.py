"""The page over simulated fleets: CPU, size and storage requests of its views, and how they grow with the fleet."""

from pathlib import Path

from bench.fleet import Fleet, Shown, Size, fleet
from bench.table import Cell, Table

_SIZES = (Size(1_000, 10), Size(10_000, 10), Size(10_000, 10, troubled=True))
_QUICK = (Size(200, 2), Size(600, 6))
# The first page of a process reads the snapshot; the others find it known.
_PAGES = ("overview", "overview", "clusters", "map")


def measure(folder: Path, *, quick: bool) -> Table:
    """Every page on every fleet, after one sweep."""
    rows: list[tuple[Cell, ...]] = []
    for size in _QUICK if quick else _SIZES:
        with fleet(folder / f"{size.clusters}-{size.troubled}", size) as made:
            rows += _rows(made, size)
    return Table(
        "page",
        "Pages of a fleet, rendered in a process that has just opened its house",
        ("fleet", "clusters", "page", "CPU ms", "kB", "table+blob"),
        tuple(rows),
        (
            "CPU is the whole process's from the first read of storage to the finished text, SDKs included. The first",
            "overview reads the snapshot, the second finds it known. The memories were written right before the sweep,",
            "so that as many rows as a page ever reads (1,000) are looked through for newer looks.",
        ),
    )


def _rows(made: Fleet, size: Size) -> list[tuple[Cell, ...]]:
    swept = made.sweep()
    if not swept.report["whole"]:
        raise RuntimeError(f"the sweep was not whole: {swept.report['trouble']}")
    shown: list[Shown] = made.pages(_PAGES)
    names = [f"{name}, {'first' if number == 0 else 'again'}" for number, name in enumerate(_PAGES)]
    label = "5 % held, 5 % quarantined" if size.troubled else "in order"
    return [
        (label, size.clusters, name, each.cpu * 1000, each.size / 1000, each.storage["blob"] + each.storage["table"])
        for name, each in zip(names, shown, strict=True)
    ]
