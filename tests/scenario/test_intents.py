"""People's words: they outlive sweeps, events and lost memory, and where they cannot be read nobody writes."""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.model.identity import ClusterId, Kind
from tests.scenario.stage import SELECTED, SUBSCRIPTION, Answer, Json, Stage

INTENTS, MIRROR, SENTINEL = "musterintents", "muster-intents", "!whole"
OWN_SETTINGS = {
    "enableTraining": "true",
    "enableInference": "false",
    "nodeSelector.pool": "ml",
    "installVolcano": "false",
}
CHANGES = {"PUT", "PATCH", "DELETE"}


@dataclass(frozen=True)
class Words:
    """Two clusters that people have spoken about."""

    enrolled: str  # untagged, installed by hand with a profile and settings of its own
    removed: str  # tagged, and uninstalled by hand


def key_of(cluster_id: str) -> str:
    """The cluster's key in URLs."""
    return base64.urlsafe_b64encode(cluster_id.lower().encode()).decode().rstrip("=")


def install(stage: Stage, cluster_id: str, **body: Any) -> Answer:
    """POST /api/installs."""
    return stage.post("/api/installs", {"cluster": cluster_id, "reason": "asked for in a ticket"} | body)


def uninstall(stage: Stage, cluster_id: str, *, accept: bool) -> Answer:
    """POST /api/clusters/<key>/uninstall."""
    body = {"reason": "the cluster is given to another team"} | ({"acceptDisruption": True} if accept else {})
    return stage.post(f"/api/clusters/{key_of(cluster_id)}/uninstall", body)


def withdraw(stage: Stage, cluster_id: str) -> Answer:
    """DELETE /api/clusters/<key>/intent."""
    return stage.delete(f"/api/clusters/{key_of(cluster_id)}/intent")


def aks(stage: Stage, name: str, tags: dict[str, str] | None = None) -> str:
    """A new AKS cluster, announced by an event; its nodes carry the label that enrolments ask for."""
    pools = [{"count": 3, "nodeLabels": {"pool": "ml"}}]
    return stage.control.create_cluster(kind="aks", name=name, subscription=SUBSCRIPTION, tags=tags or {}, pools=pools)


def removed(stage: Stage, cluster_id: str) -> None:
    """Have the extension of an installed cluster removed, and wait for the end of it."""
    assert uninstall(stage, cluster_id, accept=True).status == 202
    stage.in_condition("Missing", cluster_id)
    assert stage.control.extensions(cluster_id) == []


def looked_at_again(stage: Stage, *cluster_ids: str) -> None:
    """Have each cluster looked at for a person, then for an event, then for a sweep."""
    _look(stage, cluster_ids, lambda one: stage.post(f"/api/clusters/{key_of(one)}/reconcile"))
    _look(stage, cluster_ids, lambda one: stage.control.set_tags(one, stage.control.cluster(one)["tags"]))
    stage.sweep()
    stage.quiet()


def _look(stage: Stage, cluster_ids: tuple[str, ...], ask: Callable[[str], object]) -> None:
    start = datetime.now(UTC)
    for cluster_id in cluster_ids:
        ask(cluster_id)
    for cluster_id in cluster_ids:
        stage.until(lambda one=cluster_id: _looked_at(stage, one) > start, f"a look at {cluster_id}")
    stage.quiet()


def _looked_at(stage: Stage, cluster_id: str) -> datetime:
    return datetime.fromisoformat(stage.memory(cluster_id).get("looked_at") or "1970-01-01T00:00:00Z")


def changes(stage: Stage, since: int) -> list[Json]:
    """Everything that was written to Azure, of whatever service."""
    return [entry for entry in stage.control.requests(since) if entry["method"] in CHANGES]


@pytest.fixture(scope="module", autouse=True)
def events(stage: Stage) -> None:
    """Event Grid delivers to the app."""
    stage.control.subscribe(stage.events_url(), "EventGridSchema")


