"""Texts of failures as people met them, what they are taken for, and the page that lists the families."""

import json
import re
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.azureml.failures import CODE_STEPS, FAMILIES, UNKNOWN, FailureClass, Step, classify, with_report
from shared.azureml.healthcheck import CODES, findings_in
from shared.policy.model import Policy
from shared.report.remedies import FAILURES

ROOT = Path(__file__).parents[3]
TEXTS = json.loads((ROOT / "tests/data/failure-texts.json").read_text(encoding="utf-8"))
OPERATION = "ExtensionOperationFailed"
NEARLY = [
    *sorted({part for family in FAMILIES for phrase in family.phrases for part in phrase.split(" ... ")}),
    *("\u0130", "Status: Failed ErrorCode: E40001 ", "\n", "ErrorMessage:", "[ InnerError: ["),
]
HEALTHCHECK = classify(OPERATION, "failed pre-install: pod healthcheck failed")


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: f"{text['family']}-{text['source'][:30]}")
def test_seen_texts_are_known(text):
    """Each text that somebody met leads to its family, class and step, and to a remedy."""
    failure = classify(text["code"], text["message"])

    assert (failure.family, failure.klass, failure.step) == (text["family"], text["class"], text["step"])
    assert failure.remedy.endswith((".", ")."))


def test_the_catalogue_has_its_texts():
    """Fifty texts and more, each with its source, no two alike, at least one for every family."""
    assert len(TEXTS) >= 50
    assert all(text["source"] for text in TEXTS)
    assert len({(text["code"], text["message"]) for text in TEXTS}) == len(TEXTS)
    assert {text["family"] for text in TEXTS} >= {family.failure.family for family in FAMILIES}


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: f"{text['family']}-{text['source'][:30]}")
def test_a_text_is_known_inside_arms_wrapping(text):
    """What ARM puts around a text, and letter case, do not hide it."""
    message = f"Error: [ InnerError: [{text['code']} {text['message']}]] For general troubleshooting visit: x"

    assert classify(OPERATION, message.upper()).family == text["family"]
    assert classify(OPERATION, message).family == text["family"]


@pytest.mark.parametrize(
    ("message", "family"),
    [
        ("failed calling webhook x: no endpoints available for service y: timed out waiting for the condition", "i"),
        ("is forbidden: unable to create new content because it is being terminated: already exists", "n"),
        ("ImagePullBackOff: failed pre-install: pod healthcheck failed", "r"),
        ("extensionaddons/x Error code: Forbidden AuthorizationFailed", "s"),
        ("pod healthcheck failed: timed out waiting for the condition", "h"),
    ],
)
def test_the_cause_goes_before_the_symptom(message, family):
    """A text that tells cause and consequence is classified by the cause."""
    causes = {
        "i": "ingress-webhook-race",
        "n": "namespace-terminating",
        "r": "registry-unreachable",
        "s": "subscription-registration",
        "h": "healthcheck",
    }

    assert classify(OPERATION, message).family == causes[family]


@given(st.text(), st.text())
def test_any_text_is_answered(code, message):
    """Whatever Azure invents, there is an answer."""
    assert classify(code, message).remedy


@given(st.lists(st.sampled_from([p for family in FAMILIES for p in family.phrases]), max_size=6), st.text(max_size=9))
def test_any_mixture_of_known_words_is_answered(phrases, between):
    """The first family in the catalogue's order that knows the text wins, whatever stands around it."""
    message = between.join(phrase.replace(" ... ", between) for phrase in phrases)
    known = [family.failure.family for family in FAMILIES if family.tells(f" {message}".lower())]

    assert classify("", message).family.partition("-E4")[0] == (known[0] if known else "unknown")


def test_an_unseen_text_is_unknown():
    """It is not forced into a family, and may be tried again."""
    failure = classify(OPERATION, "the moon is in the wrong phase")

    assert (failure.klass, failure.step) == (FailureClass.UNKNOWN, Step.SEND_AGAIN)


