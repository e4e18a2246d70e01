"""`muster lint` tells every finding and leaves with the documented codes."""

import json
from pathlib import Path

from shared.cli.lint import lint
from shared.cli.main import main
from shared.cli.output import Output


def test_a_valid_policy_leaves_with_0(capsys, tmp_path: Path):
    """Warnings are told, and are no findings."""
    path = tmp_path / "policy.yaml"
    path.write_text("version: 1\nprofiles: {p: {settings: {InferenceRouterHA: false}}}\n")

    assert lint(path) == 0
    assert capsys.readouterr().out.startswith("warning: policy.yaml:2 profiles.p.settings.InferenceRouterHA:")


def test_findings_are_data_and_leave_with_2(capsys, tmp_path: Path):
    """One line a finding on stdout, with file and line; the count goes to stderr."""
    path = tmp_path / "policy.yaml"
    path.write_text("version: 1\nadoption: {mode: keep}\nselect: {tga: x}\n")

    assert lint(path) == 2
    told = capsys.readouterr()
    assert [line.split()[0] for line in told.out.splitlines()] == ["policy.yaml:2", "policy.yaml:3"]
    assert "2 findings" in told.err


def test_a_policy_that_cannot_be_read_leaves_with_1(capsys, tmp_path: Path):
    """The message names the path; nothing goes to stdout."""
    assert lint(tmp_path / "nope.yaml") == 1
    told = capsys.readouterr()
    assert "nope.yaml" in told.err
    assert told.out == ""


def test_the_command_line_tells_file_line_and_what_to_do(capsys, tmp_path: Path):
    """`muster lint <path>` leaves with 2, a finding a line, and no traceback."""
    path = tmp_path / "policy.yaml"
    path.write_text("version: 1\nadoption: {mode: keep}\n")

    assert main(["lint", str(path)]) == 2
    told = capsys.readouterr()
    assert told.out.startswith("policy.yaml:2 adoption.mode:")
    assert "baseline" in told.out
    assert "Traceback" not in told.out + told.err


def test_the_same_as_json(capsys, tmp_path: Path):
    """Findings and remarks with their places, whether it is valid, the digest; the exit codes stay."""
    path = tmp_path / "policy.yaml"
    path.write_text("version: 1\nadoption: {mode: keep}\n")
    code = lint(path, output=Output.JSON)
    bad = json.loads(capsys.readouterr().out)
    path.write_text("version: 1\nprofiles: {p: {settings: {InferenceRouterHA: false}}}\n")
    good = lint(path, output=Output.JSON)
    told = json.loads(capsys.readouterr().out)

    assert (code, bad["valid"]) == (2, False)
    assert [each["where"] for each in bad["findings"]] == ["policy.yaml:2 adoption.mode"]
    assert (good, told["valid"], told["findings"]) == (0, True, [])
    assert [(each["code"], each["where"]) for each in told["warnings"]] == [
        ("setting", "policy.yaml:2 profiles.p.settings.InferenceRouterHA"),
        ("unused-profile", "profiles.p"),
    ]
    assert "sent as inferenceRouterHA" in told["warnings"][0]["message"]
