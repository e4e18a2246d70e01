"""Snapshots: written and read one subscription at a time, tolerant of columns, strict about damage."""

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import StorageError
from shared.fleet.compliance import Line
from shared.fleet.snapshot import Entry, Snapshot, Writer

A, B = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"


def entry(subscription: str, name: str, **values) -> Entry:
    """An entry of an AKS cluster."""
    path = (
        f"/subscriptions/{subscription}/resourcegroups/rg/providers/microsoft.containerservice/managedclusters/{name}"
    )
    return Entry(path, **values)


def written(**chunks: list[Entry]) -> bytes:
    """A snapshot of these chunks."""
    writer = Writer({"asOf": "2026-11-26T12:00:00+00:00"})
    for subscription, entries in sorted(chunks.items()):
        writer.add(subscription, entries)
    return writer.finished()


def test_what_is_written_is_read_back_by_subscription():
    """Every column, with subscriptions passed over and empty ones in between."""
    hold = ["window", "Outside of the window.", "2026-11-26T12:00:00+00:00", None, None, "change-1"]
    full = entry(A, "x", seen="ab", decided=7, asked="overdue", management="Managed", hold=hold, ring="canary")
    raw = written(**{A: [full, entry(A, "y")], B: []})
    snapshot = Snapshot(raw)

    assert snapshot.header["asOf"].startswith("2026")
    assert snapshot.take("00000000-0000-0000-0000-000000000000") == {}
    assert snapshot.take(A) == {full.id: full, entry(A, "y").id: entry(A, "y")}
    assert snapshot.take(B) == {}
    assert [each.id for each in Snapshot(raw).all()] == [full.id, entry(A, "y").id]
    assert Line.read(full).entry()._replace(seen="ab", decided=7, asked="overdue") == full


def test_an_older_snapshot_lacks_columns_and_a_newer_one_has_more():
    """Old and new versions run at the same time during an upgrade: both read what they know."""
    columns = {"id": [entry(A, "x").id], "condition": ["Current"], "invented": [1]}
    lines = [{"asOf": "x"}, {"subscription": A, "columns": columns}]
    raw = gzip.compress("\n".join(map(json.dumps, lines)).encode())
    (read,) = Snapshot(raw).all()
    assert read == entry(A, "x", condition="Current")


@given(st.integers(min_value=0, max_value=400))
def test_a_damaged_snapshot_is_told_as_such(keep):
    """Cut off anywhere, it is an error of storage or gives what stands in front of the cut; never something else."""
    raw = written(**{A: [entry(A, f"c{number}", reason="r" * number) for number in range(50)]})
    try:
        found = list(Snapshot(raw[:keep]).all())
    except StorageError:
        return
    assert len(found) in {0, 50}


def test_rubbish_is_told_as_such():
    """Not even compressed."""
    with pytest.raises(StorageError):
        Snapshot(b"rubbish")
