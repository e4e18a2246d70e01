"""Every kind of notice: what makes it, about whom, what it holds, and that its id follows from its cause alone."""

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.errors import Refused
from shared.fleet.announcing import Open, of_certificates, of_day, of_gates, of_policy, of_sweep
from shared.fleet.figures import Figures
from shared.model.gates import FleetGates
from shared.model.hand import Hand, Revert
from shared.model.notice import FLEET, Kind, Notice
from shared.model.observation import Known, Observation
from shared.model.state import Condition
from shared.policy.model import Enforcement, EnforcementTable, Policy
from shared.reconcile.act import Outcome, Sent
from shared.reconcile.candidates import Candidate, Verdict
from shared.reconcile.decide import decide
from shared.reconcile.generations import Standing
from shared.reconcile.notices import notices_of, refusal_of
from tests.unit.announced import Ground
from tests.unit.reconcile.worlds import NOW, SHIPPED, installed, looked_at, ready, removal

HOUR = timedelta(hours=1)
TAKEN_BACK = replace(SHIPPED, enforcement=EnforcementTable(drift_safe=Enforcement.ACT))
ASKS = replace(SHIPPED, enforcement=EnforcementTable(update_safe=Enforcement.APPROVE))
DOCUMENT = Path(__file__).parents[2] / "docs" / "notifications.md"
# What each notice about a cluster may hold of the cluster's state.
STATE = {"cluster", "condition", "hold", "reason", "profile", "generation", "action"}


@dataclass(frozen=True)
class Case:
    """How a notice comes about.

    Attributes:
        same: makes it, at a time; the cause is the same at any.
        other: makes it from another cause.
        data: what it holds, some of it; a value may be a function that says whether it is right.
    """

    kind: Kind
    subject: str
    same: Callable[[datetime], Notice]
    other: Callable[[], Notice]
    data: Mapping[str, Any]


def of_kind(kind: Kind, notices: tuple[Notice, ...] | list[Notice]) -> Notice:
    """The one of a kind."""
    (found,) = [each for each in notices if each.kind is kind]
    return found


def seen_as(seen: Observation, condition: Condition, since: datetime = NOW - HOUR, **memory: Any) -> Observation:
    """A look at a cluster that was in a condition since some time."""
    return replace(seen, memory=replace(seen.memory, known=Known(condition, since=since), **memory))


def look(kind: Kind, seen: Observation, other: Observation, policy: Policy = SHIPPED, **data: Any) -> Case:
    """A case of a look's own notice."""

    def told(observed: Observation, now: datetime) -> Notice:
        return of_kind(kind, notices_of(observed, decide(observed, policy, now), now))

    return Case(kind, str(seen.id), lambda now: told(seen, now), lambda: told(other, NOW), data)


def refusal() -> Case:
    """A case of a step that the service refuses for good; the next attempt is another cause."""

    def told(attempts: int, now: datetime) -> Notice:
        seen = looked_at(ready())
        seen = replace(seen, memory=replace(seen.memory, attempts=attempts))
        outcome = Outcome(Sent.REFUSED, Refused("no such train"))
        return of_kind(Kind.REFUSED, refusal_of(seen, decide(looked_at(ready()), SHIPPED, now), outcome, now))

    data = {"action": "Install", "reason": "no such train", "condition": "Missing"}
    return Case(Kind.REFUSED, str(ready().id), lambda now: told(0, now), lambda: told(1, NOW), data)


def announced(now: datetime, *standing: Mapping[str, Open]) -> list[Notice]:
    """What sweeps at a time tell that find these things open, from what was written down before."""
    ground = Ground(NOW - HOUR)
    asyncio.run(ground.sweeps({}))
    ground.now = now
    return asyncio.run(ground.sweeps(*standing))


def sweep(kind: Kind, *standing: dict[str, Open], **data: Any) -> Case:
    """A case of sweeps that find these things open, one after the other: their last tells it; once more is another."""

    def told(times: int, now: datetime) -> Notice:
        told = announced(now, *({}, *standing) * times)
        return [each for each in told if each.kind is kind][-1]

    return Case(kind, FLEET, lambda now: told(1, now), lambda: told(2, NOW), data)


