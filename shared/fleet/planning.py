"""What would be done to the fleet, item by item: a plan, made of what a pass over the fleet saw. Pure.

A plan decides nothing. Each item is the decision that `decide` came to on the cluster's rows, as the sweep has it
made; what only a look can tell (the inside of a cluster, whose extension a forgotten one is) is said as such. Gates
that stand in an item's way are told with it. What the instance as a whole may do (report mode, MUSTER_STOP) is told
once for the plan: its items say what would be done where it may.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from shared.azureml.risk import Risk, risk_of_change
from shared.fleet.asking import UNREMEMBERED
from shared.fleet.rollout import MASS_SELECTION
from shared.fleet.sight import Sight
from shared.model.decision import Action, Decision
from shared.model.gates import Gates, Mode
from shared.model.identity import ClusterId
from shared.model.observation import Observation
from shared.model.state import Condition, Hold, HoldCode, Management
from shared.policy.model import Policy
from shared.reconcile.decide import decide
from shared.reconcile.gating import FIRST
from shared.reconcile.inputs import inputs_of

# Holds that end as a rollout goes on, without anybody's word.
PASSING = frozenset({HoldCode.RING, HoldCode.WINDOW, HoldCode.BUDGET})
_UNTOLD = frozenset({UNREMEMBERED, "unanswered"})
_UNDER_WAY = frozenset({Condition.INSTALLING, Condition.UPDATING, Condition.REMOVING})
_DELETIONS = frozenset({Action.REINSTALL, Action.REMOVE})
_DROPS = (Risk.INTERRUPTS_JOBS, Risk.INTERRUPTS_ENDPOINTS)
_HIDDEN = "***"

type Changes = Mapping[str, tuple[str | None, str | None]]


@dataclass(frozen=True, slots=True)
class Item:
    """One cluster about which something would be done, or is held.

    Attributes:
        action: the step; `Hold` where the cluster is held before any step was decided on.
        risks: what the step may do to running work, gravest last.
        changes: setting -> (there, wanted). No protected value is among them.
        hold: what stands in its way now; None where nothing does.
        reads: what a look reads before it takes the step, which may change the outcome.
        first: whether it would get the extension for the first time.
        anyway: whether the policy in force would do the same; false where that is the one planned against.
        inputs: fingerprint of all that the item rests on, the gates aside.
    """

    cluster: ClusterId
    action: Action
    reason: str
    risks: tuple[Risk, ...] = (Risk.SAFE,)
    profile: str | None = None
    rule: str | None = None
    changes: Changes = field(default_factory=dict)
    hold: Hold | None = None
    ring: tuple[int, str] = (0, "")
    region: str = ""
    reads: tuple[str, ...] = ()
    first: bool = False
    by_policy: bool = False
    disruptive: bool = False
    anyway: bool = False
    inputs: str = ""

    @property
    def changing(self) -> bool:
        """Whether it is a step, and not only a cluster that is held."""
        return self.action.writes

    @property
    def going(self) -> bool:
        """Whether the step goes out by itself: now, or as the rollout goes on."""
        return self.changing and (self.hold is None or self.hold.code in PASSING)

    def plain(self) -> dict[str, Any]:
        """The item as JSON."""
        return {
            "key": self.cluster.key,
            "cluster": str(self.cluster),
            "action": self.action.value,
            "risk": [risk.value for risk in self.risks],
            "disruptive": self.disruptive,
            "reason": self.reason,
            "profile": self.profile,
            "rule": self.rule,
            "changes": [
                {"setting": key, "from": there, "to": wanted} for key, (there, wanted) in sorted(self.changes.items())
            ],
            "hold": _plain_hold(self.hold),
            "ring": self.ring[1],
            "reads": list(self.reads),
            "first": self.first,
            "byPolicy": self.by_policy,
            "anyway": self.anyway,
            "inputs": self.inputs,
        }


def _plain_hold(hold: Hold | None) -> dict[str, Any] | None:
    if hold is None:
        return None
    until = hold.until.isoformat() if hold.until else None
    return {"code": hold.code.value, "reason": hold.reason, "until": until, "approval": hold.approval or None}


@dataclass(slots=True)
class Draft:
    """A plan while the fleet is passed over: it sees each cluster once, and keeps those about which there is something.

    Attributes:
        policy: the one that is planned for.
        standing: the one in force, where another is planned for, and `gates` the gates under it.
        only: the one cluster that is meant; None for the fleet.
        unsure: clusters whose rows do not tell what is to be done: a look comes first.
        reported: clusters on which something differs that the policy only reports.
        under_way: clusters on which an operation runs.
        dropped: clusters on which the policy in force would do something, and this one would not.
        leaving: clusters that the policy in force looks after, and this one would not; nothing is removed there.
    """

    policy: Policy
    now: datetime
    standing: Policy | None = None
    gates: Gates = field(default_factory=lambda: Gates(Mode.ENFORCE))
    only: ClusterId | None = None
    clusters: int = 0
    items: list[Item] = field(default_factory=list)
    unsure: list[ClusterId] = field(default_factory=list)
    reported: int = 0
    under_way: int = 0
    dropped: int = 0
    leaving: int = 0
    # What the bound for new policies counts.
    would_change: int = 0
    would_disturb: int = 0

    def see(self, sight: Sight) -> None:
        """Take a cluster in."""
        seen = sight.seen
        if self.only is not None and seen.id != self.only:
            return
        self.clusters += 1
        let = replace(seen.gates, mode=Mode.ENFORCE, stopped=False)
        # Decided anew only where the instance itself is held back: the sweep's own decision stands otherwise.
        opened = seen if let == seen.gates else replace(seen, gates=let)
        decision = sight.decision if opened is seen else decide(opened, self.policy, self.now)
        self.under_way += decision.state.condition in _UNDER_WAY
        if sight.why in _UNTOLD:
            self.unsure.append(seen.id)
        item = item_of(opened, decision, sight, self.policy, self.now)
        if self.standing is not None:
            item = self._compared(opened, decision, item)
        if item is not None:
            self.items.append(item)
        elif decision.action is Action.NOTHING and (decision.changes or (decision.intended or Action.NOTHING).writes):
            self.reported += 1

    def _compared(self, seen: Observation, decision: Decision, item: Item | None) -> Item | None:
        """The item, told apart from what the policy in force would do as well."""
        if self.standing is None:
            return item
        other = decide(replace(seen, gates=self.gates), self.standing, self.now)
        ours = Management.MANAGED
        self.leaving += other.state.management is ours and decision.state.management is not ours
        if decision.by_policy and not other.by_policy:
            self.would_change += 1
            self.would_disturb += decision.disruptive
        step = other.intended if other.intended and other.intended.writes else None
        step = None if other.action is Action.NOTHING else step  # reported only
        self.dropped += step is not None and (item is None or not item.changing)
        if item is None:
            return None
        same = step is item.action if item.changing else _code(other.state.hold) is _code(item.hold)
        return replace(item, anyway=same and _changes(other) == item.changes)

    def mass(self, why: str) -> None:
        """Hold back whoever would get the extension for the first time: there are more than the policy expects."""
        hold = Hold(HoldCode.MASS_SELECTION, why, approval=MASS_SELECTION)
        self.items = [replace(item, hold=hold) if item.first and item.going else item for item in self.items]

    @property
    def digest(self) -> str:
        """A name for exactly these items under exactly this policy."""
        parts = [[str(item.cluster), item.action.value, item.inputs] for item in self.items]
        return _hashed([self.policy.digest, sorted(parts)])


def _code(hold: Hold | None) -> HoldCode | None:
    return hold.code if hold is not None else None


def item_of(seen: Observation, decision: Decision, sight: Sight, policy: Policy, now: datetime) -> Item | None:
    """The item of one cluster; None where nothing is to be done about it and nothing holds it.

    Where the last look decided on the very same, it knew more than rows tell: what it found in its way stands in it
    still, and a step that it did not leave to anybody is not due.
    """
    intended = decision.intended or decision.action
    hold, reason = decision.state.hold, decision.reason
    if decision.action is Action.NOTHING and intended.writes:
        return None  # the policy has it reported only
    if decision.action.writes and sight.same:
        hold = _found(seen, now)
        reason = seen.memory.reason if hold is not None else reason
        if hold is None and not sight.why and not ceiling(sight.seen.gates):
            return None
    if not intended.writes and hold is None:
        return None
    if seen.cluster is None:
        return None
    return Item(
        seen.id,
        intended if intended.writes else Action.HOLD,
        reason,
        _risks(intended, decision),
        decision.profile,
        decision.rule,
        _changes(decision),
        hold,
        sight.ring,
        seen.cluster.location,
        tuple(sorted(want.value for want in decision.wants)),
        first=intended in FIRST and seen.memory.sent_at is None and decision.state.condition is Condition.MISSING,
        by_policy=decision.by_policy,
        disruptive=decision.disruptive or intended in _DELETIONS,
        inputs=_inputs(seen, decision, policy, now),
    )


def _found(seen: Observation, now: datetime) -> Hold | None:
    """What the last look found in the way, and that has not ended since."""
    hold = seen.memory.state.hold if seen.memory.state else None
    return None if hold is not None and hold.until is not None and hold.until <= now else hold


def _risks(intended: Action, decision: Decision) -> tuple[Risk, ...]:
    if intended in _DELETIONS:
        return _DROPS
    if decision.state.condition is Condition.MISSING:
        return (Risk.SAFE,)
    found = risk_of_change(_changes(decision))
    return (Risk.RESTARTS,) if found == (Risk.SAFE,) and decision.disruptive else found


def _changes(decision: Decision) -> Changes:
    """Setting -> (there, wanted): what is sent. Of what is protected the name is told, and no value."""
    desired, fresh = decision.desired, decision.state.condition is Condition.MISSING
    if fresh and desired is not None:
        changes: dict[str, tuple[str | None, str | None]] = {key: (None, to) for key, to in desired.settings.items()}
    elif decision.adopted:
        changes = {key: pair for key, pair in decision.changes.items() if key in decision.patch}
    else:
        changes = dict(decision.changes)
    protected = desired.protected if desired is not None else ()
    sent = protected if fresh or decision.protected else changes.keys() & set(protected)
    return changes | dict.fromkeys(sent, (None, _HIDDEN))


def _inputs(seen: Observation, decision: Decision, policy: Policy, now: datetime) -> str:
    """Fingerprint of what an item rests on: the cluster, its extensions, people's words, the policy, and what follows.

    The gates are left out: that a ring opened makes no other step.
    """
    ungated = replace(decision, state=replace(decision.state, hold=None))
    basis = inputs_of(policy, replace(seen, gates=Gates(Mode.ENFORCE)), ungated, now)
    intended = decision.intended or decision.action
    return _hashed([basis, intended.value, decision.profile, decision.disruptive, sorted(_changes(decision).items())])


def _hashed(parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, separators=(",", ":"), default=str).encode()).hexdigest()[:24]


def grouped(items: Sequence[Item]) -> list[dict[str, Any]]:
    """The items by action and risk, the gravest first: how many, what holds them, by which profiles."""
    gravity = {risk: place for place, risk in enumerate(Risk)}
    groups: dict[tuple[str, tuple[Risk, ...]], list[Item]] = {}
    for item in items:
        groups.setdefault((item.action.value, item.risks), []).append(item)
    ordered = sorted(groups.items(), key=lambda each: (-max(gravity[risk] for risk in each[0][1]), each[0][0]))
    return [
        {
            "action": action,
            "risk": [risk.value for risk in risks],
            "clusters": len(members),
            "disruptive": sum(item.disruptive for item in members),
            "anyway": sum(item.anyway for item in members),
            "held": dict(sorted(Counter(item.hold.code.value for item in members if item.hold).items())),
            "rings": dict(sorted(Counter(item.ring[1] for item in members).items())),
            "profiles": dict(sorted(Counter(item.profile or "none" for item in members).items())),
            "settings": dict(sorted(Counter(key for item in members for key in item.changes).items())),
        }
        for (action, risks), members in ordered
    ]


def counted(draft: Draft) -> dict[str, int]:
    """What the plan found, in numbers."""
    return {
        "clusters": draft.clusters,
        "changes": sum(item.changing for item in draft.items),
        "going": sum(item.going for item in draft.items),
        "held": sum(item.hold is not None for item in draft.items),
        "disruptive": sum(item.changing and item.disruptive for item in draft.items),
        "unsure": len(draft.unsure),
        "reported": draft.reported,
        "underWay": draft.under_way,
        "dropped": draft.dropped,
        "leaving": draft.leaving,
    }


def ceiling(gates: Gates) -> str:
    """Why the instance as a whole would do nothing of it; "" where it may."""
    if gates.stopped:
        return "MUSTER_STOP is set, so nothing is written."
    return "MUSTER_MODE is report, so nothing is written." if gates.mode is Mode.REPORT else ""
