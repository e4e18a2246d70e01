"""Plans through HTTP and the command line, against a real host: what is printed, what is done, how it leaves."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.cli.main import main
from tests.scenario.stage import SELECTED, SUBSCRIPTION, TIMING, Stage

POLICY = """
version: 1
profiles: {{training: {{settings: {{enableTraining: true, installVolcano: {volcano}}}}}}}
rules: [{{name: all, profile: training}}]
enforcement: {{updateDisruptive: act}}
verification: {{aks: none}}
remediation: {{timing: {{{times}}}}}
"""
TIMES = ", ".join(f"{name}: {value}" for name, value in TIMING.items())
STANDING, EDITED = (POLICY.format(volcano=volcano, times=TIMES) for volcano in ("false", "true"))
STAGE = {"policy": STANDING}

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
def clusters(stage: Stage) -> list[str]:
    """Three that have what they should."""
    made = [
        stage.control.create_cluster(
            kind="aks", name=f"at-work-{number}", subscription=SUBSCRIPTION, tags=SELECTED, emit=False
        )
        for number in range(3)
    ]
    stage.sweep()
    stage.installed(*made)
    stage.sweep()
    stage.quiet()
    return made


@pytest.mark.usefixtures("clusters")
def test_a_fleet_as_it_should_be_has_nothing_to_do(stage: Stage, muster: Run) -> None:
    """Exit code 0; nothing on stderr, which is no terminal; Azure is only read."""
    since = stage.mark()
    code, out, err = muster("plan")
    asked = json.loads(muster("plan", "-o", "json")[1])

    assert (code, err) == (0, "")
    assert "nothing to do on 3 clusters" in out
    assert (asked["status"], asked["items"], asked["counts"]["clusters"]) == ("ready", [], 3)
    assert "texts" not in asked
    assert stage.control.writes(since) == []


def test_an_edit_is_planned_from_a_file_and_from_a_revision(
    stage: Stage, muster: Run, clusters: list[str], tmp_path: Path
) -> None:
    """The same plan either way, fit for a pull request; what is in force stays in force."""
    before = stage.get("/api/policy").body
    policy = tmp_path / "policy.yaml"
    policy.write_text(EDITED)
    for command in (
        ("init", "--quiet"),
        ("add", "policy.yaml"),
        ("-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "--quiet", "-m", "an edit"),
    ):
        subprocess.run(["git", "-C", str(tmp_path), *command], check=True)  # noqa: S603, S607  in the test's own folder
    policy.write_text(STANDING)
    revised = muster("plan", "--against", "HEAD", "--policy", str(policy), "-o", "json")
    policy.write_text(EDITED)
    filed = muster("plan", "--against", str(policy), "-o", "json")
    marked = muster("plan", "--against", str(policy), "-o", "markdown")
    shown = muster("plan", "--against", str(policy))

    assert [each[0] for each in (revised, filed, marked, shown)] == [2, 2, 2, 2]
    by_file, by_revision = json.loads(filed[1]), json.loads(revised[1])
    assert [each["cluster"] for each in by_file["items"]] == sorted(each.lower() for each in clusters)
    assert by_file["digest"] == by_revision["digest"]
    assert by_file["groups"] == by_revision["groups"]
    assert "| Update | restarts | 3 | 3 |" in marked[1]
    assert "installVolcano: false -\\> true" in marked[1]
    assert "installVolcano: false -> true" in shown[1]
    assert stage.get("/api/policy").body == before


def test_a_recorded_fleet_is_planned_over_without_the_api(
    stage: Stage, muster: Run, clusters: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same clusters, steps and words as over the live fleet; none can be saved, nor applied once printed."""
    del clusters
    policy, plain, packed = tmp_path / "policy.yaml", tmp_path / "fleet.json", tmp_path / "fleet.json.gz"
    policy.write_text(EDITED)
    taken = [muster("snapshot", "--out", str(file), "-o", "json") for file in (plain, packed)]
    live = json.loads(muster("plan", "--against", str(policy), "-o", "json")[1])
    shown = muster("plan", "--against", str(policy))
    place = f"/api/recordings/{json.loads(taken[0][1])['id']}"
    monkeypatch.delenv("MUSTER_API_URL")
    over = [muster("plan", "--recorded", str(file), "--against", str(policy), "-o", "json") for file in (plain, packed)]
    shown_over = muster("plan", "--recorded", str(packed), "--against", str(policy))
    refused = muster("plan", "--recorded", str(packed), "--out", str(tmp_path / "plan.json"))
    printed = tmp_path / "printed.json"
    printed.write_text(over[1][1])
    applied = muster("apply", str(printed))
    missing = muster("plan", "--recorded", str(tmp_path / "nothing.json"))
    marked = muster("plan", "--recorded", str(packed), "-o", "markdown")

    assert [each[0] for each in taken] == [0, 0]
    assert json.loads(taken[0][1])["counts"] == {"cluster": 3, "extension": 3, "memory": 3}
    for code, out, _ in over:
        told = json.loads(out)
        assert code == 2
        assert {key: told[key] for key in ("items", "groups", "counts", "digest", "against", "policy")} == {
            key: live[key] for key in ("items", "groups", "counts", "digest", "against", "policy")
        }
    times = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d")
    assert times.sub("", shown_over[1]) == times.sub("", shown[1])
    assert "cannot be applied" in refused[2]
    assert (applied[0], applied[1]) == (1, "")
    assert "A plan over a recorded fleet is not applied." in applied[2]
    assert "cannot be read" in missing[2]
    assert marked[0] == 0
    assert "Made from a recording of the fleet" in marked[1]
    assert stage.get(f"/api/plans/{place.rpartition('/')[2]}").status == 404
    assert stage.get(f"{place}?format=zip").status == 400
    assert stage.get(f"/api/recordings/{'0' * 32}").status == 404


