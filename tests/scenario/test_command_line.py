"""The commands that act through the API, against a real host: what they print, what they do, how they leave."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.cli.completion import clusters
from shared.cli.main import main
from shared.model.state import HoldCode
from shared.report.remedies import HOLDS
from tests.scenario.stage import SELECTED, SUBSCRIPTION, TIMING, Stage

POLICY = """
version: 1
profiles: {{training: {{settings: {{enableTraining: true, installVolcano: {volcano}}}}}}}
rules: [{{name: all, profile: training}}]
exceptions: [{{cluster: {exempt}, exempt: true, until: 2999-01-01, owner: ada@example.com, ticket: OPS-1}}]
verification: {{aks: none}}
remediation: {{timing: {{{times}}}}}
"""
TIMES = ", ".join(f"{name}: {value}" for name, value in TIMING.items())
EXEMPT = f"/subscriptions/{SUBSCRIPTION}/resourcegroups/rg/providers/microsoft.containerservice/managedclusters/old"
STAGE = {"policy": POLICY.format(volcano="false", times=TIMES, exempt=EXEMPT)}

type Run = Callable[..., tuple[int, str, str]]


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
def cluster(stage: Stage) -> str:
    """One that has what it should."""
    made = stage.control.create_cluster(
        kind="aks", name="at-work", subscription=SUBSCRIPTION, tags=SELECTED, emit=False
    )
    stage.sweep()
    stage.installed(made)
    stage.sweep()
    return made


@pytest.mark.usefixtures("cluster")
def test_status_of_a_fleet_in_order(muster: Run) -> None:
    """How many of how many, by which policy, as of when; 0 where nothing is to be done."""
    code, out, err = muster("status")
    asked = json.loads(muster("status", "-o", "json")[1])

    assert (code, err) == (0, "")
    assert "1 of 1 managed clusters are as the policy wants them (100.0 %)." in out
    assert asked["policy"]["digest"][:12] in out
    assert asked["compliance"]["compliant"] == 1


def test_history_tells_what_was_done(muster: Run, cluster: str) -> None:
    """By name or by id; the same as JSON."""
    code, out, _ = muster("history", "at-work")
    by_id = json.loads(muster("history", cluster, "-o", "json")[1])

    assert code == 0
    assert out.startswith(cluster.lower())
    assert "Install" in out
    assert "accepted" in out
    assert [each["action"] for each in by_id][-1] == "Install"


@pytest.mark.usefixtures("cluster")
def test_names_of_clusters_are_offered(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that the API knows and that begin so, in any letter case."""
    monkeypatch.setenv("MUSTER_API_URL", stage.stack.host_urls[0])
    monkeypatch.setenv("MUSTER_API_KEY", stage.stack.key)

    assert clusters("AT-") == ["at-work"]
    assert clusters("work") == []
    monkeypatch.setenv("MUSTER_API_KEY", "another")
    assert clusters("at-") == []


@pytest.mark.usefixtures("cluster")
def test_a_pause_holds_until_it_is_ended(stage: Stage, muster: Run) -> None:
    """Of one cluster, by its name; status shows it; afterwards there is none."""
    code, out, _ = muster("pause", "cluster/at-work", "--until", "2h", "--reason", "a change of nodes")
    ((shown,), told) = stage.get("/api/pauses").body["items"], muster("status")[1]
    ended = muster("resume", shown["id"])

    assert code == 0
    assert f"muster resume {shown['id']}" in out
    assert shown["reason"] == "a change of nodes"
    assert "a change of nodes" in told
    assert ended[0] == 0
    assert stage.get("/api/pauses").body["items"] == []


def _words(stage: Stage) -> set[str]:
    """What people said, by the audit trail of today."""
    (*_, day) = stage.get("/api/audit").body["days"] or [""]
    lines = stage.get(f"/api/audit?day={day}").body["lines"] if day else []
    records = [json.loads(line)["record"] for line in lines]
    return {record["action"] for record in records if record["kind"] == "word"}


def test_a_look_and_a_wish_for_todays_values(stage: Stage, muster: Run, cluster: str) -> None:
    """Asked for by name; the wish stands in the trail, and is over where the values are today's already."""
    looked, wished = muster("reconcile", "at-work"), muster("reconcile", cluster, "--resolve")
    kept = muster("reconcile", "at-work", "--keep", "-o", "json")

    assert [looked[0], wished[0], kept[0]] == [0, 0, 0]
    assert cluster.lower() in looked[1]
    assert "follow today's facts" in wished[1]
    assert json.loads(kept[1])["status"] == "asked"
    stage.until(lambda: stage.cluster(cluster)["anewSince"] is None, "the end of the wish")
    stage.sweep()
    stage.until(lambda: {"Resolve", "KeepResolved"} <= _words(stage), "both words in the trail")


