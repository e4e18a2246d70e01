"""Upgrade and rollback: what an earlier Muster left in storage is read, and what this one writes it could read.

tests/data/state/ holds the whole storage of earlier versions, recorded from a story: installations, a failed one, one
by hand, a removal, a pause, a policy with a rollout, sweeps. A version that changes a form adds a recording of its own
(the story is in docs/deployment.md) and keeps the older ones.
"""

import base64
import gzip
import json
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient

from devhost.azurite import Azurite
from shared import logs
from shared.composition import House, opened
from shared.config import Settings
from shared.fleet import ledger as books
from shared.fleet.snapshot import Entry, Snapshot, Writer
from shared.model.identity import ClusterId
from shared.model.intent import Word
from shared.model.message import decode, encode
from shared.model.state import Condition
from shared.state.intents import _FLEET, _INTENT
from shared.state.memory import _BODY, _memory
from simulator.server import Simulator

RECORDED = Path(__file__).parents[1] / "data" / "state"
SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
FUTURE = {"fromANewerMuster": {"of": ["any", 1]}}
CLUSTER = f"/subscriptions/{SUBSCRIPTION}/resourcegroups/rg/providers/microsoft.containerservice/managedclusters/aks"
# As version 0.1.0 of November 2026 sent them, each field once.
MESSAGES = (
    {"v": 1, "cluster": CLUSTER, "reason": "event", "requestedAt": "2026-11-26T12:00:00+00:00"},
    {
        "v": 1,
        "cluster": CLUSTER,
        "reason": "follow-up",
        "requestedAt": "2026-11-26T12:00:00+00:00",
        "due": "2026-11-26T12:00:30+00:00",
        "policy": 7,
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    },
)


class Recording:
    """One recorded storage account."""

    def __init__(self, path: Path) -> None:
        content = json.loads(path.read_text())
        self.tables: dict[str, list[dict[str, Any]]] = content["tables"]
        self.blobs = {name: base64.b64decode(text) for name, text in content["blobs"].items()}

    def document(self, name: str) -> Any:
        return json.loads(gzip.decompress(self.blobs[f"muster-documents/{name}"]))

    def bodies(self, table: str) -> list[dict[str, Any]]:
        return [json.loads(row["body"]) for row in self.tables[table] if row.get("body")]

    def restore(self, connection: str) -> None:
        """Put everything into a storage account."""
        with TableServiceClient.from_connection_string(connection) as tables:
            for name, rows in self.tables.items():
                table = tables.create_table_if_not_exists(name)
                for row in rows:
                    table.upsert_entity({key: _plain(value) for key, value in row.items()})
        with BlobServiceClient.from_connection_string(connection) as blobs:
            for place, raw in self.blobs.items():
                container, _, name = place.partition("/")
                client = blobs.get_container_client(container)
                if not client.exists():
                    client.create_container()
                kind = "AppendBlob" if name.endswith(".jsonl") else "BlockBlob"
                client.upload_blob(name, raw, overwrite=True, blob_type=kind)


def _plain(value: Any) -> Any:
    return datetime.fromisoformat(value[1]) if isinstance(value, list) and value[0] == "time" else value


@pytest.fixture(params=sorted(RECORDED.glob("*.json")), ids=lambda path: path.stem)
def recording(request: pytest.FixtureRequest) -> Recording:
    """Each recording."""
    return Recording(request.param)


@pytest.fixture
def azurite(tmp_path: Path, recording: Recording) -> Iterator[str]:
    """An Azurite of the test's own that holds what was recorded."""
    with Azurite(tmp_path) as started:
        recording.restore(started.connection_string)
        yield started.connection_string


@pytest.fixture
def subscription(monkeypatch: pytest.MonkeyPatch, azurite: str, recording: Recording, tmp_path: Path) -> str:
    """The subscription of the recording, and its policy."""
    digest = recording.document("policy/current.json")["digest"]
    [[name, text]] = recording.document(f"policy/{digest}.json")["texts"]
    (tmp_path / name).write_text(text)
    given = {"MUSTER_SCOPE": SUBSCRIPTION, "MUSTER_MODE": "enforce", "AzureWebJobsStorage": azurite}
    for key, value in (given | {"MUSTER_POLICY": str(tmp_path / name)}).items():
        monkeypatch.setenv(key, value)
    return SUBSCRIPTION


@pytest.fixture
async def upgraded(azure: Simulator, subscription: str) -> AsyncIterator[House]:
    """This version on that storage."""
    assert subscription
    async with opened(Settings.read()) as made:
        made.reconciler.observer.arm._transport.connection_config.verify = azure.ca_file
        yield made