def test_a_plan_against_another_policy_is_not_applied(muster: Run, tmp_path: Path) -> None:
    """Roll it out, says the refusal."""
    policy, saved = tmp_path / "policy.yaml", tmp_path / "plan.json"
    policy.write_text(EDITED)
    muster("plan", "--against", str(policy), "--out", str(saved))
    code, out, err = muster("apply", str(saved))

    assert (code, out) == (1, "")
    assert "roll the policy out" in err


def test_a_saved_plan_is_applied_once_and_skips_what_changed(stage: Stage, muster: Run, tmp_path: Path) -> None:
    """The stale one is named and left alone, the other is installed; a second time nothing more is done."""
    kept, changed = (
        stage.control.create_cluster(kind="aks", name=name, subscription=SUBSCRIPTION, tags=SELECTED, emit=False)
        for name in ("kept", "changed")
    )
    saved = tmp_path / "plan.json"
    planned = muster("plan", "--out", str(saved))
    stage.control.set_tags(changed, SELECTED | {"team": "blue"}, emit=False)
    since = stage.mark()
    applied = muster("apply", str(saved), "-o", "json")
    stage.installed(kept)
    again = muster("apply", str(saved))

    assert planned[0] == 2
    assert applied[0] == 3
    told = json.loads(applied[1])
    assert (told["asked"], told["stale"]) == (1, [changed.lower()])
    assert len(stage.puts(kept, since)) == 1
    assert stage.writes(changed, since) == []
    assert again[0] == 3
    assert re.search(r"Asked for by .* at .*: 1\.", again[1])
    assert changed.lower() in again[1]

    forged = tmp_path / "forged.json"
    forged.write_text(json.dumps(json.loads(saved.read_text()) | {"digest": "0" * 24}))
    assert "another content" in muster("apply", str(forged))[2]