@pytest.fixture(scope="module")
def words(stage: Stage) -> Words:
    """Two clusters that people have spoken about, both at rest."""
    spoken = Words(aks(stage, "by-hand"), aks(stage, "given-away", SELECTED))
    answer = install(
        stage, spoken.enrolled, profile="training", settings={"nodeSelector.pool": "ml", "installVolcano": False}
    )
    assert answer.status == 202, answer.body
    assert answer.headers["Location"] == f"/api/clusters/{key_of(spoken.enrolled)}"
    stage.installed(spoken.enrolled, spoken.removed)
    removed(stage, spoken.removed)
    return spoken


def assert_both_stand(stage: Stage, words: Words) -> None:
    """The enrolled cluster has exactly what was asked for, the removed one nothing."""
    (extension,) = stage.control.extensions(words.enrolled)
    settings = extension["properties"]["configurationSettings"]
    assert {name: settings.get(name, "").lower() for name in OWN_SETTINGS} == OWN_SETTINGS
    assert stage.control.extensions(words.removed) == []


def test_words_outlive_sweeps_and_events(stage: Stage, words: Words) -> None:
    """Three sweeps, events and looks later both words stand and nothing was written."""
    mark = stage.mark()
    for _ in range(3):
        looked_at_again(stage, words.enrolled, words.removed)
    assert changes(stage, mark) == []
    assert_both_stand(stage, words)
    shown = stage.cluster(words.enrolled)
    assert (shown["state"]["management"], shown["profile"], shown["intent"]["word"]) == ("Managed", "training", "enrol")
    assert stage.cluster(words.removed)["state"]["management"] == "HandsOff"


@pytest.mark.parametrize("tables", [["mustermemory", "musterhistory"], [INTENTS, "mustermemory", "musterhistory"]])
def test_words_outlive_lost_tables(stage: Stage, words: Words, tables: list[str]) -> None:
    """Deleting memory and history, and even the table of intents (which its mirror restores), costs no write."""
    mark = stage.mark()
    for table in tables:
        stage.tables.delete_table(table)
    stage.sweep()
    looked_at_again(stage, words.enrolled, words.removed)
    stage.sweep()
    stage.quiet()
    assert changes(stage, mark) == []
    assert_both_stand(stage, words)
    kept = {row["RowKey"] for row in stage.tables.get_table_client(INTENTS).list_entities()}
    assert {SENTINEL, key_of(words.enrolled), key_of(words.removed)} <= kept


def test_unreadable_words_stop_every_write(stage: Stage, words: Words) -> None:
    """While they cannot be read no cluster is written to, whoever it belongs to; afterwards all goes on as asked."""
    mirror = stage.blobs.get_container_client(MIRROR)
    kept = {blob.name: mirror.download_blob(blob.name).readall() for blob in mirror.list_blobs()}
    for name in kept:
        mirror.get_blob_client(name).append_block(b"\xff\xfe no line of ours\n")
    stage.tables.delete_table(INTENTS)
    mark = stage.mark()
    others = [
        aks(stage, "tagged-meanwhile", SELECTED),
        stage.control.create_cluster(kind="arc", name="arc-meanwhile", subscription=SUBSCRIPTION, tags=SELECTED),
    ]
    for other in others:
        stage.until(lambda one=other: "cannot be read" in stage.memory(one).get("reason", ""), f"a wait of {other}")
    looked_at_again(stage, words.enrolled, words.removed, *others)
    refused = install(stage, aks(stage, "asked-meanwhile"))
    assert (refused.status, refused.body["code"]) == (503, "IntentsUnreadable")
    assert MIRROR in refused.body["detail"]
    assert int(refused.headers["Retry-After"]) > 0
    assert changes(stage, mark) == []

    for name, content in kept.items():
        mirror.get_blob_client(name).create_append_blob()
        mirror.get_blob_client(name).append_block(content)
    stage.installed(*others)
    looked_at_again(stage, words.enrolled, words.removed)
    assert_both_stand(stage, words)
    assert {entry["path"].split("/")[8] for entry in stage.control.writes(mark)} == {
        "tagged-meanwhile",
        "arc-meanwhile",
    }
    assert stage.invocations()["reconcile"]["failed"] == 0


