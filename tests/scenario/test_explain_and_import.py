"""`muster explain` and `muster import` against a running fleet: what they tell, and that they change nothing.

The tests go from one to the next in the order of this file: at the end the imported policy is put in force.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from devhost.child import clean_environment
from shared.model.identity import ClusterId
from tests.scenario.stage import SELECTED, SUBSCRIPTION, TIMING, Stage

OTHER_SUBSCRIPTION = "99999999-9999-9999-9999-999999999999"
# Nothing listens there.
NOWHERE = "127.0.0.1:9"
TRAINING = {"enableTraining": "True", "enableInference": "False"}
SERVING = {
    "enableTraining": "true",
    "enableInference": "TRUE",
    "inferenceRouterServiceType": "loadbalancer",
    "allowInsecureConnections": "true",
}


@pytest.fixture(scope="module")
def sound(stage: Stage) -> str:
    """A cluster that Muster installed."""
    stage.control.subscribe(stage.events_url(), "EventGridSchema")
    cluster = stage.control.create_cluster(kind="aks", name="sound", subscription=SUBSCRIPTION, tags=SELECTED)
    stage.installed(cluster)
    return cluster


@pytest.fixture(scope="module")
def unfit(stage: Stage, sound: str) -> str:
    """A cluster that works under a service principal, and is therefore held."""
    assert sound
    cluster = stage.control.create_cluster(
        kind="aks",
        name="unfit",
        subscription=SUBSCRIPTION,
        tags=SELECTED,
        properties={"servicePrincipalProfile": {"clientId": "0c0ffee0-0000-0000-0000-000000000009"}},
    )
    stage.until(lambda: (stage.memory(cluster).get("state") or {}).get("hold"), "the cluster to be held")
    return cluster


def failed(told: subprocess.CompletedProcess[str]) -> str:
    """The one line on stderr of a command that left with 1."""
    assert told.returncode == 1, told.stderr
    assert told.stdout == ""
    assert told.stderr.startswith("muster: ")
    assert told.stderr.count("\n") == 1, told.stderr
    return told.stderr


def by_the_api(stage: Stage, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line as somebody who has the API's address and a key, and nothing else."""
    own = {"MUSTER_API_URL": stage.stack.host_urls[0], "MUSTER_API_KEY": stage.stack.key}
    return subprocess.run(  # noqa: S603  our own command
        [str(Path(sys.executable).with_name("muster")), *arguments],
        env=clean_environment() | own,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def lasting(text: str) -> str:
    """An explanation without the moments of its reading."""
    return re.sub(r"\d{4}-\d\d-\d\dT[\d:.+]+", "<moment>", text)


def test_the_api_explains_in_the_same_words(stage: Stage, sound: str, unfit: str) -> None:
    """To whoever may read the API and nothing else: the same lines and code; as JSON what the API says."""
    for cluster in (sound, unfit):
        told, own = by_the_api(stage, "explain", cluster), stage.muster("explain", cluster)
        assert (told.stderr, told.returncode, lasting(told.stdout)) == ("", own.returncode, lasting(own.stdout))
    asked = json.loads(by_the_api(stage, "explain", "SOUND", "-o", "json").stdout)

    assert asked["id"] == sound.lower()
    assert "No cluster that Muster knows" in failed(by_the_api(stage, "explain", "nobody"))


def test_a_sound_cluster_is_explained_by_its_name(stage: Stage, sound: str) -> None:
    """Nothing to do: exit code 0; the rule that won and those before it; plain text without escape sequences."""
    told = stage.muster("explain", "SOUND")

    assert told.returncode == 0, told.stdout + told.stderr
    assert told.stderr == ""
    assert told.stdout.startswith(sound.lower())
    assert "asked-by-tag: tag aml-profile is not set" in told.stdout
    assert "by rule proof-of-concept-on-aks" in told.stdout
    assert re.search(r"enableTraining = true +\(profile: training\)", told.stdout)
    assert "\x1b" not in told.stdout


def test_a_held_cluster_is_explained_with_its_remedy(stage: Stage, unfit: str) -> None:
    """The failing check comes first, with what to do; what could not be looked at is no success. Exit code 3."""
    told = stage.muster("explain", unfit)

    assert told.returncode == 3, told.stdout + told.stderr
    assert "held: preflight" in told.stdout
    check = told.stdout.index("[block] service-principal")
    assert check < told.stdout.index("remedy: ", check) < told.stdout.index("preflight checks passed")


def test_json_says_what_the_api_says(stage: Stage, unfit: str) -> None:
    """The same words for the same facts, whoever asks."""
    told = stage.muster("explain", unfit, "-o", "json")
    body = json.loads(told.stdout)
    shown = stage.cluster(unfit)

    assert told.returncode == 3
    same = ("action", "profile", "rule", "why", "settings", "changes", "facts", "preflight")
    assert {name: body[name] for name in same} == {name: shown[name] for name in same}
    assert body["state"]["hold"]["code"] == "preflight"


def test_explaining_writes_nothing_and_puts_no_policy_in_force(stage: Stage, sound: str, tmp_path: Path) -> None:
    """A person's own policy file is not what the fleet works by, though his settings name it."""
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        "version: 1\nprofiles: {mine: {settings: {enableTraining: true}}}\nrules: [{name: all, profile: mine}]\n"
    )
    before, mark = stage.get("/api/policy").body, stage.mark()

    told = stage.muster("explain", sound, MUSTER_POLICY=str(mine))
    tried = stage.muster("explain", sound, "--policy", str(mine), "-o", "json")

    assert "poc-aks" in told.stdout
    assert json.loads(tried.stdout)["rule"] == "all"
    assert stage.get("/api/policy").body == before
    assert stage.control.writes(mark) == []