@pytest.mark.parametrize("piece", NEARLY)
def test_long_texts_take_no_time(piece):
    """A hundred thousand characters of nearly fitting words are answered in well under a second."""
    started = time.perf_counter()
    classify(OPERATION, piece * (100_000 // len(piece)))

    assert time.perf_counter() - started < 1


def test_the_end_of_a_long_text_is_read():
    """Helm's reason stands last, however long the story before it."""
    assert classify(OPERATION, "x" * 100_000 + " timed out waiting for the condition").family == "timed-out"


def test_waits_that_documents_name_are_kept():
    """An hour for Helm's pending operations and names in use, ten minutes for one that runs."""
    patience = {family.failure.family: family.failure.patience for family in FAMILIES if family.failure.patience}

    assert patience == {
        "helm-busy": timedelta(minutes=10),
        "helm-operation-pending": timedelta(hours=1),
        "name-in-use": timedelta(hours=1),
    }


def test_steps_fit_their_class():
    """What fails for good is not sent again as it is, and what passes by itself needs no person."""
    steps = {(family.failure.klass, family.failure.step) for family in FAMILIES}

    assert (FailureClass.PERMANENT, Step.SEND_AGAIN) not in steps
    assert {step for klass, step in steps if klass is FailureClass.TRANSIENT} == {Step.SEND_AGAIN}
    assert (FailureClass.WAIT, Step.NONE) not in steps


@pytest.mark.parametrize(
    ("code", "klass", "step"),
    [
        ("E40001", FailureClass.PERMANENT, Step.PATCH),
        ("E40007", FailureClass.PERMANENT, Step.PATCH),
        ("E45002", FailureClass.PERMANENT, Step.PATCH),
        ("E45003", FailureClass.OPERATOR, Step.NONE),
        ("E45005", FailureClass.OPERATOR, Step.NONE),
    ],
)
def test_a_report_refines_a_failed_healthcheck(code, klass, step):
    """The code inside the cluster says what ARM does not."""
    failure = with_report(HEALTHCHECK, findings_in(f"Status: Failed Name: x ErrorCode: {code} ErrorMessage: because"))

    assert (failure.family, failure.klass, failure.step) == (f"healthcheck-{code}", klass, step)
    assert CODES[code].remedy in failure.remedy
    assert "because" in failure.remedy


def test_the_first_critical_code_counts():
    """Diagnostic ones before it do not."""
    report = "\n".join(f"Status: Failed Name: x ErrorCode: {code}" for code in ("E45003", "E40002", "E40001"))

    assert with_report(HEALTHCHECK, findings_in(report)).family == "healthcheck-E40002"


def test_an_unknown_code_leaves_the_class():
    """Nothing is made up about a code that no table has."""
    failure = with_report(HEALTHCHECK, findings_in("Status: Failed Name: x ErrorCode: E41234 ErrorMessage: new"))

    assert failure.family == "healthcheck-E41234"
    assert (failure.klass, failure.step) == (HEALTHCHECK.klass, HEALTHCHECK.step)


@pytest.mark.parametrize("message", ["timed out waiting for the condition", "the moon is in the wrong phase"])
def test_a_report_is_told_beside_a_symptom(message):
    """A time-out or an unknown text keeps its class: the report may be an older one."""
    failure = classify(OPERATION, message)
    told = with_report(failure, findings_in("Status: Failed Name: x ErrorCode: E40001"))

    assert replace(told, remedy=failure.remedy) == failure
    assert "E40001" in told.remedy


def test_a_report_changes_no_other_failure():
    """A lock is a lock; and without findings nothing changes at all."""
    lock = classify("ScopeLocked", "")

    assert with_report(lock, findings_in("Status: Failed Name: x ErrorCode: E40001")) == lock
    assert with_report(HEALTHCHECK, ()) == HEALTHCHECK


def test_every_code_has_its_step():
    """The table of codes and the table of their steps name the same."""
    assert list(CODE_STEPS) == list(CODES)


def _rows(heading: str, page: str = "failures.md") -> list[list[str]]:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    section = text.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = re.findall(r"^\| (\[?`.*) \|$", section, re.MULTILINE)
    plain = [re.sub(r"\[(`[^`]+`)\]\([^)]*\)", r"\1", line) for line in lines]
    return [[cell.strip().strip("`") for cell in line.split(" | ")] for line in plain]


def _told(pause: timedelta) -> str:
    minutes = int(pause.total_seconds() // 60)
    return {0: "", 60: "1 hour"}.get(minutes, f"{minutes} minutes")


TOLD = [family.failure for family in FAMILIES] + [UNKNOWN]


def test_the_page_lists_the_families():
    """docs/failures.md has each family in the order in which they are tried, with its class."""
    assert _rows("Families") == [[f.family, f.klass] for f in TOLD]


def test_each_class_has_its_page():
    """docs/failures has one page a class, no other, and failures.md leads to each."""
    index = (ROOT / "docs/failures.md").read_text(encoding="utf-8")

    assert {page.stem for page in (ROOT / "docs/failures").iterdir()} == {klass.value for klass in FailureClass}
    assert [klass for klass in FailureClass if f"(failures/{klass.value}.md)" not in index] == []


@pytest.mark.parametrize("klass", FailureClass)
def test_the_page_of_a_class_says_what_the_code_does(klass):
    """The same five headings, the page's remedy, the attempts of the default policy, and each family's row."""
    page = (ROOT / f"docs/failures/{klass.value}.md").read_text(encoding="utf-8")
    attempts = Policy("").attempts.get(klass, Policy("").max_attempts)

    assert re.findall(r"^## (.+)$", page, re.MULTILINE) == [
        "What it looks like",
        "What usually causes it",
        "What Muster does by itself",
        "What you do",
        "How you know that it is over",
    ]
    assert page.split("\n\n")[1] == FAILURES[klass]
    assert f"Attempts before quarantine: {attempts}, unless" in page
    assert _rows("What usually causes it", f"failures/{klass.value}.md") == [
        [f.family, f.step, _told(f.patience), f.remedy] for f in TOLD if f.klass is klass
    ]


@pytest.mark.parametrize("klass", FailureClass)
def test_the_examples_of_a_class_belong_to_it(klass):
    """Each message that a page quotes is classified as that page says."""
    page = (ROOT / f"docs/failures/{klass.value}.md").read_text(encoding="utf-8")
    [examples] = re.findall(r"```text\n(.*?)\n```", page, re.DOTALL)

    assert {line: classify("", line).klass for line in examples.splitlines()} == dict.fromkeys(
        examples.splitlines(), klass
    )


def test_the_page_lists_the_codes():
    """And each code of the healthcheck."""
    assert _rows("Codes of the healthcheck") == [
        [code, known.name, "yes" if code < "E45000" else "no", *CODE_STEPS[code], known.remedy]
        for code, known in CODES.items()
    ]


def test_the_page_explains_every_word():
    """Classes and steps are explained in the order of the code."""
    words = [row[0] for row in _rows("What the words mean")]

    assert words == [*FailureClass, *Step]
