"""The gates of the fleet, as one decision meets them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.model.decision import Action
from shared.model.gates import FleetGates, Gates, Mode, Standstill
from shared.model.state import Condition, HoldCode
from shared.policy.matching import Match, Pattern, TagTest
from shared.policy.model import Enforcement, EnforcementTable
from shared.policy.rollout import Ring, Rollout
from shared.reconcile.admission import Refusal, ended, refused, wish_of
from shared.reconcile.decide import decide
from tests.unit.reconcile.worlds import NOW, SHIPPED, idle, installed, looked_at, ready, removal

HOUR = timedelta(hours=1)
CANARY = Ring("canary", Match(tags=(TagTest("ring", (Pattern("canary"),)),)))
RINGED = replace(
    SHIPPED,
    rollout=Rollout(rings=(CANARY, Ring("rest"))),
    enforcement=EnforcementTable(update_disruptive=Enforcement.ACT),
)
TAGS = {"aml-onboard": "true"}


def gates(**fleet) -> Gates:
    """Gates of an instance that enforces, with these of the fleet."""
    return Gates(Mode.ENFORCE, fleet=FleetGates(**fleet))


def updating(tags=TAGS, **facts):
    """A cluster on which the policy wants another setting than what Muster sent under an older one."""
    seen = idle(installed(ready(tags=tags), RINGED))
    settings = dict(seen.extensions[0].settings) | {"inferenceRouterServiceType": "NodePort"}
    extension = replace(seen.extensions[0], settings=settings)
    return replace(seen, extensions=(extension,), memory=replace(seen.memory, sent="v1:older"), **facts)


def test_the_policys_changes_reach_a_ring_only_when_it_is_open():
    """The first ring may act at once; the last one is held with the reason, and its step stands as intended."""
    closed = gates(open_ring=0, waiting="Ring 'canary' comes first.")
    canary = decide(updating(TAGS | {"ring": "canary"}, gates=closed), RINGED, NOW)
    rest = decide(updating(gates=closed), RINGED, NOW)
    opened = decide(updating(gates=gates(open_ring=1)), RINGED, NOW)

    assert canary.action is Action.UPDATE, canary.reason
    assert canary.by_policy
    assert (rest.action, rest.intended, rest.state.hold.code) == (Action.HOLD, Action.UPDATE, HoldCode.RING)
    assert "comes first" in rest.reason
    assert rest.state.condition is Condition.DRIFTED
    assert rest.next_look > NOW
    assert opened.action is Action.UPDATE, opened.reason


def test_a_stopped_rollout_holds_every_ring():
    """Also the ring that is open; what stands, stands."""
    stopped = gates(open_ring=1, stopped="The rollout is stopped: 3 of 5 failed.")
    decision = decide(updating(gates=stopped), RINGED, NOW)
    assert (decision.action, decision.state.hold.code) == (Action.HOLD, HoldCode.RING)
    assert "3 of 5" in decision.reason


def test_rings_do_not_hold_new_clusters_nor_what_stands_as_wanted():
    """A rollout is a change of what is there already."""
    closed = gates(open_ring=0, waiting="Ring 'canary' comes first.", stopped="stopped")
    install = decide(replace(looked_at(ready()), gates=closed), RINGED, NOW)
    standing = decide(replace(installed(ready(), RINGED), gates=closed), RINGED, NOW)
    assert install.action is Action.INSTALL, install.reason
    assert standing.action is Action.NOTHING


@pytest.mark.parametrize(
    ("scope", "tags", "held"),
    [
        ("fleet", TAGS, True),
        ("ring/rest", TAGS, True),
        ("ring/canary", TAGS, False),
        ("ring/canary", TAGS | {"ring": "canary"}, True),
        (f"cluster/{ready().id.key}", TAGS, True),
        (f"cluster/{ready('arc').id.key}", TAGS, False),
    ],
    ids=["fleet", "own-ring", "other-ring", "canary", "own", "other"],
)
def test_a_pause_holds_every_write_of_its_clusters(scope, tags, held):
    """Until its end, which is when it is looked at again; a removal that somebody asked for waits, too."""
    paused = gates(standstills=(Standstill(scope, NOW + HOUR, "eva paused it."),))
    install = decide(replace(looked_at(ready(tags=tags)), gates=paused), RINGED, NOW)
    remove = replace(idle(installed(ready(tags=tags), RINGED)), intent=removal(ready()), gates=paused)
    for decision, intended in ((install, Action.INSTALL), (decide(remove, RINGED, NOW), Action.REMOVE)):
        assert (decision.action is Action.HOLD) is held
        assert decision.intended is intended
        if held:
            assert (decision.state.hold.code, decision.next_look) == (HoldCode.PAUSE, NOW + HOUR)


def test_a_pause_that_has_ended_holds_nothing():
    """Its end needs nobody to lift it."""
    paused = gates(standstills=(Standstill("fleet", NOW, "over"),))
    assert decide(replace(looked_at(ready()), gates=paused), RINGED, NOW).action is Action.INSTALL


def test_first_installations_wait_while_suspiciously_many_are_wanted():
    """A slip with tags takes nobody on; a cluster that had the extension before is repaired."""
    mass = gates(mass="300 clusters want it.")
    first = decide(replace(looked_at(ready()), gates=mass), RINGED, NOW)
    known = looked_at(ready())
    known = replace(known, gates=mass, memory=replace(known.memory, sent_at=NOW - HOUR))
    assert (first.action, first.state.hold.code) == (Action.HOLD, HoldCode.MASS_SELECTION)
    assert decide(known, RINGED, NOW).action is Action.INSTALL


def test_repair_waits_where_a_share_of_the_fleet_fails_alike():
    """Only for that class of failure."""
    seen = installed(ready(), RINGED, state="Failed")
    failed = replace(seen.extensions[0], error_code="ExtensionOperationFailed", error_message="timed out waiting")
    seen = replace(
        seen, extensions=(failed,), memory=replace(seen.memory, attempts=1, failed_at=NOW, sent_at=NOW - HOUR)
    )
    free = decide(seen, RINGED, NOW + 24 * HOUR)
    assert free.action.writes, free.reason
    classes = {"transient", "wait", "permanent", "operator", "unknown"}
    held = decide(replace(seen, gates=gates(broken=dict.fromkeys(classes, "too many"))), RINGED, NOW + 24 * HOUR)
    assert (held.action, held.state.hold.code) == (Action.HOLD, HoldCode.BREAKER)
    assert decide(replace(seen, gates=gates(broken={"other": "x"})), RINGED, NOW + 24 * HOUR).action.writes


def test_an_approval_names_one_change_of_one_cluster():
    """With it the step goes ahead; a change of anything asks anew."""
    policy = replace(RINGED, enforcement=EnforcementTable(update_disruptive=Enforcement.APPROVE))
    held = decide(updating(), policy, NOW)
    name = held.state.hold.approval
    approved = decide(updating(gates=gates(approved=frozenset({name}))), policy, NOW)
    other = updating(gates=gates(approved=frozenset({name})))
    changed = replace(other.extensions[0], settings=dict(other.extensions[0].settings) | {"inferenceRouterHA": "x"})

    assert (held.action, held.state.hold.code) == (Action.HOLD, HoldCode.APPROVAL)
    assert name.startswith("change-")
    assert approved.action is Action.UPDATE, approved.reason
    assert decide(replace(other, extensions=(changed,)), policy, NOW).state.hold.approval != name


def test_a_wish_tells_the_books_what_they_count():
    """First installations, the policy's changes, disruptive ones; nothing for a decision that writes nothing."""
    install = decide(looked_at(ready()), RINGED, NOW)
    seen = updating(TAGS | {"ring": "canary"})
    update = decide(seen, RINGED, NOW)
    first, change = wish_of(looked_at(ready()), install, RINGED), wish_of(seen, update, RINGED)

    assert (first.first, first.by_policy, first.disruptive, first.ring) == (True, False, False, 1)
    assert (change.first, change.by_policy, change.disruptive, change.ring) == (False, True, True, 0)
    assert wish_of(seen, decide(installed(ready(), RINGED), RINGED, NOW), RINGED) is None


def test_a_refused_wish_is_a_hold_with_the_time_of_the_next_look():
    """Soon by a message; late ones are left to the sweep."""
    install = decide(looked_at(ready()), RINGED, NOW)
    soon = refused(install, Refusal(HoldCode.BUDGET, "many", NOW + timedelta(minutes=2)), NOW)
    late = refused(install, Refusal(HoldCode.BUDGET, "spent", NOW + 5 * HOUR), NOW)
    assert (soon.action, soon.intended, soon.state.hold.code) == (Action.HOLD, Action.INSTALL, HoldCode.BUDGET)
    assert (soon.look_by.value, late.look_by.value) == ("message", "sweep")
    assert late.next_look == NOW + 5 * HOUR


def test_a_booked_write_has_ended_once_its_operation_has():
    """Failed or not; while it runs, or where nothing was booked, nothing is told."""
    seen = installed(ready(), RINGED)
    flying = replace(seen.memory, flight=True)
    done, failed, running = (
        decide(installed(ready(), RINGED, state=state), RINGED, NOW) for state in ("Succeeded", "Failed", "Updating")
    )
    assert ended(flying, done) is False
    assert ended(flying, failed) is True
    assert ended(flying, running) is None
    assert ended(seen.memory, done) is None