def test_names_that_lead_nowhere_are_told(stage: Stage, sound: str) -> None:
    """Two clusters of one name are listed; unknown names, ids out of scope and no ids at all say so."""
    twins = [
        stage.control.create_cluster(
            kind=kind, name="twin", subscription=SUBSCRIPTION, resource_group="rg-twins", emit=False
        )
        for kind in ("aks", "arc")
    ]

    line = failed(stage.muster("explain", "twin"))

    assert all(twin.lower() in line for twin in twins)
    assert "nobody" in failed(stage.muster("explain", "nobody"))
    elsewhere = sound.replace(SUBSCRIPTION, OTHER_SUBSCRIPTION)
    assert "outside MUSTER_SCOPE" in failed(stage.muster("explain", elsewhere))
    assert "not the ARM id" in failed(stage.muster("explain", "/subscriptions/x"))
    assert "does not exist" in failed(stage.muster("explain", f"{sound}-gone"))


@pytest.mark.parametrize("command", ["explain sound", "explain {id}", "import"])
def test_an_azure_that_does_not_answer_is_one_line(stage: Stage, sound: str, command: str) -> None:
    """No traceback; what to look at is named."""
    arguments = command.format(id=sound).split()
    line = failed(stage.muster(*arguments, MUSTER_ARM_ENDPOINT=f"https://{NOWHERE}"))

    assert "did not answer" in line
    assert "MUSTER_ARM_ENDPOINT" in line


def test_a_storage_account_that_does_not_answer_is_one_line(stage: Stage, sound: str) -> None:
    """No traceback, and nothing of the account's key."""
    connection = re.sub(r"127\.0\.0\.1:\d+", NOWHERE, stage.stack.storage_connection_string)
    key = re.search(r"AccountKey=([^;]+)", connection)

    line = failed(stage.muster("explain", sound, AzureWebJobsStorage=connection))

    assert "storage account did not answer" in line
    assert key is not None
    assert key[1] not in line


# The import


