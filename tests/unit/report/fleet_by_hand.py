"""A fleet that was made by hand, with something for every part of the overview."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.fleet.inventory import Fleet
from shared.fleet.ledger import Ledger, RingRecord
from shared.fleet.snapshot import Entry
from shared.model.gates import FleetGates, Mode
from shared.model.intent import FleetVerb, FleetWord
from shared.policy.matching import Match
from shared.policy.model import Policy
from shared.policy.rollout import BlastRadius, Ring, Rollout
from shared.reconcile.candidates import Candidate, Verdict
from shared.reconcile.generations import Standing
from shared.report.changes import Day, happened
from shared.report.overview import Sources

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
GROUP = "/subscriptions/11111111-1111-1111-1111-111111111111/resourcegroups/a-group-with-a-rather-long-name"
PROVIDERS = {"aks": "microsoft.containerservice/managedclusters", "arc": "microsoft.kubernetes/connectedclusters"}
VERSION = "1.1.61"


def entry(name: str, kind: str = "aks", **facts: Any) -> Entry:
    """A managed cluster that stands as wanted, or otherwise."""
    sound = {"management": "Managed", "condition": "Current", "ring": "canary", "profile": "training"}
    sound |= {"version": VERSION, "verified": "components", "verified_at": (NOW - HOUR).isoformat(), "region": "eastus"}
    return Entry(f"{GROUP}/providers/{PROVIDERS[kind]}/{name}", **(sound | facts))


def held(code: str, **facts: Any) -> Entry:
    """A cluster that a hold keeps."""
    since = (NOW - 5 * HOUR).isoformat()
    hold = [code, f"The reason of {code}, in a sentence.", since, None, None, facts.pop("approval", "")]
    return entry(f"held-{code}", hold=hold, owner="Ada & Söhne", **facts)


def offline(name: str, silent: timedelta | None) -> Entry:
    """An Arc cluster whose agents have said nothing for so long."""
    heard = (NOW - silent).isoformat() if silent is not None else None
    return entry(name, "arc", reachability="Offline", ring="rest", silent=heard)


def entries() -> Iterator[Entry]:
    """The clusters."""
    yield entry("sound")
    yield entry("by-arm", verified="arm-only", ring="rest", version="1.1.60")
    yield entry("unverified", verified="never", verified_at=None, ring="rest")
    for code in ("quarantine", "contested", "tag-invalid", "guardrail", "window", "ring", "budget", "busy"):
        yield held(code, approval=f"{code}-1" if code in {"quarantine", "contested"} else "")
    yield held("approval", approval="change-1")
    for number, failure in enumerate(("transient", "wait", "permanent", "operator", "unknown")):
        condition = "FailedUpdate" if number % 2 else "FailedInstall"
        yield entry(f"failed-{failure}", condition=condition, failure=failure, version=None)
    for condition in ("Missing", "Installing", "Updating", "Removing", "Drifted", "Degraded", "Conflict", "Unknown"):
        yield entry(f"now-{condition.lower()}", condition=condition, ring="rest", changed=(NOW - HOUR).isoformat())
    yield offline("half-an-hour", HOUR / 2)
    yield offline("five-hours", 5 * HOUR)
    yield offline("almost-two-days", 48 * HOUR - timedelta(seconds=1))
    yield offline("two-days", 48 * HOUR)
    yield offline("nobody-says", None)
    yield entry("aks-away", reachability="Offline", silent=(NOW - 5 * HOUR).isoformat())
    yield entry("gpu-1", management="NotSelected", condition="Missing", gpu=True)
    yield entry("gpu-2", "arc", management="HandsOff", condition="Missing", gpu=True)
    yield entry("plain", management="NotSelected", condition="Missing", gpu=False)
    yield entry("gpu-ours", gpu=True)


POLICY = Policy(
    "d" * 64,
    4,
    rollout=Rollout(
        rings=(Ring("canary", soak=HOUR, approval=True), Ring("early", match=Match())),
        blast=BlastRadius(writes=50, disruptive=5),
    ),
)
BOOKS = Ledger(
    POLICY.digest,
    4,
    (RingRecord(NOW - DAY, NOW - 3 * HOUR, landed=7, failed=1, name="canary"),),
    writes=17,
    disruptive=2,
    day="2026-11-27",
)
GATES = FleetGates(
    POLICY.digest,
    0,
    "Ring 'canary' is done; the next one waits for the approval ring-dddd-canary.",
    "ring-dddd-canary",
    broken={"operator": "9 of 40 clusters fail in class 'operator'; repair of it waits until there are fewer."},
    mass="60 clusters want the extension for the first time.",
)
FIGURES = {
    "asOf": (NOW - timedelta(minutes=10)).isoformat(),
    "days": [
        {"day": f"{NOW - back * DAY:%Y-%m-%d}", "clusters": 40 - back, "managed": 30, "compliant": 20 - back}
        for back in range(5, -1, -1)
    ],
    "subscriptions": {"read": 11, "inScope": 12},
    "certificates": {
        "https://a-vault.vault.azure.net/certificates/later": (NOW + 20 * DAY).isoformat(),
        "https://a-vault.vault.azure.net/certificates/sooner": (NOW + 3 * DAY).isoformat(),
    },
}
STANDING = Standing(
    POLICY.digest,
    4,
    (NOW - 2 * DAY).isoformat(),
    {"digest": "e" * 64, "at": (NOW - HOUR).isoformat(), "findings": ["policy.yaml:3: there is no key rulez"]},
    "",
    Candidate("f" * 64, Verdict.LARGE, "It would change 90 clusters.", NOW - HOUR),
    "grace, who approved it; from the blob policy.yaml, written 2026-11-25 11:00 UTC",
    "grace",
)
SOURCES = Sources(
    NOW,
    Mode.ENFORCE,
    stopped=False,
    fleet=Fleet(NOW - timedelta(minutes=10), sorted(entries()), complete=True, gaps=(900.0, 900.0, 900.0)),
    figures=FIGURES,
    books=BOOKS,
    gates=GATES,
    policy=POLICY,
    standing=STANDING,
    schedule="0 */15 * * * *",
    pauses=[FleetWord("pause-1", FleetVerb.PAUSE, "ring/early", "ada", "an audit", NOW - HOUR, NOW + HOUR)],
    waiting=[
        {"id": "policy-ffffffffffff", "reason": "It would change 90 clusters.", "since": (NOW - HOUR).isoformat()},
        {"id": "mass-selection", "reason": GATES.mass, "since": (NOW - 2 * HOUR).isoformat()},
        {"id": "ring-dddd-canary", "reason": GATES.waiting, "since": (NOW - 3 * HOUR).isoformat()},
        *(
            {"id": each.hold[5], "cluster": each.id, "reason": each.hold[1], "since": each.hold[2]}
            for each in entries()
            if each.hold and each.hold[5]
        ),
    ],
    partial={"trouble": "One subscription does not answer.", "subscriptions": {"read": 11, "inScope": 12}},
)
OLD = replace(SOURCES, now=NOW + 5 * HOUR)


def _record(kind: str, action: str, name: str = "sound", **more: Any) -> dict[str, Any]:
    subject = f"{GROUP}/providers/{PROVIDERS['aks']}/{name}"
    return {"at": (NOW - HOUR).isoformat(), "kind": kind, "subject": subject, "action": action} | more


CHANGES = Day(
    happened(
        [
            _record("observed", "Upgraded", before="1.1.60", now=VERSION, hand="platform"),
            _record(
                "decision",
                "Update",
                sent="accepted",
                condition="Drifted",
                was="Current",
                hand="person",
                differs=["enableTraining"],
                keys=["enableTraining"],
                reason="Changed by a person since Muster sent it.",
            ),
            _record("word", "Pause", subject="ring/early", who="ada", reason="an audit"),
        ]
    ),
    412,
    cut=True,
)
