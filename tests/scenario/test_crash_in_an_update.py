"""A process that dies over an update of the policy's, at each of its requests: the update still gets to the cluster."""

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from azure.storage.blob import BlobServiceClient

from bench.chaos_ground import SUBSCRIPTION, Clock, Ground, Process
from shared.model.identity import ClusterId
from shared.model.request import Reason

POLICY = """
version: 1
profiles: {{training: {{settings: {{enableTraining: true, installVolcano: {volcano}}}}}}}
rules: [{{name: all, profile: training}}]
enforcement: {{updateDisruptive: act}}
verification: {{aks: none}}
rollout:
  rings: [{{name: canary, match: {{tags: {{ring: canary}}}}, soak: 1h}}, {{name: rest}}]
  stopOn: {{failures: 2}}
"""
_ROUNDS = 5
# Of one look that updates.
_FEWEST_REQUESTS, _MOST_REQUESTS = 10, 60


class Place:
    """One cluster that has the extension, and whoever looks after it."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.ground.clear()
        ahead = timedelta(seconds=ground.control.now() - datetime.now(UTC).timestamp())
        self.clock = Clock(ahead)
        self.put_policy("false")
        tags = {"aml-onboard": "true", "ring": "canary"}
        made = ground.control.create_cluster(
            kind="aks", name="c", subscription=SUBSCRIPTION, nodes=3, tags=tags, emit=False
        )
        self.cluster = ClusterId.parse(made)
        self.processes: list[Process] = []
        self.process = self.another()
        self.settle()

    def put_policy(self, volcano: str) -> None:
        """Write the policy; whether it takes up the scheduler is all that changes."""
        self.ground.policy.write_text(POLICY.format(volcano=volcano))

    def another(self) -> Process:
        """A new process, in which everything is read anew."""
        self.process = Process(self.ground, self.clock)
        self.processes.append(self.process)
        return self.process

    def look(self) -> None:
        """One look by the present process, which may die over it."""
        self.ground.runner.run(self.process.life.live(self.process.look(self.cluster, Reason.SWEEP)))

    def settle(self, volcano: str = "") -> None:
        """Time passes, and whatever sweeps ask for is done: for some rounds, or until an update to this has landed."""
        for _ in range(_ROUNDS):
            self.clock.ahead += timedelta(minutes=5)
            self.ground.control.advance(300)
            self.ground.free_leases()
            self.ground.runner.run(self.process.life.live(self.process.sweep()))
            for _ in self.ground.messages():
                self.look()
            if volcano and self.volcano() == volcano and self.first_ring()["landed"]:
                return

    def volcano(self) -> str:
        """The setting as ARM stores it."""
        extension = self.ground.control.extension(str(self.cluster), "azureml")
        return str(extension["properties"]["configurationSettings"]["installVolcano"]).lower()

    def first_ring(self) -> dict[str, int]:
        """What the books say of the first ring."""
        with BlobServiceClient.from_connection_string(self.ground.storage) as blobs:
            body = blobs.get_blob_client("muster-documents", "ledger.json").download_blob().readall()
        ring = json.loads(gzip.decompress(body))["rings"][0]
        return {name: ring[name] for name in ("landed", "failed")}

    def end(self) -> None:
        """Bury every process."""
        for process in self.processes:
            self.ground.runner.run(process.end())


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """One cluster for all crashes."""
    with Ground.laid(tmp_path_factory.mktemp("crashes")) as ground:
        place = Place(ground)
        yield place
        place.end()


@pytest.mark.parametrize("after", [False, True], ids=["before-it-is-sent", "after-it-took-effect"])
def test_an_update_survives_a_crash_at_any_request(place: Place, after: bool) -> None:
    """Wherever a look dies, the next ones bring the policy's setting to the cluster, once, and the books count one."""
    volcano, since = place.volcano(), len(place.ground.control.requests())
    for request in range(1, _MOST_REQUESTS):
        volcano = "false" if volcano == "true" else "true"
        place.put_policy(volcano)
        life = place.another().life
        life.dies_at, life.after = request, after
        place.look()
        place.another()
        place.settle(volcano)

        assert (request, place.volcano()) == (request, volcano)
        assert (request, place.first_ring()) == (request, {"landed": 1, "failed": 0})
        if not life.over.is_set():
            break
    assert not life.over.is_set()
    assert request > _FEWEST_REQUESTS
    assert [each["method"] for each in place.ground.control.writes(since)] == ["PATCH"] * request
