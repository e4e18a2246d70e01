"""Values that were resolved at installation: advice when facts change, sent anew when a person asks."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.model.decision import Action, Decision, Want
from shared.model.inside import Existing, Inside, Part
from shared.model.observation import Observation
from shared.model.state import Condition, HoldCode
from shared.policy.loading import parse_policy
from shared.policy.model import AksAccess, Enforcement, EnforcementTable, PolicyText, VerificationChoice
from shared.reconcile.decide import decide
from shared.reconcile.record import remembered
from tests.unit.reconcile.worlds import NOW, SHIPPED, idle, installed, ready

ASKED = NOW - timedelta(minutes=1)
TRAINING = {"aml-onboard": "true", "aml-profile": "training"}
ACT = EnforcementTable(update_safe=Enforcement.ACT, update_disruptive=Enforcement.ACT)
FREE = replace(SHIPPED, enforcement=ACT)
REUSING = replace(
    parse_policy(
        [
            PolicyText(
                "policy.yaml",
                "{version: 1, profiles: {p: {settings: {enableTraining: true, installPromOp: auto}}}, "
                "rules: [{name: all, profile: p}], enforcement: {updateSafe: act, updateDisruptive: act}}",
            )
        ]
    ),
    texts=(),
    verification=VerificationChoice(AksAccess.USER),
)


def with_nodes(seen: Observation, nodes: int | None) -> Observation:
    """The same cluster with another number of nodes."""
    assert seen.cluster is not None
    return replace(seen, cluster=replace(seen.cluster, nodes=nodes))


def asked(seen: Observation) -> Observation:
    """The same after a person asked that values be resolved anew."""
    return replace(seen, memory=replace(seen.memory, anew_since=ASKED))


def changed(decision: Decision) -> dict[str, str | None]:
    """What a decision changes to."""
    return {key: wanted for key, (_, wanted) in decision.changes.items()}


def test_other_facts_are_advice():
    """Nothing is written, and a person reads what would be sent, and by which fact."""
    decision = decide(with_nodes(installed(ready(tags=TRAINING)), 2), FREE, NOW)

    assert decision.action is Action.NOTHING
    assert any("inferenceRouterHA would now be false (nodes < 3)" in line for line in decision.advice)


def test_the_same_facts_give_no_advice():
    """Else every cluster would carry it for ever."""
    assert not any("by today's facts" in line for line in decide(installed(ready(tags=TRAINING)), FREE, NOW).advice)


def test_whoever_asks_gets_the_values_of_todays_facts():
    """A cluster that shrank gets what the CLI derives for a small one, and the reason says by whose wish."""
    decision = decide(asked(idle(with_nodes(installed(ready(tags=TRAINING)), 2))), FREE, NOW)

    assert decision.action is Action.UPDATE
    assert changed(decision) == {"clusterPurpose": "DevTest", "inferenceRouterHA": "false"}
    assert "as a person asked" in decision.reason


def test_a_cluster_that_grew_gets_the_values_of_a_large_one():
    """The CLI sends none for it, and a PATCH cannot take a key away: the old values would stand for ever."""
    decision = decide(asked(idle(with_nodes(installed(ready(tags=TRAINING, nodes=2)), 5))), FREE, NOW)

    assert changed(decision) == {"clusterPurpose": "FastProd", "inferenceRouterHA": "true"}


def test_a_wish_passes_no_enforcement():
    """The shipped policy has disruptive updates approved: asking for them is no approval."""
    decision = decide(asked(idle(with_nodes(installed(ready(tags=TRAINING)), 2))), SHIPPED, NOW)

    assert decision.action is Action.HOLD
    assert decision.state.hold is not None
    assert decision.state.hold.code is HoldCode.APPROVAL


def test_the_relay_of_an_arc_cluster_stays():
    """Attached computes depend on it, whatever else is resolved anew."""
    seen = installed(ready("arc", TRAINING))
    there = seen.extensions[0].settings
    own = {key: f"{value}-by-hand" if "ResourceName" in key else value for key, value in there.items()}
    moved = replace(seen, extensions=(replace(seen.extensions[0], settings=own),))

    assert all("elay" not in key for key in decide(asked(moved), FREE, NOW).changes)


def test_nothing_to_resolve_ends_the_wish():
    """The extension holds what today's facts say: the wish is served, and the next change of facts is advice again."""
    seen = asked(installed(ready(tags=TRAINING)))
    decision = decide(seen, FREE, NOW)

    assert decision.action is Action.NOTHING
    assert remembered(seen, decision, FREE, NOW).anew_since is None


@pytest.mark.parametrize("nodes", [2, None])
def test_a_wish_stands_until_it_is_served(nodes):
    """While an approval, or a fact, is waited for."""
    seen = asked(idle(with_nodes(installed(ready(tags=TRAINING)), nodes)))

    assert remembered(seen, decide(seen, SHIPPED, NOW), SHIPPED, NOW).anew_since == ASKED


def test_a_wish_ends_where_the_extension_is_missing():
    """An installation resolves everything by itself."""
    seen = replace(asked(installed(ready(tags=TRAINING))), extensions=())

    assert remembered(seen, decide(seen, FREE, NOW), FREE, NOW).anew_since is None


def test_a_wish_ends_where_somebody_says_hands_off():
    """Else it would be served a year later, when nobody remembers it."""
    seen = asked(installed(ready(tags=TRAINING)))
    left = replace(seen, cluster=ready(tags={"aml-onboard": "false"}))

    assert remembered(left, decide(left, FREE, NOW), FREE, NOW).anew_since is None


def test_what_stands_in_the_cluster_is_searched_first():
    """What was reused at installation would else be installed beside itself."""
    reused = Existing(Part.PROMETHEUS_OPERATOR, "monitoring", "prometheus", "theirs")
    before = replace(installed(ready(), REUSING), inside=None)
    settings = {**before.extensions[0].settings, "installPromOp": "False"}
    seen = asked(replace(before, extensions=(replace(before.extensions[0], settings=settings),)))
    first = decide(seen, REUSING, NOW)
    still = decide(replace(seen, inside=Inside(NOW, access="user", existing=(reused,))), REUSING, NOW)
    gone = decide(replace(idle(seen), inside=replace(idle(seen).inside, existing=())), REUSING, NOW)
    unreadable = decide(replace(seen, inside=Inside(NOW, trouble={"access": "refused."})), REUSING, NOW)

    assert (Want.INSIDE in first.wants, dict(first.changes)) == (True, {})
    assert dict(still.changes) == {}
    assert changed(gone) == {"installPromOp": "True"}
    assert dict(unreadable.changes) == {}


def test_facts_may_choose_the_profile_anew():
    """A rule that today's facts make win is advice, until somebody asks."""
    text = (
        "{version: 1, profiles: {small: {settings: {enableTraining: true}}, "
        "large: {settings: {enableTraining: true, installVolcano: false}}}, "
        "rules: [{name: big, when: 'cluster.nodes > 4', profile: large}, {name: rest, profile: small}], "
        "enforcement: {updateSafe: act, updateDisruptive: act}}"
    )
    policy = replace(parse_policy([PolicyText("policy.yaml", text)]), texts=())
    grown = idle(with_nodes(installed(ready(), policy), 9))
    kept, wished = decide(grown, policy, NOW), decide(asked(grown), policy, NOW)

    assert (kept.action, kept.profile) == (Action.NOTHING, "small")
    assert (wished.action, wished.profile) == (Action.UPDATE, "large")
    assert wished.state.condition is Condition.DRIFTED
