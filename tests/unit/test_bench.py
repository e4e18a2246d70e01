"""The benchmark's own parts: what it counts is what was there, and its tables say it."""

import json
import os
from datetime import UTC, datetime

import pytest

from bench import deciding
from bench.__main__ import written
from bench.machine import cpu_seconds, described, resident_mib
from bench.storage_log import StorageLog, classified
from bench.table import Table, quantile, rendered, shown
from shared.model.decision import Action
from shared.reconcile.decide import decide

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ACCESS = '127.0.0.1 - - [23/Nov/2026:22:16:14 +0000] "{} /devstoreaccount1/{} HTTP/1.1" 200 -'


def small_table():
    """Two rows, with every kind of cell."""
    rows = (("first", 1234, 0.12345, None), ("a longer name", 5, 150.4, "x"))
    return Table("small", "A title", ("case", "count", "value", "else"), rows, ("A remark.",))


def test_every_case_of_decide_has_a_rate():
    """Each named observation is what its name says, and gives a positive rate on the shipped policy."""
    policy = deciding.shipped_policy()
    cases = deciding.cases(policy, NOW)
    assert {name.partition(",")[0] for name in cases} == {"not selected", "AKS", "Arc"}
    for seen in cases.values():
        assert deciding.rate(seen, policy, NOW, seconds=0.005) > 0


def test_an_installed_cluster_of_the_benchmark_is_converged():
    """What the benchmark calls installed leaves the product nothing to do, by the product's own decision."""
    policy = deciding.shipped_policy()
    seen = deciding.seen_installed(deciding.facts("arc", {"aml-onboard": "true"}, NOW), policy, NOW)
    decision = decide(seen, policy, NOW)
    assert (decision.action, decision.changes) == (Action.NOTHING, {})


def test_a_cluster_that_gets_nothing_cannot_stand_for_an_installed_one():
    """A case that is not what it claims to be is refused, so no figure can be about something else."""
    with pytest.raises(ValueError, match="nothing would be installed"):
        deciding.seen_installed(deciding.facts("aks", {}, NOW), deciding.shipped_policy(), NOW)


def test_storage_requests_are_told_apart():
    """Blobs, tables, messages sent and what a queue's reader asks are counted each for itself."""
    lines = [
        "Azurite Blob service is starting at http://127.0.0.1:1",
        ACCESS.format("PUT", "muster-leases/abc?comp=lease"),
        ACCESS.format("PUT", "muster-leases?restype=container"),
        ACCESS.format("GET", "mustermemory(PartitionKey='a',RowKey='b')"),
        ACCESS.format("GET", "musterintents()?$top=1000&$filter=PartitionKey%20eq%20'intents'"),
        ACCESS.format("POST", "musterhistory"),
        ACCESS.format("POST", "Tables"),
        ACCESS.format("POST", "reconcile/messages?messagettl=-1"),
        ACCESS.format("GET", "reconcile/messages?numofmessages=16"),
        ACCESS.format("DELETE", "reconcile/messages/1?popreceipt=2"),
    ]
    assert classified(lines) == {"blob": 2, "table": 4, "send": 1, "poll": 2}


def test_the_log_counts_from_where_it_was_opened(tmp_path):
    """Requests made before are none of the measurement's."""
    path = tmp_path / "azurite.log"
    path.write_text(ACCESS.format("GET", "a/b") + "\n")
    log = StorageLog(path)
    assert log.counts() == {}
    with path.open("a") as file:
        file.write(ACCESS.format("GET", "a/c") + "\n")
    assert log.counts() == {"blob": 1}


def test_a_table_shows_every_cell_under_its_head():
    """Columns are aligned, numbers are short, what is missing is a dash, remarks stand below."""
    assert rendered([small_table()]).splitlines() == [
        "A title (small)",
        "case           count  value  else",
        "-------------  -----  -----  ----",
        "first          1,234  0.123     -",
        "a longer name      5    150     x",
        "  A remark.",
    ]


def test_numbers_keep_what_matters():
    """Whole numbers are never rounded; others keep three digits."""
    assert [shown(cell) for cell in (0, 1234567, 0.00123, 99.96, 1234.5, None)] == [
        "0",
        "1,234,567",
        "0.00123",
        "100",
        "1,234",
        "-",
    ]


@pytest.mark.parametrize(("share", "expected"), [(0.5, 5), (0.95, 10), (0.9, 9), (1.0, 10)])
def test_quantiles_are_values_that_were_measured(share, expected):
    """Nearest rank: no value between two measurements is made up."""
    assert quantile([10, 1, 9, 2, 8, 3, 7, 4, 6, 5], share) == expected


def test_results_are_written_with_the_machine(tmp_path):
    """bench.json names cores, processor and Python, and each row by its columns."""
    place = tmp_path / "build" / "bench.json"
    written([small_table()], quick=True, place=place)
    body = json.loads(place.read_text())
    assert body["machine"] == described()
    assert body["tables"]["small"]["rows"][0] == {"case": "first", "count": 1234, "value": 0.12345, "else": None}


def test_the_books_of_a_process_are_read():
    """CPU time grows with work and memory is not nothing."""
    before = cpu_seconds(os.getpid())
    while cpu_seconds(os.getpid()) < before + 0.02:
        sum(range(10_000))
    assert 0 < resident_mib() <= resident_mib("VmHWM")