def test_a_withdrawn_word_releases(stage: Stage) -> None:
    """Without its word a tagged cluster is installed again, and an untagged one is none of our business."""
    back, left = aks(stage, "comes-back", SELECTED), aks(stage, "is-left")
    assert install(stage, left).status == 202
    stage.installed(back, left)
    removed(stage, back)
    mark = stage.mark()
    assert withdraw(stage, back).status == 202
    assert withdraw(stage, left).status == 202
    stage.installed(back)
    stage.until(lambda: stage.memory(left)["state"]["management"] == "NotSelected", "the release")
    looked_at_again(stage, left)
    assert len(stage.puts(back, mark)) == 1
    assert stage.writes(left, mark) == []
    assert len(stage.control.extensions(left)) == 1
    assert withdraw(stage, left).status == 404


def test_removal_waits_until_the_loss_is_accepted(stage: Stage) -> None:
    """While a job runs the removal is held for approval, and says so; nothing is deleted before it comes."""
    cluster = aks(stage, "still-in-use", SELECTED)
    stage.installed(cluster)
    stage.control.start_work(cluster, "training-run")
    mark = stage.mark()
    assert uninstall(stage, cluster, accept=False).status == 202
    stage.until(lambda: (stage.memory(cluster)["state"].get("hold") or {}).get("code") == "approval", "the hold")
    looked_at_again(stage, cluster)
    assert stage.writes(cluster, mark) == []
    reason = stage.cluster(cluster)["decision"]["reason"]
    assert "acceptDisruption" in reason
    assert "training-run" in reason
    removed(stage, cluster)
    assert [entry["method"] for entry in stage.writes(cluster, mark)] == ["DELETE"]


def test_an_enrolment_ends_by_its_date(stage: Stage) -> None:
    """After `until` an untagged cluster is released: its extension stays and is written to no more."""
    cluster = aks(stage, "for-a-while")
    until = datetime.now(UTC) + timedelta(seconds=5)
    assert install(stage, cluster, until=until.isoformat()).status == 202
    stage.installed(cluster)
    stage.until(lambda: datetime.now(UTC) > until, "the end of the enrolment")
    mark = stage.mark()
    looked_at_again(stage, cluster)
    assert stage.memory(cluster)["state"]["management"] == "NotSelected"
    assert stage.writes(cluster, mark) == []
    assert len(stage.control.extensions(cluster)) == 1


def test_a_dry_run_writes_nothing(stage: Stage) -> None:
    """It shows the body with its secrets hidden; no intent, memory or message comes of it, and no write."""
    cluster = stage.control.create_cluster(kind="arc", name="only-asking", subscription=SUBSCRIPTION, emit=False)
    stage.quiet()
    mark, queued = stage.mark(), stage.queue_length()
    answer = install(stage, cluster, profile="training", settings={"nodeSelector.pool": "ml"}, dryRun=True)
    assert answer.status == 200, answer.body
    properties = answer.body["body"]["properties"]
    assert properties["configurationSettings"]["nodeSelector.pool"] == "ml"
    assert set(properties["configurationProtectedSettings"].values()) == {"***"}
    assert answer.body["intended"] == "Install"
    assert changes(stage, mark) == []
    assert stage.queue_length() == queued
    assert stage.memory(cluster) == {}
    keys = {row["RowKey"] for row in stage.tables.get_table_client(INTENTS).list_entities()}
    assert key_of(cluster) not in keys


