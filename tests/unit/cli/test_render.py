"""`muster render`: exit codes, warnings and errors, apart from what it derives."""

import json
import subprocess
import sys

import pytest

from shared.cli.main import main

CLUSTER = {
    "subscriptionId": "11111111-2222-3333-4444-555555555555",
    "type": "managedClusters",
    "name": "clu-1",
    "resourceGroup": "rg1",
    "location": "eastus",
    "properties": {"agentPoolProfiles": [{"name": "p", "count": 3}]},
}


@pytest.fixture
def run(tmp_path, capsys):
    """Run `muster render` on the given contents; its exit code, stdout and stderr."""

    def run_it(cluster=CLUSTER, settings=None, protected=None):
        arguments = ["render"]
        for option, content in (("cluster", cluster), ("settings", settings or {}), ("protected", protected)):
            if content is None:
                continue
            path = tmp_path / option
            path.write_text(content if isinstance(content, str) else json.dumps(content))
            arguments += [f"--{option}", str(path)]
        code = main(arguments)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run_it


def test_what_the_documentation_does_not_know_is_a_warning(run):
    """The CLI sends unknown keys and odd values; so does render, and says so."""
    settings = {
        "enableTraining": True,
        "instalVolcano": "False",
        "installPromOp": "auto",
        "installDcgmExporter": "maybe",
    }

    code, out, _ = run(settings=settings)
    answer = json.loads(out)

    assert code == 0
    sent = answer["extension"]["properties"]["configurationSettings"]
    assert {key: sent[key] for key in settings} == settings | {"enableTraining": "True"}
    assert any("installVolcano" in warning for warning in answer["warnings"])
    assert any("installDcgmExporter" in warning for warning in answer["warnings"])


def test_protected_values_are_not_shown(run):
    """Neither a connection string nor a path leaves the command."""
    code, out, err = run(
        settings={"enableTraining": "True"},
        protected={"relayServerConnectionString": "Endpoint=sb://secret", "sslKeyPemFile": "/home/me/secret.pem"},
    )

    assert code == 0
    assert "secret" not in out + err
    assert json.loads(out)["extension"]["properties"]["configurationProtectedSettings"] == {
        "relayServerConnectionString": "***",
        "relayserver.relayConnectionString": "***",
    }


def test_nested_values_are_refused(run):
    """A map of strings cannot hold them."""
    code, out, _ = run(settings={"enableTraining": "True", "nodeSelector": {"pool": "ml"}})

    assert code == 2
    assert [error["setting"] for error in json.loads(out)["errors"]] == ["nodeSelector"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"cluster": "{"}, "not JSON"),
        ({"cluster": "[]"}, "JSON object"),
        ({"cluster": {"name": "x"}}, "lacks subscriptionId"),
        ({"cluster": {**CLUSTER, "type": "fleets"}}, "managedClusters or connectedClusters"),
        ({"cluster": {**CLUSTER, "subscriptionId": "x"}}, "make no cluster's id"),
    ],
)
def test_unusable_files_are_errors(run, given, told):
    """Exit code 1, nothing on stdout and one line on stderr that says what is wrong."""
    code, out, err = run(**given)

    assert (code, out) == (1, "")
    assert told in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("arguments", [["render"], ["render", "--cluster", "/no/such/file"], ["nonsense"]])
def test_wrong_use_is_an_error(arguments, capsys):
    """Code 2 means findings, so that wrong use is 1."""
    assert main(arguments) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_missing_file_is_named(tmp_path, capsys):
    """The message names the file that cannot be read."""
    missing = tmp_path / "nothing.json"

    assert main(["render", "--cluster", str(missing), "--settings", str(missing)]) == 1
    assert str(missing) in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["--help"], ["render", "--help"]])
def test_help_is_no_error(arguments, capsys):
    """It goes to stdout and names the commands."""
    assert main(arguments) == 0
    assert "render" in capsys.readouterr().out


def test_help_loads_nothing_heavy():
    """The command line answers at once: neither Azure's libraries nor the policy's are imported for help."""
    program = (
        "import sys; from shared.cli.main import main; main(['--help']);"
        "print([m for m in sys.modules if m.split('.')[0] in {'azure', 'pydantic', 'celpy', 'ruamel', 'aiohttp'}])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603  our own interpreter

    assert done.stdout.splitlines()[-1] == "[]"
