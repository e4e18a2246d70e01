"""Recorded runs of the official CLI, compared with ours: the same body, or the same refusal."""

import json
from pathlib import Path

import pytest

from shared.azureml.derivation import derive
from shared.cli.main import main
from shared.errors import SettingsError
from shared.model.arm import read_cluster
from shared.model.cluster import Cluster, Source

VECTORS = Path(__file__).parents[2] / "data" / "cli-parity.json"
CASES = json.loads(VECTORS.read_text())["cases"]
PROVIDERS = {"managedClusters": "Microsoft.ContainerService", "connectedClusters": "Microsoft.Kubernetes"}


def named(case):
    return f"case-{case['case']}"


def cluster_of(described) -> Cluster:
    group = f"/subscriptions/{described['subscriptionId']}/resourceGroups/{described['resourceGroup']}"
    kind = described["type"]
    return read_cluster(
        {**described, "id": f"{group}/providers/{PROVIDERS[kind]}/{kind}/{described['name']}"}, Source.ARM
    )


def booleans_lowered(settings):
    return {key: value.lower() if value.lower() in {"true", "false"} else value for key, value in settings.items()}


def run_render(tmp_path, capsys, cluster, settings, protected):
    """Run the command on files; its exit code and what it printed."""
    arguments = ["render"]
    for option, content in (("cluster", cluster), ("settings", settings), ("protected", protected)):
        path = tmp_path / f"{option}.json"
        path.write_text(json.dumps(content))
        arguments += [f"--{option}", str(path)]
    code = main(arguments)
    return code, json.loads(capsys.readouterr().out)


def test_there_are_forty_five_cases():
    """The recording is complete: a lost case would pass unseen."""
    assert len(CASES) == 45
    assert {case["expect"]["accepted"] for case in CASES} == {True, False}


@pytest.mark.parametrize("case", CASES, ids=named)
def test_command_equals_the_cli(case, tmp_path, capsys):
    """`muster render` prints the CLI's body, or its refusal, and leaves with 0 or 2."""
    expected = case["expect"]

    code, answer = run_render(tmp_path, capsys, case["cluster"], case["settings"], case["protectedSettings"])

    assert answer["accepted"] is expected["accepted"]
    if not expected["accepted"]:
        assert code == 2
        assert [error["message"][: len(expected["cliMessage"])] for error in answer["errors"]] == [
            expected["cliMessage"]
        ]
        assert answer["errors"][0]["setting"]
        return
    assert code == 0
    properties = answer["extension"]["properties"]
    assert booleans_lowered(properties["configurationSettings"]) == booleans_lowered(expected["configurationSettings"])
    assert sorted(properties["configurationProtectedSettings"]) == expected["protectedKeys"]
    assert set(properties["configurationProtectedSettings"].values()) <= {"***"}
    assert properties["scope"] == {"cluster": {"releaseNamespace": expected["releaseNamespace"]}}
    assert properties["releaseTrain"] == expected["releaseTrain"]
    assert properties["extensionType"] == "microsoft.azureml.kubernetes"
    assert "autoUpgradeMinorVersion" not in properties
    assert ("identity" in answer["extension"]) is (case["cluster"]["type"] == "connectedClusters")
    assert answer["relay"] == expected["relay"]
    assert set(answer["origins"]) == set(properties["configurationSettings"])


@pytest.mark.parametrize("case", CASES, ids=named)
def test_names_of_protected_settings_are_enough(case):
    """The product hands in names only, never values, and gets the same extension."""
    expected = case["expect"]

    def attempt():
        return derive(cluster_of(case["cluster"]), case["settings"], protected=tuple(case["protectedSettings"]))

    if not expected["accepted"]:
        with pytest.raises(SettingsError) as refused:
            attempt()
        assert refused.value.message.startswith(expected["cliMessage"])
        return
    desired = attempt()
    assert booleans_lowered(desired.settings) == booleans_lowered(expected["configurationSettings"])
    assert list(desired.protected) == expected["protectedKeys"]