REFUSED: dict[str, tuple[Json, int, str]] = {
    "no cluster": ({}, 400, "cluster"),
    "no ARM id": ({"cluster": "aks-1"}, 400, "cluster"),
    "unknown field": ({"cluster": "{known}", "profil": "training"}, 400, "profil"),
    "nested setting": ({"cluster": "{known}", "settings": {"nodeSelector": {"pool": "ml"}}}, 400, "settings"),
    "past end": ({"cluster": "{known}", "until": "2020-01-01T00:00:00Z"}, 400, "until"),
    "end without zone": ({"cluster": "{known}", "until": "2099-01-01T00:00:00"}, 400, "until"),
    "unknown profile": ({"cluster": "{known}", "profile": "trainin"}, 422, "profile"),
    "unknown setting": ({"cluster": "{known}", "settings": {"enableTrainin": True}}, 422, "settings.enableTrainin"),
    "wrong value": ({"cluster": "{known}", "settings": {"enableTraining": "maybe"}}, 422, "settings.enableTraining"),
    "out of scope": ({"cluster": "{outside}"}, 422, "cluster"),
    "no such cluster": ({"cluster": "{absent}"}, 404, "cluster"),
    "hands off": ({"cluster": "{hands_off}"}, 409, ""),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_refused(stage: Stage, places: dict[str, str], name: str) -> None:
    """A problem (RFC 9457) names each wrong field; nothing is recorded and nobody asked."""
    body, status, field = REFUSED[name]
    if "cluster" in body:
        body = body | {"cluster": body["cluster"].format(**places)}
    queued = stage.queue_length()
    answer = stage.post("/api/installs", body)
    assert answer.status == status, answer.body
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert (answer.body["status"], answer.body["retry"]) == (status, "never")
    assert answer.body["detail"]
    assert "Traceback" not in str(answer.body)
    if field:
        assert any(error["field"].startswith(field) and error["message"] for error in answer.body["errors"])
    assert stage.queue_length() == queued


@pytest.fixture(scope="module")
def places(stage: Stage) -> dict[str, str]:
    """Ids for requests that are refused."""
    known = stage.control.create_cluster(kind="aks", name="known", subscription=SUBSCRIPTION, emit=False)
    hands_off = stage.control.create_cluster(
        kind="aks", name="hands-off", subscription=SUBSCRIPTION, tags={"aml-onboard": "false"}, emit=False
    )
    stage.quiet()
    return {
        "known": known,
        "absent": known.replace("known", "absent"),
        "outside": known.replace(SUBSCRIPTION, SUBSCRIPTION.replace("1", "9")),
        "hands_off": hands_off,
    }


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/installs"),
        ("GET", "/api/clusters"),
        ("GET", "/api/clusters/{key}"),
        ("POST", "/api/clusters/{key}/uninstall"),
        ("POST", "/api/clusters/{key}/reconcile"),
        ("DELETE", "/api/clusters/{key}/intent"),
        ("GET", "/api/compliance"),
        ("GET", "/api/policy"),
    ],
)
def test_nobody_gets_in_without_the_key(stage: Stage, words: Words, method: str, path: str) -> None:
    """Every route but /health answers 401, and what was asked for does not happen."""
    body = {"cluster": words.enrolled, "reason": "r", "acceptDisruption": True} if method == "POST" else None
    answer = stage.call(method, path.format(key=key_of(words.enrolled)), body, key=False)
    assert answer.status == 401
    assert_both_stand(stage, words)
    assert stage.get("/api/health", key=False).status == 200


def test_each_pause_is_one_of_its_own(stage: Stage) -> None:
    """Two pauses, of two clusters or of one thing twice, stand side by side: ending one leaves the other."""
    keys = [ClusterId(SUBSCRIPTION, "rg-ml", Kind.AKS, name).key for name in ("aks-paused-one", "aks-paused-two")]
    scopes = [f"cluster/{keys[0]}", f"cluster/{keys[1]}", f"cluster/{keys[0]}", "ring/rest", "ring/rest"]
    body = {"until": "2999-01-01T00:00:00Z", "reason": "a trial"}

    def standing() -> set[str]:
        return {each["id"] for each in stage.get("/api/pauses").body["items"]}

    before = standing()
    set_ = [stage.post("/api/pauses", body | {"scope": scope}).body for scope in scopes]
    stage.delete(f"/api/pauses/{set_[0]['id']}")

    assert [each["scope"] for each in set_] == scopes
    assert standing() - before == {each["id"] for each in set_[1:]}
    for each in set_[1:]:
        stage.delete(f"/api/pauses/{each['id']}")
    assert len({each["id"] for each in set_}) == len(scopes)