SOUND, FAILED = installed(ready()), installed(ready(), state="Failed")
BROKEN = replace(SOUND.extensions[0], settings=dict(SOUND.extensions[0].settings) | {"enableTraining": "false"})
DRIFTED = replace(SOUND, extensions=(BROKEN,))
TIMED_OUT = replace(FAILED.extensions[0], error_message="Error: timed out waiting for the condition", modified_at=NOW)
TAG = looked_at(ready(tags={"aml-onboard": "perhaps"}))
REMOVED = replace(SOUND, extensions=(), intent=removal(SOUND.cluster))
UPGRADED = replace(SOUND, extensions=(replace(SOUND.extensions[0], current_version="1.1.79"),))
REVERTS = tuple(Revert(NOW - hours * HOUR, Hand.PERSON) for hours in (3, 2))
FATAL = replace(TIMED_OUT, error_message="another cluster role cannot be imported into the current release")
GATES = FleetGates("d", 0, "Ring 'canary' waits.", "ring-d-canary", "3 failed.", {"timeout": "too many."}, "a slip.")
PENDING = Candidate("c", Verdict.LARGE, "It would change 90 clusters.")
ENDS = datetime(2026, 9, 1, tzinfo=UTC)


def begins(name: str) -> Callable[[object], bool]:
    """Whether a text begins so."""
    return lambda value: str(value).startswith(name)


def failed(since: datetime = NOW - HOUR) -> Observation:
    """A look at what failed and may not be tried again so soon."""
    seen = replace(FAILED, extensions=(FATAL,))
    return seen_as(seen, Condition.FAILED_INSTALL, since, attempts=1, failed_at=NOW, sent_at=NOW - HOUR)


def without(*settings: str) -> Observation:
    """A look at an extension to which the policy wants these settings added."""
    there = {key: value for key, value in SOUND.extensions[0].settings.items() if key not in settings}
    return seen_as(replace(SOUND, extensions=(replace(BROKEN, settings=there),)), Condition.CURRENT, sent="v1:another")


CASES = [
    look(
        Kind.INSTALLED,
        seen_as(SOUND, Condition.INSTALLING, succeeded=False, attempts=1),
        seen_as(SOUND, Condition.INSTALLING, succeeded=False, sent_at=NOW),
        attempts=2,
        condition="Current",
        profile="poc-aks",
    ),
    look(
        Kind.FAILED,
        seen_as(replace(FAILED, extensions=(TIMED_OUT,)), Condition.INSTALLING),
        seen_as(replace(FAILED, extensions=(replace(TIMED_OUT, modified_at=NOW + HOUR),)), Condition.INSTALLING),
        condition="FailedInstall",
        failure="timed-out",
        remedy=begins("Pods or a load balancer"),
        **{"class": "operator"},
    ),
    refusal(),
    look(
        Kind.DRIFTED,
        seen_as(DRIFTED, Condition.CURRENT),
        seen_as(DRIFTED, Condition.CURRENT, NOW),
        settings=["enableTraining"],
        condition="Drifted",
    ),
    look(
        Kind.REPAIRED,
        seen_as(SOUND, Condition.FAILED_UPDATE, failed_at=NOW - HOUR),
        seen_as(SOUND, Condition.FAILED_UPDATE, failed_at=NOW - HOUR, sent_at=NOW),
        before="FailedUpdate",
        condition="Current",
    ),
    look(Kind.QUARANTINED, failed(), failed(since=NOW), hold="quarantine", approval=begins("retry-")),
    look(
        Kind.CONTESTED,
        seen_as(DRIFTED, Condition.DRIFTED, reverts=REVERTS),
        seen_as(DRIFTED, Condition.DRIFTED, NOW, reverts=REVERTS),
        TAKEN_BACK,
        hold="contested",
        intended="Update",
        approval=begins("revert-"),
    ),
    look(
        Kind.TAG_INVALID,
        TAG,
        seen_as(TAG, Condition.CURRENT),
        hold="tag-invalid",
        reason=lambda told: "perhaps" in told,
    ),
    look(
        Kind.REMOVED,
        seen_as(REMOVED, Condition.REMOVING),
        seen_as(REMOVED, Condition.REMOVING, NOW),
        condition="Missing",
    ),
    look(
        Kind.UPGRADED,
        seen_as(UPGRADED, Condition.CURRENT, version="1.1.60"),
        seen_as(UPGRADED, Condition.CURRENT, version="1.1.70"),
        before="1.1.60",
        now="1.1.79",
    ),
    look(
        Kind.APPROVAL_NEEDED,
        without("enableTraining"),
        without("enableInference"),
        ASKS,
        hold="approval",
        intended="Update",
        approval=begins("change-"),
    ),
    sweep(
        Kind.APPROVAL_NEEDED,
        of_gates(replace(GATES, mass=""), 7),
        approval="ring-d-canary",
        reason="Ring 'canary' waits.",
    ),
    sweep(Kind.APPROVAL_NEEDED, of_gates(replace(GATES, approval=""), 7), approval="mass-selection", reason="a slip."),
    sweep(Kind.BREAKER_OPENED, of_gates(GATES, 7), reason="too many.", **{"class": "timeout"}),
    sweep(Kind.BREAKER_CLOSED, of_gates(GATES, 7), {}, what="breaker/timeout", **{"class": "timeout"}),
    sweep(Kind.ROLLOUT_STOPPED, of_gates(GATES, 7), generation=7, reason="3 failed."),
    sweep(Kind.SWEEP_PARTIAL, of_sweep(whole=False, trouble="a role is missing."), reason="a role is missing."),
    sweep(Kind.SWEEP_WHOLE, of_sweep(whole=False, trouble="a role is missing."), {}, what="sweep"),
    sweep(
        Kind.POLICY_PENDING,
        of_policy(Standing("a", 1, "", None, "", PENDING)),
        digest="c",
        approval="policy-c",
        reason="It would change 90 clusters.",
    ),
    sweep(
        Kind.POLICY_REFUSED,
        of_policy(Standing("a", 1, "", {"digest": "b", "at": "now", "findings": ["rulez"]}, "", None)),
        digest="b",
        at="now",
        findings=["rulez"],
    ),
    sweep(Kind.DAILY_DIGEST, of_day(Figures(NOW), NOW), clusters=0, managed=0, compliant=0, condition={}),
]


