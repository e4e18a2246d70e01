"""Questions that start from the ARM body of a healthy cluster, with what a test changes in it."""

import copy
import json
from datetime import UTC, datetime
from pathlib import Path

from shared.azureml.preflight import CHECKS, Question, examine
from shared.model.arm import read_cluster
from shared.model.cluster import Source
from shared.model.inside import Existing, Inside, Node, Part
from shared.model.surroundings import Surroundings

SAMPLES = Path(__file__).parents[3] / "data" / "arm"
VERDICTS = ("passed", "failed", "not evaluated")
NOW = datetime(2026, 8, 20, 12, 0, tzinfo=UTC)
BODIES = {kind: json.loads((SAMPLES / f"{kind}_get.json").read_text()) for kind in ("aks", "arc")}
# What a rule for endpoints would send.
INFERENCE = {"enableTraining": "False", "enableInference": "True", "inferenceRouterServiceType": "LoadBalancer"}
TRAINING = {"enableTraining": "True", "enableInference": "False"}


def merged(old, new):
    """`new` laid over `old`, objects key by key; None stands for null."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return copy.deepcopy(new)
    return {**old, **{key: merged(old.get(key), value) for key, value in new.items()}}


def node(name="n1", **facts):
    """A healthy node of 4 cores."""
    given = {"labels": {}, "os": "linux", "arch": "amd64", "cpu": 3.9, "memory_gib": 12.5, "gpus": 0}
    return Node(name=name, **{**given, "ready": True, "schedulable": True, **facts})


def existing(part, release=None):
    """A component that stands in the cluster already."""
    return Existing(Part(part), "monitoring", f"the-{part}", release)


def inside(**facts):
    """A look inside the cluster; `nodes` and `existing` may be written as keywords of one each."""
    return Inside(NOW, access="user", **facts)


def ask(kind="aks", properties=None, *, settings=None, surroundings=None, seen=None, body=None, **fields):
    """A question about a healthy cluster whose properties are changed as given."""
    changed = merged(BODIES[kind], {"properties": properties or {}, **(body or {})})
    return Question(
        cluster=read_cluster(changed, Source.ARM),
        settings=settings or {},
        surroundings=Surroundings(**surroundings) if surroundings is not None else None,
        inside=inside(**seen) if seen is not None else None,
        now=NOW,
        **fields,
    )


def answer(check, question):
    """The answer of one check."""
    return next(result for result in examine(question) if result.id == check)


def told(check, question, verdict, words):
    """Compare one check's answer with what a case says: its verdict, words of its message or remedy."""
    result = answer(check, question)
    text = f"{result.message} {result.remedy}"
    assert (str(result.verdict), words in text) == (verdict, True), f"{result.verdict}: {text}"
    assert bool(result.remedy) is (verdict == "failed")
    assert result.source


def lacking(module, cases):
    """The checks of a module that have no positive, no negative or no not-evaluated case in a table."""
    wanted = {check.id for check in CHECKS if check.answer.__module__.endswith(f".preflight.{module}")}
    have = {(case[0], case[2]) for case in cases}
    assert wanted == {case[0] for case in cases}
    return sorted((each, verdict) for each in wanted for verdict in VERDICTS if (each, verdict) not in have)
