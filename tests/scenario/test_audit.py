"""The audit through the API and on the command line: whole, then spoiled in every way; and what was true before."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from shared.cli.main import main
from tests.contract.audits import trail_of
from tests.scenario.stage import SELECTED, SUBSCRIPTION, Stage

type Run = Callable[..., tuple[int, str, str]]
_CONTAINER = "muster-audit"


@pytest.fixture
def muster(stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command; its exit code, and what it printed on either stream."""
    monkeypatch.setenv("MUSTER_API_URL", stage.stack.host_urls[0])
    monkeypatch.setenv("MUSTER_API_KEY", stage.stack.key)

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(arguments)
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


@pytest.fixture(scope="module")
def before() -> datetime:
    """The moment before anything was done."""
    return datetime.now(UTC) - timedelta(hours=1)


@pytest.fixture(scope="module")
def cluster(stage: Stage, before: datetime) -> str:
    """One that was installed, paused, and released, and whose removal was asked for and withdrawn."""
    assert before
    made = stage.control.create_cluster(
        kind="aks", name="audited", subscription=SUBSCRIPTION, tags=SELECTED, emit=False
    )
    stage.sweep()
    stage.installed(made)
    key = stage.get("/api/clusters?q=audited").body["items"][0]["key"]
    end = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    wish = {"scope": f"cluster/{key}", "until": end, "reason": "a change of nodes"}
    paused = stage.post("/api/pauses", wish)
    asked = stage.post(f"/api/clusters/{key}/uninstall", {"reason": "a mistake"})
    withdrawn = stage.call("DELETE", f"/api/clusters/{key}/intent")
    ended = stage.call("DELETE", f"/api/pauses/{paused.body['id']}")
    assert [each.status for each in (paused, asked, withdrawn, ended)] == [201, 202, 202, 200]
    stage.quiet()
    stage.sweep()
    return made.lower()


@pytest.fixture
def spoiled(stage: Stage, cluster: str) -> Iterator[Callable[[Callable[[list[bytes]], None]], str]]:
    """Change the lines of the trail's last day, which an immutable container would not let anybody; put back later."""
    assert cluster
    container = stage.blobs.get_container_client(_CONTAINER)
    (name,) = [blob.name for blob in container.list_blobs()]
    blob = container.get_blob_client(name)
    raw = blob.download_blob().readall()

    def put(whole: bytes) -> None:
        blob.delete_blob()
        blob.create_append_blob()
        blob.append_block(whole)

    def spoil(change: Callable[[list[bytes]], None]) -> str:
        lines = raw.splitlines()
        change(lines)
        put(b"\n".join(lines) + b"\n")
        return name.removesuffix(".jsonl")

    yield spoil
    put(raw)


def test_people_and_decisions_stand_in_it(stage: Stage, cluster: str) -> None:
    """Who said what and why; what was decided, from what, and how it went; no value of a setting."""
    records = [each for each in trail_of(stage.stack.storage_connection_string) if each["subject"] == cluster]
    words = [each for each in records if each["kind"] == "word"]

    assert [each["action"] for each in words] == ["Pause", "RemoveByHand", "Withdraw", "Resume"]
    assert {each["who"] for each in words} == {"a holder of the function key"}
    assert [each.get("reason") for each in words][:2] == ["a change of nodes", "a mistake"]
    (install,) = [each for each in records if each["action"] == "Install"]
    assert install["sent"] == "accepted"
    assert install["policy"] == stage.get("/api/policy").body["digest"]
    assert records[-1]["kind"] in {"word", "decision"}
    assert not {"who"} & install.keys()


@pytest.mark.usefixtures("cluster")
def test_the_policy_and_who_applied_a_plan_stand_in_it(stage: Stage) -> None:
    """Which policy came into force, once however many sweeps follow; and the plan that somebody had done."""
    plan = stage.post("/api/plans", {}).body["id"]
    stage.until(lambda: stage.get(f"/api/plans/{plan}").body["status"] == "ready", "the plan")
    made = stage.get(f"/api/plans/{plan}").body
    for _ in range(2):
        assert stage.post(f"/api/plans/{plan}/apply", {"digest": made["digest"]}).status == 202
    stage.sweep()
    about = [each for each in trail_of(stage.stack.storage_connection_string) if each["subject"] == "fleet"]
    policy = stage.get("/api/policy").body
    ((applied,), (came,)) = (
        [each for each in about if each["action"] == name] for name in ("ApplyPlan", "PolicyInForce")
    )

    assert (came["generation"], came["policy"], came["at"]) == (policy["generation"], policy["digest"], policy["since"])
    assert policy["by"].startswith("the app's own file "), "nobody had to approve it"
    assert came["reason"].endswith(f"by {policy['by']}.")
    assert "who" not in came
    assert (applied["who"], applied["word"], applied["about"]) == (
        "a holder of the function key",
        plan,
        made["digest"],
    )


