"""Requests that are sent more than once under one Idempotency-Key, against the whole stack."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import requests

from shared.state.kept import WORKS
from tests.scenario.stage import SUBSCRIPTION, Answer, Stage
from tests.scenario.table_gate import table_gate

PAUSE = {"scope": "fleet", "until": "2999-01-01T00:00:00Z", "reason": "a trial"}


def sent(stage: Stage, key: str, path: str, body: object, host: int = 0) -> Answer:
    """A POST under a key."""
    return stage.call("POST", path, body, host=host, headers={"Idempotency-Key": key})


def pauses(stage: Stage) -> list[str]:
    """The pauses that stand."""
    return [each["id"] for each in stage.get("/api/pauses").body["items"]]


@pytest.fixture
def cluster(stage: Stage) -> str:
    """A cluster that nobody chose."""
    return stage.control.create_cluster(
        kind="aks", name="aks-by-hand", subscription=SUBSCRIPTION, tags={"aml-onboard": "false"}, emit=False
    )


def test_a_request_sent_again_is_not_done_again(stage: Stage) -> None:
    """It is answered as the first time, and says so; under another key it is another request."""
    before = set(pauses(stage))
    first, again = (sent(stage, "one", "/api/pauses", PAUSE) for _ in range(2))
    other = sent(stage, "two", "/api/pauses", PAUSE)

    assert (first.status, again.status, again.body) == (201, 201, first.body)
    assert again.headers["Location"] == first.headers["Location"]
    assert (first.headers.get("Idempotency-Replayed"), again.headers["Idempotency-Replayed"]) == (None, "true")
    assert set(pauses(stage)) - before == {first.body["id"], other.body["id"]}


@pytest.mark.parametrize(
    ("path", "body"), [("/api/pauses", PAUSE | {"reason": "another"}), ("/api/approvals/x", {"approve": True})]
)
def test_a_key_that_stood_for_another_request_is_refused(stage: Stage, path: str, body: object) -> None:
    """422, whatever differs, and nothing is done."""
    sent(stage, "taken", "/api/pauses", PAUSE)
    before = pauses(stage)
    refused = sent(stage, "taken", path, body)

    assert (refused.status, refused.body["code"]) == (422, "AnotherRequest")
    assert pauses(stage) == before


@pytest.mark.parametrize("key", ["", "x" * 201, "é", "tab\there"])
@pytest.mark.parametrize("path", ["/api/installs", "/api/pauses", "/api/approvals/x"])
def test_a_key_that_cannot_be_one_is_refused(stage: Stage, path: str, key: str) -> None:
    """400, before anything is read."""
    refused = sent(stage, key.encode(), path, PAUSE)  # type: ignore[arg-type]

    assert (refused.status, refused.body["errors"][0]["field"]) == (400, "Idempotency-Key")


def test_a_refusal_uses_no_key_up(stage: Stage) -> None:
    """What was refused was not done: put right, it may come under the same key."""
    wrong = sent(stage, "second try", "/api/pauses", PAUSE | {"until": "soon"})
    right = sent(stage, "second try", "/api/pauses", PAUSE)

    assert (wrong.status, right.status) == (400, 201)


def test_while_the_first_is_at_work_the_second_is_told(stage: Stage, cluster: str) -> None:
    """409 with a time to wait; the first one's answer stands afterwards."""
    stage.control.add_fault(kind="delay", seconds=5, method="GET", path="aks-by-hand", service="clusters", times=1)
    wish = {"cluster": cluster, "dryRun": True}
    before = stage.mark()
    with ThreadPoolExecutor() as pool:
        first = pool.submit(sent, stage, "slow", "/api/installs", wish)
        stage.until(lambda: stage.requests(cluster, before), "the first to ask Azure")
        second = stage.call("POST", "/api/installs", wish, headers={"Idempotency-Key": "slow"})

    assert (second.status, second.body["code"], second.body["retry"]) == (409, "AtWork", "soon")
    assert int(second.headers["Retry-After"]) > 0
    third = sent(stage, "slow", "/api/installs", wish)
    assert (third.status, third.body) == (first.result().status, first.result().body)


def test_no_key_and_no_text_is_kept(stage: Stage) -> None:
    """The table holds hashes and the answers, and no row for a request without a key."""
    count = len(list(stage.tables.get_table_client("musteranswers").list_entities()))
    stage.post("/api/pauses", PAUSE)
    sent(stage, "a key of mine", "/api/clusters/x/reconcile", {"secret": "whatever"})
    kept = list(stage.tables.get_table_client("musteranswers").list_entities())

    assert len(kept) == count
    assert "a key of mine" not in str(kept)
    assert all(len(row["RowKey"]) == len(row["request"]) == 64 for row in kept)


def test_a_host_killed_between_doing_and_keeping_loses_nothing_and_does_nothing_twice(stage: Stage) -> None:
    """The pause is set, its answer never kept. Sent again: 409 for ten minutes, then the very same pause, once."""
    before = set(pauses(stage))
    answers = stage.tables.get_table_client("musteranswers")
    direct = stage.stack.storage_connection_string
    with table_gate(direct, "PUT", r"/musteranswers\(") as gate, ThreadPoolExecutor() as pool:
        stage.stack.restart_host(0, {"AzureWebJobsStorage": gate.connection})
        lost = pool.submit(sent, stage, "dies", "/api/pauses", PAUSE)
        assert gate.held.wait(30), "the answer was never kept"
        stage.stack.kill_host(0)
        gate.opened.set()
        with pytest.raises(requests.ConnectionError):
            lost.result()
    stage.stack.restart_host(0, {"AzureWebJobsStorage": direct})
    done = set(pauses(stage)) - before
    at_once = sent(stage, "dies", "/api/pauses", PAUSE)
    [row] = [each for each in answers.list_entities() if "status" not in each]
    # Ten minutes pass for this request.
    answers.update_entity(row | {"at": row["at"] - WORKS - timedelta(seconds=1)})
    later = sent(stage, "dies", "/api/pauses", PAUSE)
    replayed = sent(stage, "dies", "/api/pauses", PAUSE)

    assert len(done) == 1
    assert (at_once.status, at_once.body["code"]) == (409, "AtWork")
    assert (later.status, {later.body["id"]}) == (201, done)
    assert (replayed.headers["Idempotency-Replayed"], replayed.body) == ("true", later.body)
    assert set(pauses(stage)) - before == done
