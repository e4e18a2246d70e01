"""`muster apply`: which files it takes for a plan, before anybody is asked."""

import json

import pytest

from shared.cli.main import main


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (json.dumps({"id": None, "digest": "d", "items": []}), "A plan over a recorded fleet is not applied."),
        (json.dumps({"digest": "d"}), "is no plan"),
        (json.dumps({"id": "p"}), "is no plan"),
        ("[]", "is no plan"),
        ("no json", "is no plan"),
    ],
)
def test_what_is_no_plan_of_the_live_fleet_is_refused(content, why, tmp_path, capsys, monkeypatch):
    """1, and one line that names the file. No API is named here, so that asking it would be another refusal."""
    monkeypatch.delenv("MUSTER_API_URL", raising=False)
    file = tmp_path / "plan.json"
    file.write_text(content)

    assert main(["apply", str(file)]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert len(told.err.splitlines()) == 1
    assert str(file) in told.err
    assert why in told.err