def certificate(ends: datetime, now: datetime = NOW) -> Notice:
    """A certificate that ends soon, as a sweep tells of it."""
    return of_kind(Kind.CERTIFICATE_EXPIRING, announced(now, of_certificates({"https://v/secrets/c": ends})))


# One that comes again is another certificate.
CASES.append(
    Case(
        Kind.CERTIFICATE_EXPIRING,
        FLEET,
        lambda now: certificate(ENDS, now),
        lambda: certificate(ENDS + HOUR),
        {"certificate": "https://v/secrets/c", "expires": ENDS.isoformat()},
    )
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.kind.value)
def test_a_kind_is_told_from_its_cause(case: Case) -> None:
    """About its subject, with what a reader needs; the same cause has one id at any time, another cause another."""
    notice, later, other = case.same(NOW), case.same(NOW + timedelta(minutes=1)), case.other()
    wrong = {
        key: notice.data.get(key)
        for key, wanted in case.data.items()
        if not (wanted(notice.data.get(key)) if callable(wanted) else notice.data.get(key) == wanted)
    }

    assert (notice.kind, notice.subject, notice.at) == (case.kind, case.subject, NOW)
    assert wrong == {}
    assert (later.id, later.data) == (notice.id, notice.data)
    assert (other.kind, other.subject) == (notice.kind, notice.subject)
    assert other.id != notice.id


def test_every_kind_has_a_case() -> None:
    """A kind that nothing brings about would be a promise that nobody keeps."""
    assert {case.kind for case in CASES} == set(Kind)


def test_the_table_for_subscribers_names_what_each_kind_holds() -> None:
    """docs/notifications.md, beside the cluster's state: no name too many, none too few."""
    rows = re.findall(r"^\| (`[A-Z]\w+`) \|[^|]*\|(.*)\|$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    documented = {kind.strip("`"): set(re.findall(r"`(\w+)`", names)) - STATE for kind, names in rows}
    held: dict[str, set[str]] = {kind.value: set() for kind in Kind}
    for case in CASES:
        held[case.kind.value] |= case.same(NOW).data.keys() - STATE

    assert documented == held