def hand_made(stage: Stage) -> dict[str, dict[str, Any]]:
    """Thirty clusters with extensions that people installed, each in a way of his own; by cluster."""
    wanted = [
        {
            "kind": "arc" if number % 2 else "aks",
            "name": f"hand-{number}",
            "subscription": SUBSCRIPTION,
            "resource_group": f"rg-hand-{number % 4}",
            "tags": {"team": f"t{number % 3}"},
            "emit": False,
        }
        for number in range(30)
    ]
    planted = {}
    for number, cluster in enumerate(stage.control.create_clusters(wanted)):
        settings = dict(SERVING if number % 3 else TRAINING)
        settings |= {"installVolcano": "FALSE"} if number % 5 == 0 else {}
        settings |= {"contoso.secret": "sesame"} if number % 7 == 0 else {}
        properties = {
            "extensionType": "Microsoft.AzureML.Kubernetes",
            "configurationSettings": settings,
            "releaseTrain": "Preview" if number % 6 == 0 else "stable",
            "autoUpgradeMinorVersion": number % 4 != 0,
        }
        properties |= {"version": "1.1.79"} if number % 4 == 0 else {}
        name = ["azureml", "ml", "amlarc"][number % 3]
        planted[cluster] = {
            "cluster_id": cluster,
            "name": name,
            "properties": properties,
            "created_by": "eva@example.com",
        }
    stage.control.put_extensions(list(planted.values()))
    return planted


def test_an_imported_policy_changes_nothing(stage: Stage, sound: str, tmp_path: Path) -> None:
    """Written, valid, its tests pass; and with every cluster selected it leads to no write at all."""
    planted = hand_made(stage)
    mark = stage.mark()
    out = tmp_path / "imported.yaml"

    told = stage.muster("import", "--out", str(out))

    # Templates forgot what the CLI always sends: that is told, and is why the exit code is 2.
    assert told.returncode == 2, told.stderr
    assert "differs in what is always sent" in told.stderr
    assert "contoso.secret: not a setting that is known" in told.stderr
    assert "sesame" not in told.stderr + out.read_text() + out.with_name("imported.tests.yaml").read_text()
    by_api = by_the_api(stage, "import")
    assert by_the_api(stage, "snapshot", "--out", str(tmp_path / "fleet.json.gz")).returncode == 0
    offline = by_the_api(stage, "import", "--recorded", str(tmp_path / "fleet.json.gz"))
    assert [(each.stdout, each.returncode) for each in (by_api, offline)] == [(out.read_text(), 2)] * 2
    assert stage.muster("lint", str(out)).returncode == 0
    tested = stage.muster("test", str(out))
    assert tested.returncode == 0, tested.stdout
    assert "31 of 31 tests passed" in tested.stderr

    for cluster in planted:
        stage.control.set_tags(cluster, stage.control.cluster(cluster)["tags"] | SELECTED, emit=False)
    times = ", ".join(f"{name}: {value}" for name, value in TIMING.items())
    in_force = tmp_path / "in-force.yaml"
    in_force.write_text(f"{out.read_text()}remediation:\n  timing: {{{times}}}\n")
    stage.stack.restart_host(0, {"MUSTER_POLICY": str(in_force)})
    stage.sweep()
    for cluster in planted:
        assert stage.post(f"/api/clusters/{ClusterId.parse(cluster).key}/reconcile").status == 202
    stage.settled(*planted)

    assert [entry for entry in stage.control.writes(mark) if "/extensions/" in entry["path"].lower()] == []
    for cluster in planted:
        assert stage.memory(cluster)["state"]["management"] == "Managed"
        assert stage.memory(cluster)["profile"]
    again = stage.muster("explain", next(iter(planted)))
    assert "Installed by somebody else and adopted as a baseline" in again.stdout
    assert stage.writes(sound, mark) == []


def test_a_policy_on_stdout_can_be_piped(stage: Stage, sound: str) -> None:
    """Without --out the policy alone goes to stdout; what a person should know goes to stderr."""
    assert sound
    told = stage.muster("import")

    assert told.stdout.startswith("# Written by `muster import`")
    assert "\x1b" not in told.stdout + told.stderr
    assert "installs; a plan shows" in told.stderr
