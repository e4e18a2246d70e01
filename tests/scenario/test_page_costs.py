"""What the page's views cost: small answers, and requests of storage that do not grow with the fleet.

The CPU, and fleets of 10,000 clusters, are measured by `make bench` (docs/performance.md).
"""

from pathlib import Path

from bench.fleet import Size, fleet

PAGES = ("overview", "clusters", "map")
LARGEST = 300_000  # bytes
MOST = 16  # requests of storage


def test_a_view_costs_the_same_however_large_the_fleet_is(tmp_path: Path) -> None:
    """At most 300 kB each, with held and quarantined clusters; and as many reads of storage for six times the fleet."""
    asked = []
    for size in (Size(100, 2, troubled=True), Size(600, 6, troubled=True)):
        with fleet(tmp_path / str(size.clusters), size) as made:
            assert made.sweep().report["whole"]
            made.pages(PAGES)  # the first of a process makes what is missing
            shown = dict(zip(PAGES, made.pages(PAGES), strict=True))
        assert {name: each.size for name, each in shown.items() if not 0 < each.size <= LARGEST} == {}
        asked.append({name: sum(each.storage.values()) for name, each in shown.items()})

    assert asked[0] == asked[1]
    assert max(asked[0].values()) <= MOST
