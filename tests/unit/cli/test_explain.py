"""`muster explain` puts what needs a person first, says where each value comes from, and leaves with the right code."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.cli.main import main
from shared.cli.show import harmless
from shared.model.check import CheckResult, Severity, Verdict
from shared.model.cluster import Cluster, Source
from shared.model.decision import Action, Decision
from shared.model.extension import DesiredExtension, Origin, Provenance
from shared.model.gates import Gates, Mode
from shared.model.identity import ClusterId, Kind
from shared.model.inside import Activity, Verification
from shared.model.observation import Memory, Observation
from shared.model.request import Reason
from shared.model.state import Condition, Hold, HoldCode, Management, State
from shared.report.explanation import exit_code, explanation

NOW = datetime(2026, 8, 22, 12, 0, tzinfo=UTC)
SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
CLUSTER = Cluster(
    ClusterId(SUBSCRIPTION, "rg", Kind.AKS, "clu-1"),
    "clu-1",
    "rg",
    "westeurope",
    {},
    Source.ARM,
    nodes=3,
    gpu=False,
    kubernetes_version="1.33.1",
)
CURRENT = State(Management.MANAGED, Condition.CURRENT)
SERVICE_PRINCIPAL = CheckResult(
    "service-principal", Severity.BLOCK, Verdict.FAILED, "It works under a service principal.", "Change it.", "Doc"
)
PROXY = CheckResult("outbound", Severity.WARN, Verdict.FAILED, "A proxy.", "Open these.")
UNSEEN = CheckResult("legacy", Severity.BLOCK, Verdict.NOT_EVALUATED, "the cluster was not looked into")
PASSED = CheckResult("power", Severity.BLOCK, Verdict.PASSED, "It runs.")
OFF = replace(PROXY, id="silent", severity=Severity.OFF)


def seen(**facts: object) -> Observation:
    return Observation(CLUSTER.id, Reason.MANUAL, Gates(Mode.ENFORCE), cluster=CLUSTER, **facts)


def standing(**facts: object) -> Decision:
    """A decision to do nothing about a sound cluster; `facts` replace fields."""
    return Decision(**({"action": Action.NOTHING, "state": CURRENT, "reason": "All settings are as wanted."} | facts))


def told(decision: Decision, **facts: object) -> list[str]:
    return list(explanation(seen(**facts), decision))


def place(lines: list[str], part: str) -> int:
    return next(number for number, line in enumerate(lines) if part in line)


def test_failing_checks_come_first_and_bring_their_remedies():
    """What blocks, then what warns, then what nobody could look at; passed ones are counted alone."""
    lines = told(standing(checks=(PASSED, UNSEEN, PROXY, OFF, SERVICE_PRINCIPAL)))

    order = [
        place(lines, part) for part in ("service-principal", "remedy: Change it.", "outbound", "remedy: Open", "legacy")
    ]
    assert order == sorted(order)
    assert not any("silent" in line or "power" in line for line in lines)
    assert any("1 of 5" in line for line in lines)


def test_a_hold_is_told_with_its_times():
    """Code, since when, and when the next look is due."""
    hold = Hold(HoldCode.PREFLIGHT, "service-principal", NOW - timedelta(hours=1), next=NOW + timedelta(hours=1))

    lines = told(standing(action=Action.HOLD, state=replace(CURRENT, hold=hold), reason="It works under one."))

    line = lines[place(lines, "Held ")]
    assert "preflight" in line
    assert "since 2026-08-22T11:00:00" in line
    assert "next look 2026-08-22T13:00:00" in line
    assert any("It works under one." in line for line in lines)


def test_a_step_that_the_mode_forbids_is_told_as_what_would_be_done():
    """Nothing, though Install was meant."""
    assert any("Nothing (would Install)" in line for line in told(standing(intended=Action.INSTALL)))


def test_rules_settings_differences_and_advice_are_told():
    """Each rule that was asked; each value with its origin; installed against wanted; names of what is secret."""
    desired = DesiredExtension(
        {"enableTraining": "true"},
        protected=("scoringFe.sslKey",),
        origins={"enableTraining": Provenance(Origin.PROFILE, "training")},
    )
    decision = standing(
        why=("gpu: gpu is false", "rest: it matches every cluster"),
        profile="training",
        rule="rest",
        desired=desired,
        changes={"installVolcano": ("false", "true")},
        advice=("consider this",),
    )

    text = "\n".join(told(decision))

    assert text.index("gpu: gpu is false") < text.index("rest: it matches every cluster")
    assert "training by rule rest" in text
    assert "enableTraining = true  (profile: training)" in text
    assert "installVolcano: false -> true" in text
    assert "scoringFe.sslKey" in text
    assert "consider this" in text


def test_what_was_last_seen_inside_the_cluster_is_told():
    """Remembered where this look did not go inside: when it was, what is missing, whether work ran."""
    known = Verification(NOW, components=True, faults=("amlarc-x is not ready",), activity=Activity.BUSY)

    (line,) = [each for each in told(standing(), memory=Memory(verification=known)) if each.startswith("Verified")]

    assert "amlarc-x is not ready" in line
    assert "work: busy" in line
    assert "2026-08-22T12:00:00" in line


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({}, 0),
        ({"checks": (PASSED, UNSEEN, OFF)}, 0),
        ({"action": Action.WAIT}, 0),
        ({"checks": (PROXY,)}, 2),
        ({"changes": {"a": ("1", "2")}}, 2),
        ({"action": Action.INSTALL}, 2),
        ({"intended": Action.INSTALL}, 2),
        ({"state": State(Management.MANAGED, Condition.CONFLICT)}, 2),
        ({"state": State(Management.HANDS_OFF, Condition.CONFLICT)}, 0),
        ({"action": Action.HOLD, "checks": (SERVICE_PRINCIPAL,)}, 3),
    ],
)
def test_the_exit_code_says_what_is_to_be_done(facts: dict[str, object], code: int):
    """0 nothing to do, 2 changes or findings, 3 held."""
    assert exit_code(standing(**facts)) == code


def test_a_line_holds_no_orders_for_the_terminal():
    """Tags and settings are anybody's words: line ends become spaces, control characters are shown as text."""
    assert harmless("  a\nb\x1b[31m\u202ec") == "  a b\\x1b[31m\\u202ec"


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({}, "MUSTER_SCOPE"),
        ({"MUSTER_SCOPE": SUBSCRIPTION}, "AzureWebJobsStorage"),
        ({"MUSTER_SCOPE": "nonsense", "AzureWebJobsStorage": "x"}, "nonsense"),
        ({"MUSTER_SCOPE": SUBSCRIPTION, "AzureWebJobsStorage": "AccountKey=sesame"}, "connection string"),
    ],
)
@pytest.mark.parametrize("command", [["explain", "clu-1"], ["import"]])
def test_a_wrong_setting_is_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    settings: dict[str, str],
    wanted: str,
    command: list[str],
):
    """It names the setting and never repeats an account's key; nothing goes to stdout, and the exit code is 1."""
    for name in ("MUSTER_SCOPE", "AzureWebJobsStorage", "AzureWebJobsStorage__accountName"):
        monkeypatch.delenv(name, raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)

    assert main(command) == 1

    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("muster: ")
    assert output.err.count("\n") == 1
    assert wanted in output.err
    assert "sesame" not in output.err


def test_a_policy_is_not_written_over_a_file(tmp_path, capsys: pytest.CaptureFixture[str]):
    """`muster import` refuses before it reads the fleet, for its tests' file as well."""
    (tmp_path / "new.tests.yaml").write_text("mine")

    assert main(["import", "--out", str(tmp_path / "new.yaml")]) == 1

    assert "new.tests.yaml exists already" in capsys.readouterr().err
    assert not (tmp_path / "new.yaml").exists()
