"""Transcripts of acceptance runs, played again on the simulated Azure: it answers as the real one did.

Those of real subscriptions belong into tests/data/live beside simulated.jsonl, which the simulator made itself, so that
the comparison has something to go by until the first real run: `MUSTER_WRITE_RECORDING=1 pytest
tests/contract/test_replay.py` writes it anew.
"""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts.live_acceptance import CONSENT, accept
from scripts.transcripts import differences, exchanges
from simulator.control import Control
from tests.contract.test_live_acceptance import SUBSCRIPTION, trusted

__all__ = ["trusted"]  # the fixture that has aiohttp trust the simulator

RECORDINGS = Path(__file__).parents[1] / "data" / "live"
SIMULATED = RECORDINGS / "simulated.jsonl"
_CLUSTER = re.compile(r"/(managedClusters|connectedClusters)/([^/?]+)\?", re.IGNORECASE)


async def played(control: Control, lines: list[str], place: Path) -> None:
    """The steps of a recording on clusters of the same kinds and names; the new transcript goes to a place."""
    named = dict.fromkeys(found.groups() for line in lines if (found := _CLUSTER.search(json.loads(line)["url"])))
    control.durations(create=2, update=1, delete=1, relay=0.2)
    clusters = [
        control.create_cluster(
            kind="aks" if kind.lower() == "managedclusters" else "arc",
            name=name,
            subscription=SUBSCRIPTION,
            tags=dict([CONSENT]),
        )
        for kind, name in named
    ]
    await accept(clusters, place, pause=0.05, environment=os.environ)


def read(place: Path) -> list[str]:
    """The lines of a transcript."""
    return place.read_text().splitlines()


async def test_a_recording_of_the_simulator_is_there(control: Control) -> None:
    """It holds both kinds, every method, no secret and nobody's id; asked to, this writes it anew."""
    if os.environ.get("MUSTER_WRITE_RECORDING"):
        made = ["/managedClusters/aks?", "/connectedClusters/arc?"]
        await played(control, [json.dumps({"url": each}) for each in made], SIMULATED)
    text = "\n".join(read(SIMULATED))
    said = [each.request for each in exchanges(text.splitlines())]

    assert {each.split()[0] for each in said} == {"GET", "PUT", "PATCH", "DELETE", "POST"}
    assert {"GET managedclusters", "GET connectedclusters", "PUT extensions", "POST listkeys"} <= set(said)
    of_somebody = rf"[0-9a-f]{{8}}-[0-9a-f]{{4}}-[0-9a-f]{{4}}-|{SUBSCRIPTION.replace('-', '')}"
    assert not re.search(rf"{of_somebody}|SharedAccessKey=[^*]|127\.0\.0\.1", text)


@pytest.mark.parametrize("recording", sorted(RECORDINGS.glob("*.jsonl")), ids=lambda place: place.name)
async def test_the_simulator_answers_as_it_was_recorded(control: Control, tmp_path: Path, recording: Path) -> None:
    """Step by step: status, error code, state, and the properties that Muster reads. Each difference is one line."""
    lines, place = read(recording), tmp_path / "live.jsonl"
    await played(control, lines, place)

    assert list(differences(exchanges(lines), exchanges(read(place)))) == []


def altered(change: Callable[[dict[str, Any]], bool]) -> list[str]:
    """The recording with the first line changed that a change fits."""
    lines = read(SIMULATED)
    for number, line in enumerate(lines):
        each = json.loads(line)
        if change(each):
            return [*lines[:number], json.dumps(each), *lines[number + 1 :]]
    raise AssertionError("the change fits no line")


def other_status(each: dict[str, Any]) -> bool:
    fits = each["method"] == "DELETE"
    each["status"] = 409 if fits else each["status"]
    return fits


def other_code(each: dict[str, Any]) -> bool:
    fits = '"error"' in each["answer"] and each["method"] == "PUT"
    each["answer"] = json.dumps({"error": {"code": "SomethingElse"}}) if fits else each["answer"]
    return fits


def other_state(each: dict[str, Any]) -> bool:
    fits = '"provisioningState": "Creating"' in each["answer"] or '"provisioningState":"Creating"' in each["answer"]
    each["answer"] = each["answer"].replace("Creating", "Pending")
    return fits


def without_creator(each: dict[str, Any]) -> bool:
    fits = each["method"] == "GET" and "extensions" in each["url"] and "createdBy" in each["answer"]
    each["answer"] = re.sub(r'"createdBy": ?"[^"]*",?', "", each["answer"])
    return fits


def other_type(each: dict[str, Any]) -> bool:
    fits = each["method"] == "GET" and '"autoUpgradeMinorVersion"' in each["answer"]
    each["answer"] = re.sub(r'"autoUpgradeMinorVersion": ?true', '"autoUpgradeMinorVersion": "true"', each["answer"])
    return fits


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (other_status, "DELETE extensions answered 409"),
        (other_code, "SomethingElse"),
        (other_state, "Pending"),
        (without_creator, "systemData.createdBy is missing live and str in the simulator"),
        (other_type, "properties.autoUpgradeMinorVersion is str live and bool in the simulator"),
    ],
)
def test_a_planted_difference_is_told(change: Callable[[dict[str, Any]], bool], told: str) -> None:
    """With the line of the recording, and what was expected there."""
    before = exchanges(read(SIMULATED))
    found = list(differences(exchanges(altered(change)), before))

    assert any(told in each for each in found), found
    assert all(re.match(r"line \d+: ", each) for each in found)


def test_a_step_that_is_missing_or_too_many_is_told() -> None:
    """On either side."""
    lines = read(SIMULATED)
    fewer = [line for line in lines if json.loads(line)["method"] != "DELETE"]

    assert any("the simulator did not" in each for each in differences(exchanges(lines), exchanges(fewer)))
    assert any("live did not" in each for each in differences(exchanges(fewer), exchanges(lines)))
    assert list(differences(exchanges(lines), exchanges(lines))) == []


def test_what_is_no_transcript_is_told_by_its_line() -> None:
    """A damaged file."""
    with pytest.raises(ValueError, match="line 2 is no exchange"):
        exchanges(['{"method": "GET", "url": "https://x/a", "status": 200, "answer": ""}', '{"other": 1}'])


def test_more_polling_is_no_difference() -> None:
    """A real installation is looked at a hundred times."""
    lines = read(SIMULATED)
    longer = [line for line in lines for _ in range(1 if '"method": "PUT"' in line else 3)]
    assert [each.key for each in exchanges(lines)] == [each.key for each in exchanges(longer)]