@pytest.mark.usefixtures("cluster")
def test_a_whole_trail_verifies(muster: Run) -> None:
    """0 with the hash of its last line, which can be asked for later; a hash that it lacks is a finding."""
    code, out, err = muster("audit", "verify")
    told = json.loads(muster("audit", "verify", "-o", "json")[1])

    assert (code, err) == (0, "")
    assert "are as they were written" in out
    assert told["head"] in out
    assert (told["broken"], told["repeated"]) == (None, 0)
    assert muster("audit", "verify", "--head", told["head"])[0] == 0
    assert muster("audit", "verify", "--head", "0" * 64)[0] == 2
    assert muster("audit", "verify", "--from", told["days"][-1], "--to", told["days"][-1])[0] == 0
    assert json.loads(muster("audit", "verify", "--to", "2000-01-01", "-o", "json")[1])["lines"] == 0


def _changed(lines: list[bytes]) -> None:
    lines[1] = lines[1].replace(b'"kind":"', b'"kind":"x', 1)


def _removed(lines: list[bytes]) -> None:
    del lines[1]


def _inserted(lines: list[bytes]) -> None:
    lines.insert(1, lines[0])


def _cut(lines: list[bytes]) -> None:
    del lines[-1]


@pytest.mark.parametrize(
    ("change", "words"),
    [(_changed, "it was changed"), (_removed, "were removed"), (_inserted, "it was inserted")],
    ids=["changed", "removed", "inserted"],
)
def test_what_was_spoiled_is_found(
    muster: Run, cluster: str, spoiled: Callable[[Callable[[list[bytes]], None]], str], change: object, words: str
) -> None:
    """2, with day, line and cluster; nothing is told of the past by a trail that is broken."""
    day = spoiled(change)  # type: ignore[arg-type]
    code, out, _ = muster("audit", "verify")
    (past, said, _) = muster("audit", "as-of", datetime.now(UTC).isoformat(), cluster)

    assert code == 2
    assert out.startswith(f"{day}, line 2")
    assert words in out
    assert cluster in out or "about fleet" in out or words == "it was changed"
    assert (past, "cannot be believed" in said) == (2, True)


def test_an_end_that_was_cut_off_is_found_by_the_hash_that_was_noted(
    muster: Run, spoiled: Callable[[Callable[[list[bytes]], None]], str]
) -> None:
    """By that alone."""
    head = json.loads(muster("audit", "verify", "-o", "json")[1])["head"]
    spoiled(_cut)

    assert muster("audit", "verify")[0] == 0
    assert muster("audit", "verify", "--head", head)[0] == 2


def test_what_was_true_is_told(muster: Run, stage: Stage, cluster: str, before: datetime) -> None:
    """Of a cluster by name or id, of the fleet; nothing before the beginning."""
    now = datetime.now(UTC).isoformat()
    code, out, _ = muster("audit", "as-of", now, "audited")
    one = json.loads(muster("audit", "as-of", now, cluster, "-o", "json")[1])
    fleet = json.loads(muster("audit", "as-of", now[:10], "-o", "json")[1])
    earlier = json.loads(muster("audit", "as-of", before.isoformat(), "-o", "json")[1])

    assert (code, out.startswith(cluster)) == (0, True)
    assert one["management"] == "Managed"
    assert one["condition"] == "Current"
    assert (one["last"]["action"], one["words"]) == ("Install", [])
    assert one["policy"] == stage.get("/api/policy").body["digest"]
    assert fleet["condition"] == {"Current": 1}
    assert fleet["generation"] == one["generation"]
    assert muster("audit", "as-of", now[:10])[0] == 0
    assert earlier["clusters"] == 0
    assert muster("audit", "as-of", before.isoformat(), cluster)[0] == 1


@pytest.mark.usefixtures("cluster")
def test_pages_of_a_day_are_read_on_by_their_continuation(stage: Stage) -> None:
    """From any offset that was given; what was not given is refused, or gives lines that no hash fits."""
    days = stage.get("/api/audit").body["days"]
    whole = stage.get(f"/api/audit?day={days[-1]}").body

    assert whole["day"] == days[-1]
    assert "continuation" not in whole
    assert all(json.loads(each)["hash"] for each in whole["lines"])
    assert stage.get("/api/audit?day=1999-01-01").body["lines"] == []
    for query in ("day=today", "day=..%2Fx", f"day={days[-1]}&continuation=-1", f"day={days[-1]}&continuation=x"):
        assert stage.get(f"/api/audit?{query}").status == 400


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("verify", "--from", "yesterday"), "'yesterday' is no day"),
        (("as-of", "then"), "no day and no moment"),
        (("as-of", "2026-11-27T00:00:00"), "lacks its offset"),
        (("as-of", "2026-11-27", "no-such"), "No cluster that Muster knows is called no-such."),
    ],
)
def test_what_is_wrong_is_said_in_one_line(muster: Run, arguments: tuple[str, ...], words: str) -> None:
    """On stderr, with exit code 1."""
    code, out, err = muster("audit", *arguments)

    assert (code, out) == (1, "")
    assert words in err
