"""A process that dies over the look that installs, wherever it dies: what went to Azure stands in the audit."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from bench.chaos_ground import SUBSCRIPTION, Clock, Ground, Process
from shared.model.identity import ClusterId
from shared.model.request import Reason
from tests.contract.audits import trail_of

POLICY = """
version: 1
profiles: {training: {settings: {enableTraining: true}}}
rules: [{name: all, profile: training}]
verification: {aks: none}
"""
# Of a look that installs.
_FEWEST_REQUESTS, _MOST_REQUESTS = 8, 40


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """Storage and the simulated Azure."""
    with Ground.laid(tmp_path_factory.mktemp("audits")) as ground:
        ground.policy.write_text(POLICY)
        yield ground


@pytest.mark.parametrize("after", [False, True], ids=["before-it-is-sent", "after-it-took-effect"])
def test_what_was_sent_is_in_the_audit_whatever_request_a_look_dies_at(ground: Ground, after: bool) -> None:
    """For each PUT of a cluster a record of an installation that was accepted, or of which that is not known; once."""
    ground.clear()
    clock = Clock(timedelta(seconds=ground.control.now() - datetime.now(UTC).timestamp()))
    living, processes = Process(ground, clock), []

    def wait() -> None:
        clock.ahead += timedelta(minutes=5)
        ground.control.advance(300)
        ground.free_leases()

    for request in range(1, _MOST_REQUESTS):
        since = len(ground.control.requests())
        made = ground.control.create_cluster(
            kind="aks",
            name=f"c{request}",
            subscription=SUBSCRIPTION,
            nodes=3,
            tags={"aml-onboard": "true"},
            emit=False,
        )
        cluster = ClusterId.parse(made)
        dying = Process(ground, clock)
        processes.append(dying)
        dying.life.dies_at, dying.life.after = request, after
        ground.runner.run(dying.life.live(dying.look(cluster, Reason.SWEEP)))
        wait()
        for _ in range(2):
            ground.runner.run(living.life.live(living.look(cluster, Reason.SWEEP)))
            wait()
        ground.runner.run(living.life.live(living.sweep()))

        records = trail_of(ground.storage)
        about = [each for each in records if each["subject"] == str(cluster)]
        sent = Counter(each["sent"] for each in about if each["action"] == "Install")
        puts = [each for each in ground.control.writes(since) if each["method"] == "PUT"]
        assert (request, len(puts)) == (request, 1)
        # One whose answer nobody lived to hear is told as such; there may be one that never went out.
        assert sent["accepted"] + sent["unknown"] >= 1, (request, about)
        assert sent["accepted"] <= 1, (request, about)
        assert about[-1]["condition"] == "Current", (request, about)
        assert set(Counter(each["id"] for each in records).values()) == {1}, request
        died = dying.life.over.is_set()
        if not died:
            break
    for process in (living, *processes):
        ground.runner.run(process.end())

    assert not died
    assert request > _FEWEST_REQUESTS
    assert sent == {"accepted": 1}
    (install,) = [each for each in about if each["action"] == "Install"]
    assert install["keys"] == sorted(install["keys"])
    told = {name: install[name] for name in ("profile", "rule", "asked", "source", "generation", "management")}
    assert told == {
        "profile": "training",
        "rule": "all",
        "asked": "sweep",
        "source": "arm",
        "generation": 1,
        "management": "Managed",
    }
    assert install["policy"]
    assert install["inputs"]
    assert "true" not in str(install["keys"]).lower()