def test_what_waits_is_shown_and_approved(stage: Stage, muster: Run, cluster: str) -> None:
    """A change that may disturb waits for a person: status says 2, where, why and how; the approval lets it go."""
    stage.policy_file.write_text(POLICY.format(volcano="true", times=TIMES, exempt=EXEMPT))
    stage.stack.restart_host(0)
    stage.sweep()
    stage.quiet()
    stage.sweep()
    code, out, _ = muster("status")
    (waiting,) = stage.get("/api/approvals").body["items"]
    since = stage.mark()
    approved = muster("approve", waiting["id"], "--reason", "seen and wanted")
    stage.until(lambda: stage.writes(cluster, since), "the update")
    stage.installed(cluster)

    assert code == 2
    told = re.search(
        r"Needs you: approval \(1\)\. (.+)\n  at-work, since \d{4}-.+ UTC: (.+)\n    muster approve (\S+) --reason", out
    )
    assert told is not None, out
    assert told.groups() == (HOLDS[HoldCode.APPROVAL], waiting["reason"], waiting["id"])
    assert approved[0] == 0
    assert f"{waiting['id']} is approved until" in approved[1]


def test_a_tag_that_cannot_be_read_needs_a_person(stage: Stage, muster: Run, cluster: str) -> None:
    """Status leaves with 2 until somebody mends it."""
    stage.control.set_tags(cluster, SELECTED | {"aml-onboard": "perhaps"}, emit=False)
    stage.sweep()
    stage.quiet()
    stage.sweep()
    unreadable = muster("status")
    stage.control.set_tags(cluster, SELECTED, emit=False)
    stage.sweep()
    stage.quiet()
    stage.sweep()

    assert unreadable[0] == 2
    assert f"Needs you: tag-invalid (1). {HOLDS[HoldCode.TAG_INVALID]}" in unreadable[1]
    assert "the tag aml-onboard is 'perhaps'" in unreadable[1]
    assert muster("status")[0] == 0
    assert muster("approve", "nothing-waits", "--reason", "a try")[::2] == (
        1,
        "muster: Nothing of that name waits for an approval.\n",
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("history", "no-such"), "No cluster that Muster knows is called no-such."),
        (("history", "/subscriptions/x"), "muster:"),
        (("pause", "fleet", "--until", "soon", "--reason", "x"), "'soon' is no end"),
        (("pause", "fleet", "--until", "2999-01-01T00:00:00", "--reason", "x"), "lacks its offset"),
        (("pause", "fleet", "--until", "2001-01-01T00:00:00Z", "--reason", "x"), "until"),
        (("pause", "everything", "--until", "2h", "--reason", "x"), "scope"),
        (("pause", "fleet", "--until", "2h"), "--reason"),
        (("resume", "pause-of-nobody"), "There is no such pause."),
        (("resume", "../policy"), "muster:"),
    ],
)
@pytest.mark.usefixtures("cluster")
def test_what_is_wrong_is_said_in_one_line(muster: Run, arguments: tuple[str, ...], words: str) -> None:
    """On stderr, with exit code 1 and nothing on stdout."""
    code, out, err = muster(*arguments)

    assert (code, out) == (1, "")
    assert err.startswith("muster: ")
    assert err.count("\n") == 1
    assert words in err


def test_a_wrong_address_or_key_is_told_without_the_key(muster: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """And a key is never sent in clear."""
    monkeypatch.setenv("MUSTER_API_KEY", "wrong-key")
    refused = muster("status")
    monkeypatch.setenv("MUSTER_API_URL", "http://muster.example")
    clear = muster("status")
    monkeypatch.setenv("MUSTER_API_URL", "https://127.0.0.1:9")
    nobody = muster("status")
    monkeypatch.delenv("MUSTER_API_URL")
    unset = muster("status")

    assert [each[0] for each in (refused, clear, nobody, unset)] == [1, 1, 1, 1]
    assert "MUSTER_API_KEY" in refused[2]
    assert "wrong-key" not in refused[2]
    assert "https" in clear[2]
    assert "did not answer" in nobody[2]
    assert "MUSTER_API_URL is not set" in unset[2]


@pytest.mark.usefixtures("cluster")
def test_a_report_is_one_file_that_refers_to_nothing(muster: Run, tmp_path: Path) -> None:
    """The overview's figures, style included; a folder that is not there is said in one line."""
    file = tmp_path / "fleet.html"
    code, out, err = muster("report", "--html", str(file))
    wrong = muster("report", "--html", str(tmp_path / "nowhere" / "fleet.html"))
    text = file.read_text()

    assert (code, out, err) == (0, "", "")
    assert re.search(r"\d+ of 1 managed clusters are as the policy wants them", text)
    assert not re.search(r"(?:src|href)=\"(?!#)", text)
    assert "<style>" in text
    assert wrong[0] == 1
    assert wrong[2].startswith(f"muster: {tmp_path}/nowhere/fleet.html cannot be written")


def test_the_policy_says_whom_its_rules_serve(stage: Stage, muster: Run, cluster: str) -> None:
    """How many now, and the sweep at which it last served somebody."""
    del cluster
    (rule,) = stage.get("/api/policy").body["rules"]

    assert (rule["name"], rule["profile"], rule["clusters"]) == ("all", "training", 1)
    assert rule["lastServed"] == json.loads(muster("status", "-o", "json")[1])["compliance"]["asOf"]


def test_the_policy_names_its_exceptions_with_their_end(stage: Stage) -> None:
    """Which cluster, until when, for whom, and whether it is left alone."""
    (each,) = stage.get("/api/policy").body["exceptions"]

    assert (each["cluster"], each["exempt"]) == (EXEMPT, True)
    assert each["until"] == "2999-01-02T00:00:00+00:00", "to the end of that day"
    assert (each["owner"], each["ticket"]) == ("ada@example.com", "OPS-1")
