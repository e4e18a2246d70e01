"""Rollback for real: the version before this one works on what this one wrote, and this one on what that left.

tests/data/state/*-shared.tar.xz is `shared` of that version (how to make it anew: docs/deployment.md).
"""

import asyncio
import json
import os
import sys
import tarfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.fleet.planner import Wish
from shared.model.identity import ClusterId
from shared.model.intent import FleetVerb, FleetWord, Intent, Word
from shared.model.request import Reason, Request
from tests.contract.fleets import SELECTED, Fleet

HERE = Path(__file__).parent
OLDER = max((HERE.parent / "data" / "state").glob("*-shared.tar.xz"))


@pytest.fixture
async def story(fleet: Fleet) -> dict[str, ClusterId]:
    """What this version leaves: sound clusters, one that failed, words of people, a wish, a plan, a message."""
    await fleet.put_policy(volcano="false", rollout="")
    sound = fleet.made(4, SELECTED, "sound")
    await fleet.converge()
    fleet.control.durations(create=0)
    [failed] = fleet.made(1, SELECTED, "failed")
    fleet.control.outcome(str(failed), fail="timed out waiting for the condition", times=1)
    [removed] = fleet.made(1, {}, "removed")
    now, words = fleet.clock(), fleet.house.intents
    await words.put(Intent(removed, Word.REMOVE, "eva", "not needed", now))
    await words.put(Intent(sound[0], Word.ENROL, "eva", "by hand", now, profile="training"))
    await words.say(
        FleetWord("pause-1", FleetVerb.PAUSE, "ring/canary", "eva", "a trial", now, now + timedelta(days=1))
    )
    await fleet.house.sweep.run()
    for _ in range(3):
        await fleet.look(await fleet.asked())
        await fleet.look([failed])
    # Their records wait for the audit of the next sweep, whoever makes it.
    fleet.control.set_nodes(str(sound[1]), 2)
    await fleet.house.table.ask_anew(sound[1], now)
    await fleet.house.planner.make(await fleet.house.planner.begin(Wish("eva")))
    trace = f"00-{'a' * 32}-{'b' * 16}-01"
    await fleet.house.messages.send(Request(sound[2], Reason.EVENT, now, generation=2, traceparent=trace))
    return {"sound": sound[0], "wished": sound[1], "asked": sound[2], "failed": failed, "removed": removed}


async def older(folder: Path, ca_file: str) -> dict[str, Any]:
    """Have the older version work on the storage that the environment names."""
    with tarfile.open(OLDER) as archive:
        archive.extractall(folder, filter="data")
    environment = os.environ | {"PYTHONPATH": str(folder), "SSL_CERT_FILE": ca_file, "PYTHONSAFEPATH": "1"}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(HERE / "older_muster.py"),
        cwd=folder,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    printed, said = await process.communicate()
    assert process.returncode == 0, said.decode()[-4000:]
    told: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return told


async def states(fleet: Fleet) -> dict[str, str]:
    """Each cluster's condition, as remembered."""
    return {row.cluster.name: row.memory.state.condition.value async for row in fleet.house.table.all()}


async def test_the_version_before_goes_on_with_what_this_one_left(fleet, story, tmp_path, azure):
    """It reads every row, word and message, asks for what is to be done and nothing else, and writes to no cluster."""
    before, since = await states(fleet), len(fleet.control.requests())
    told = await older(tmp_path / "older", azure.ca_file)

    assert told["unreadable"] == []
    assert told["conditions"] == before
    assert before[story["failed"].name] == "FailedInstall"
    assert told["waiting"][story["asked"].name] == "Nothing"
    assert told["words"] == {story["removed"].name: "remove", story["sound"].name: "enrol"}
    assert told["pauses"] == ["ring/canary"]
    assert told["attempts"] == {story["failed"].name: 1}
    assert story["failed"].name not in {name for name, action in told["asked"].items() if action == "Install"}
    assert fleet.control.writes(since) == []


async def test_this_version_goes_on_with_what_the_one_before_left(fleet, story, tmp_path, azure):
    """And back again: nothing is lost but the wish that the older one does not know, and nothing is sent twice."""
    before = await states(fleet)
    wished = (await fleet.house.table.read(story["wished"])).memory.anew_since
    told = await older(tmp_path / "older", azure.ca_file)
    left = (await fleet.house.table.read(story["wished"])).memory.anew_since
    since = len(fleet.control.requests())
    await fleet.house.sweep.run()
    asked = await fleet.asked()
    await fleet.look([*asked, story["sound"]])
    await fleet.house.sweep.run()

    assert wished is not None
    assert (story["wished"].name in told["asked"], left) == (True, None)
    assert await states(fleet) == before
    assert await fleet.asked() == []
    assert fleet.control.writes(since) == []
    assert {entry.condition for entry in await fleet.entries()} >= {"Current", "FailedInstall"}
