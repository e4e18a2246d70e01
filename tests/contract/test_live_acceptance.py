"""The acceptance run for real subscriptions, on the simulated one: it plays to its end and its transcript is clean."""

import json
import os
import re

import pytest
from azure.core.pipeline.transport import AioHttpTransport

from scripts.live_acceptance import CONSENT, accept
from shared.errors import Refused
from simulator.control import Control

SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"


@pytest.fixture
def clusters(control: Control):
    """An AKS and an Arc cluster whose owner agrees."""
    # So long that a second PUT surely meets the first one under way.
    control.durations(create=2, update=0.2, delete=0.2, relay=0.2)
    return [
        control.create_cluster(kind=kind, name=kind, subscription=SUBSCRIPTION, tags=dict([CONSENT]))
        for kind in ("aks", "arc")
    ]


@pytest.fixture(autouse=True)
def trusted(azure, monkeypatch):
    """Aiohttp reads SSL_CERT_FILE when it is imported, which was before this simulator's CA was made."""
    original = AioHttpTransport.__init__

    def trusting(self, **given):
        original(self, **given)
        self.connection_config.verify = azure.ca_file

    monkeypatch.setattr(AioHttpTransport, "__init__", trusting)


async def test_everything_is_as_assumed_and_nothing_is_left(clusters, control, tmp_path, capsys):
    """Installed, refused while it is created, updated, mended, removed; extension and relay are gone afterwards."""
    held = await accept(clusters, tmp_path / "live.jsonl", pause=0.05, environment=os.environ)
    told = capsys.readouterr().out

    assert "NO " not in told, told
    assert held
    assert [control.extensions(cluster) for cluster in clusters] == [[], []]
    assert control.relays() == []


async def test_the_transcript_can_be_read_and_tells_no_secret(clusters, tmp_path):
    """Every line is a request with its answer; no key, no id of a subscription or a person."""
    place = tmp_path / "live.jsonl"
    await accept(clusters, place, pause=0.05, environment=os.environ)
    text = place.read_text()
    lines = [json.loads(line) for line in text.splitlines()]

    assert {line["method"] for line in lines} >= {"GET", "PUT", "PATCH", "DELETE", "POST"}
    assert {201, 200, 404} & {line["status"] for line in lines}
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-", text)
    assert not re.search(r"SharedAccessKey=[^*]", text)
    assert "primaryConnectionString" in text


async def test_without_the_tag_of_consent_nothing_is_done(control, tmp_path):
    """A cluster whose owner did not agree is read once and left alone."""
    cluster = control.create_cluster(kind="aks", name="somebodys", subscription=SUBSCRIPTION, tags={})
    with pytest.raises(Refused, match="does not carry the tag muster-acceptance=throw-away"):
        await accept([cluster], tmp_path / "live.jsonl", pause=0.05, environment=os.environ)
    assert control.writes() == []


async def test_what_is_not_as_assumed_is_told(clusters, control, tmp_path, capsys):
    """An installation that fails: NO beside what did not hold, and the extension is removed all the same."""
    control.outcome(clusters[0], fail="pod healthcheck failed", times=1)
    held = await accept(clusters[:1], tmp_path / "live.jsonl", pause=0.05, environment=os.environ)

    assert not held
    assert "NO  aks: the installation succeeds" in capsys.readouterr().out
    assert control.extensions(clusters[0]) == []