async def test_everything_that_was_recorded_is_read(upgraded: House, recording: Recording) -> None:
    """Memories, words of people, history, policy, books and snapshot: nothing counts as lost or damaged."""
    before = logs.counts()
    rows = {row.cluster.name: row.memory async for row in upgraded.table.all()}
    words = await upgraded.intents.all()
    pauses = await upgraded.intents.fleet()
    policy = await upgraded.reconciler.generations.current()
    gates = await upgraded.gatekeeper.view(policy, pauses)
    raw = recording.blobs["muster-documents/snapshots/latest.jsonl.gz"]

    assert rows["aks-rest"].state.condition is Condition.CURRENT
    assert rows["aks-fails"].attempts >= 1
    assert rows["aks-fails"].state.condition is Condition.FAILED_INSTALL
    assert {word.cluster.name: word.word for word in words.values()} == {
        "aks-by-hand": Word.ENROL,
        "aks-removed": Word.REMOVE,
    }
    assert [word.subject for word in pauses] == ["ring/canary"]
    kept = recording.document("policy/current.json")
    assert (policy.digest, policy.generation) == (kept["digest"], kept["generation"])
    assert len(list(Snapshot(raw).all())) == len(rows)
    ledger = recording.document("ledger.json")
    assert gates.policy == ledger["policy"] == policy.digest
    assert [each.scope for each in gates.standstills] == ["ring/canary"]
    lost = {name: count for name, count in logs.counts().items() if "unreadable" in name}
    assert lost == {name: count for name, count in before.items() if "unreadable" in name}


async def test_history_is_shown(upgraded: House, recording: Recording) -> None:
    """Each cluster's rows, as many as were recorded."""
    told: dict[str, int] = {}
    for row in recording.tables["musterhistory"]:
        told[row["PartitionKey"]] = told.get(row["PartitionKey"], 0) + 1
    for key, count in told.items():
        assert len(await upgraded.history.of(ClusterId.from_key(key))) == count


def test_what_is_written_again_keeps_every_recorded_field(recording: Recording) -> None:
    """Rollback: an older Muster finds in this one's rows and documents whatever its own had, under the same names."""
    for body in recording.bodies("mustermemory"):
        assert contained(body, json.loads(_BODY.dump_json(_BODY.validate_python(body), exclude_defaults=True)))
    for body in recording.bodies("musterintents"):
        kind = _FLEET if "verb" in body else _INTENT
        assert contained(body, json.loads(kind.dump_json(kind.validate_python(body))))
    ledger = recording.document("ledger.json")
    assert contained(ledger, books.plain(books.read(ledger)))
    entries = list(Snapshot(recording.blobs["muster-documents/snapshots/latest.jsonl.gz"]).all())
    writer = Writer({"v": 1})
    writer.add(SUBSCRIPTION, entries)
    assert list(Snapshot(writer.finished()).all()) == entries
    recorded = json.loads(
        gzip.decompress(recording.blobs["muster-documents/snapshots/latest.jsonl.gz"]).splitlines()[1]
    )
    assert set(recorded["columns"]) <= set(Entry._fields)


def contained(old: Any, new: Any) -> bool:
    """Whether everything in `old` is in `new`, equal; `new` may have more keys."""
    if isinstance(old, dict):
        return isinstance(new, dict) and all(key in new and contained(value, new[key]) for key, value in old.items())
    if isinstance(old, list):
        return isinstance(new, list) and len(old) == len(new) and all(map(contained, old, new))
    return old == new


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message["reason"])
def test_messages_of_an_older_muster_are_read_and_keep_their_fields(message: dict[str, Any]) -> None:
    """Both are at work during an upgrade."""
    assert contained(message, json.loads(encode(decode(json.dumps(message)))))


def test_fields_of_a_newer_muster_are_passed_over(recording: Recording) -> None:
    """After a rollback: rows, words, books and messages of a newer version are read without their new fields."""
    for body in recording.bodies("mustermemory"):
        assert _BODY.validate_python(body | FUTURE) == _BODY.validate_python(body)
    for body in recording.bodies("musterintents"):
        kind = _FLEET if "verb" in body else _INTENT
        assert kind.validate_python(body | FUTURE) == kind.validate_python(body)
    ledger = recording.document("ledger.json")
    assert books.read(ledger | FUTURE) == books.read(ledger)
    for message in MESSAGES:
        assert decode(json.dumps(message | FUTURE)) == decode(json.dumps(message))


def test_a_memory_that_cannot_be_read_costs_a_look_and_no_more(recording: Recording) -> None:
    """A word that this version does not know (a state of a newer one, say) makes the row count as lost, not fail."""
    row = next(row for row in recording.tables["mustermemory"] if '"condition":"Current"' in row["body"])
    newer = row | {"body": row["body"].replace('"condition":"Current"', '"condition":"Transcended"')}

    assert _memory(newer).state is None