def test_after_the_edit_is_rolled_out_the_fleet_gets_what_was_planned(
    stage: Stage, muster: Run, clusters: list[str]
) -> None:
    """A plan by the policy in force, a sweep: the same clusters are written to, and then nothing is to be done."""
    stage.sweep()
    stage.quiet()
    everyone = sorted(each.lower() for each in stage.control.clusters())
    stage.installed(*everyone)
    stage.policy_file.write_text(EDITED)
    stage.stack.restart_host(0)
    planned = json.loads(muster("plan", "-o", "json")[1])
    since = stage.mark()
    stage.sweep()
    for cluster in everyone:
        stage.until(lambda cluster=cluster: stage.writes(cluster, since), f"the update of {cluster}")
    stage.installed(*everyone)
    stage.sweep()
    stage.quiet()

    assert {each.lower() for each in clusters} <= set(everyone)
    assert [(each["cluster"], each["action"]) for each in planned["items"]] == [(each, "Update") for each in everyone]
    assert muster("plan")[0] == 0


def test_pages_of_a_plan_join_to_the_whole(stage: Stage) -> None:
    """By limit and continuation, in the order of the ids."""
    place = stage.post("/api/plans", {"policy": STANDING}).headers["Location"]
    stage.until(lambda: stage.get(place).body["status"] == "ready", "the plan")
    whole = stage.get(place).body
    first = stage.get(f"{place}?limit=2").body
    rest = stage.get(f"{place}?limit=1000&continuation={first['continuation']}").body

    assert len(whole["items"]) > 2
    assert len(first["items"]) == 2
    assert first["items"] + rest["items"] == whole["items"]
    assert "continuation" not in rest


def test_a_policy_that_is_not_valid_is_refused_with_file_and_line(stage: Stage, muster: Run, tmp_path: Path) -> None:
    """422, each finding with its place; on the command line one line and 1."""
    wrong = EDITED.replace("rules:", "ruls:")
    answer = stage.post("/api/plans", {"policy": {"fleet.yaml": wrong}})
    file = tmp_path / "wrong.yaml"
    file.write_text(wrong)
    code, out, err = muster("plan", "--against", str(file))

    assert (answer.status, answer.headers["Content-Type"]) == (422, "application/problem+json")
    assert any(each["field"].startswith("fleet.yaml:4") for each in answer.body["errors"])
    assert (code, out) == (1, "")
    assert "rules" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"policy": ""}, 422),
        ({"policy": {}}, 400),
        ({"policy": 7}, 400),
        ({"cluster": "no-such"}, 400),
        (
            {
                "cluster": f"/subscriptions/{'9' * 8}-9999-9999-9999-{'9' * 12}/resourceGroups/g/providers"
                "/Microsoft.ContainerService/managedClusters/x"
            },
            422,
        ),
        ({"force": True}, 400),
    ],
)
def test_a_wish_that_cannot_be_is_refused(stage: Stage, body: object, status: int) -> None:
    """Before anything is kept."""
    assert stage.post("/api/plans", body).status == status


@pytest.mark.parametrize("plan", ["0" * 32, "nothing", "..%2fledger", "A" * 5000])
def test_there_is_no_other_document_behind_a_plans_address(stage: Stage, plan: str) -> None:
    """404, or what the host says to an address that long."""
    assert stage.get(f"/api/plans/{plan}").status in {404, 414}
    assert stage.post(f"/api/plans/{plan}/apply").status in {404, 414}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("plan", "--against", "no-such-thing"), "neither a file nor a git revision"),
        (("plan", "--against", "--output=x"), "neither a file nor a git revision"),
        (("plan", "--cluster", "no-such"), "names no cluster"),
        (("apply", "no-such.json"), "cannot be read"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(muster: Run, arguments: tuple[str, ...], words: str) -> None:
    """On stderr, with exit code 1 and nothing on stdout."""
    code, out, err = muster(*arguments)

    assert (code, out) == (1, "")
    assert words in err
    assert err.count("\n") == 1
