"""A thousand clusters, three rings and a profile that always fails; slips with tags; all on real storage."""

import json
from collections import Counter
from datetime import timedelta

from functions.steering import decide_approval, list_approvals
from shared.composition import close
from shared.fleet.announcing import of_policy
from shared.fleet.auditing import policy_in_force
from shared.model.identity import ClusterId
from shared.model.intent import FleetVerb, FleetWord
from shared.model.state import HoldCode
from shared.reconcile.candidates import Verdict
from tests.contract.fleets import RINGS, SELECTED


async def test_a_profile_that_always_fails_stops_in_the_first_ring(fleet):
    """Three updates of twenty fail, no fourth goes out; the other 997 clusters keep what they have, with the reason."""
    canaries = fleet.made(20, SELECTED | {"ring": "canary"}, "canary")
    fleet.made(80, SELECTED | {"ring": "early"}, "early")
    fleet.made(900, SELECTED, "rest")
    rollout = RINGS + "  stopOn: {failures: 3}"
    await fleet.put_policy(volcano="false", rollout=rollout)
    await fleet.converge()
    assert (await fleet.house.sweep.run()).trouble == ""
    assert await fleet.asked() == []

    await fleet.put_policy(volcano="true", rollout=rollout)
    for cluster in canaries:
        fleet.control.outcome(str(cluster), fail="Helm upgrade failed: timed out waiting for the condition")
    since = len(fleet.control.requests())
    fleet.pass_time(timedelta(minutes=1))
    await fleet.house.sweep.run()
    asked = await fleet.asked()
    first = await fleet.look(asked)
    sent = fleet.control.writes(since)
    fleet.pass_time(timedelta(minutes=5))
    ended = await fleet.look([ClusterId.parse(each["path"].partition("/providers/Microsoft.Kub")[0]) for each in sent])
    again = await fleet.look(asked)
    fleet.pass_time(timedelta(hours=2))
    await fleet.house.sweep.run()
    later = await fleet.look(await fleet.asked())

    assert set(asked) == set(canaries), "a ring that may not act yet costs no look"
    assert (first["Update"], first["ring"]) == (3, 17)
    assert ended["Update"] == 0
    assert again["Update"] == again["Repair"] == 0
    assert later["Update"] == later["Repair"] == 0
    assert [each["method"] for each in fleet.control.writes(since)] == ["PATCH"] * 3
    held = Counter(entry.hold[0] for entry in await fleet.entries() if entry.hold)
    assert held[HoldCode.RING] >= 997
    assert all("stopped" in e.hold[1] for e in await fleet.entries() if e.hold and e.hold[0] == HoldCode.RING)


async def test_a_good_change_goes_from_ring_to_ring(fleet):
    """The second ring begins when the first is done and has soaked; nobody is written to before his time."""
    canaries = fleet.made(2, SELECTED | {"ring": "canary"}, "canary")
    early = fleet.made(3, SELECTED | {"ring": "early"}, "early")
    rest = fleet.made(4, SELECTED, "rest")
    await fleet.put_policy(volcano="false", rollout=RINGS)
    await fleet.converge()
    await fleet.house.sweep.run()
    await fleet.put_policy(volcano="true", rollout=RINGS)
    waves = []
    for _ in range(12):
        fleet.pass_time(timedelta(minutes=20))
        await fleet.house.sweep.run()
        asked = await fleet.asked()
        since = len(fleet.control.requests())
        await fleet.look(asked)
        fleet.pass_time(timedelta(minutes=5))
        await fleet.look(asked)
        changed = {
            each["path"].lower().rpartition("/providers/microsoft.kub")[0] for each in fleet.control.writes(since)
        }
        if changed:
            waves.append((fleet.clock.ahead, changed))

    groups = [{str(cluster) for cluster in group} for group in (canaries, early, rest)]
    assert [changed for _, changed in waves] == groups
    assert waves[1][0] - waves[0][0] >= timedelta(hours=1), "it soaks"
    assert {entry.condition for entry in await fleet.entries()} == {"Current"}


async def test_tags_that_three_hundred_clusters_lose_remove_nothing(fleet):
    """A slip in a pipeline takes the tags away: hands off, the extensions stay."""
    clusters = fleet.made(300, SELECTED)
    await fleet.converge()
    await fleet.house.sweep.run()
    since = len(fleet.control.requests())
    for cluster in clusters:
        fleet.control.set_tags(str(cluster), {}, emit=False)
    await fleet.house.sweep.run()
    decided = await fleet.look(await fleet.asked())

    assert fleet.control.writes(since) == []
    assert set(decided) <= {"Nothing"}


async def test_tags_that_three_hundred_clusters_get_at_once_install_nothing_until_a_person_approves(fleet):
    """The sweep is partial and says why; each look holds; approved, they come by the hour."""
    await fleet.put_policy(volcano="false", rollout="  newClusters: {perHour: 40, massSelection: 200}")
    clusters = fleet.made(300, SELECTED)
    report = await fleet.house.sweep.run()
    asked = await fleet.asked()
    held = await fleet.look(clusters[:50])
    since = len(fleet.control.requests())
    now = fleet.clock()
    word = FleetWord("mass-selection", FleetVerb.APPROVE, "", "ada", "planned", now, now + timedelta(days=1))
    await fleet.house.intents.say(word)
    fleet.pass_time(timedelta(minutes=1))
    approved = await fleet.house.sweep.run()
    released = await fleet.look(await fleet.asked())

    assert not report.whole
    assert "300 clusters want the extension" in report.trouble
    assert asked == []
    assert held == {HoldCode.MASS_SELECTION: 50}
    assert approved.whole
    assert dict(released) == {"Install": 40}, "whoever finds no place is not asked for"
    assert len(fleet.control.writes(since)) == 40


async def test_new_clusters_beyond_the_hours_places_come_ring_by_ring(fleet):
    """Two places an hour: the canaries have them, although their ids come last."""
    await fleet.put_policy(volcano="false", rollout=RINGS + "  newClusters: {perHour: 2}")
    fleet.made(4, SELECTED, "a")
    canaries = fleet.made(2, SELECTED | {"ring": "canary"}, "z")
    await fleet.house.sweep.run()
    first = await fleet.asked()
    await fleet.look(first)
    fleet.pass_time(timedelta(minutes=65))
    await fleet.house.sweep.run()
    later = [cluster for cluster in await fleet.asked() if cluster not in first]

    assert set(first) == set(canaries)
    assert len(later) == 2


async def test_a_pause_of_the_fleet_holds_and_its_end_lets_go(fleet):
    """A person's word, by the API's own store: no write while it stands, all of them afterwards."""
    await fleet.put_policy(volcano="false", rollout="")
    clusters = fleet.made(5, SELECTED)
    now = fleet.clock()
    pause = FleetWord("pause-1", FleetVerb.PAUSE, "fleet", "ada", "an audit", now, now + timedelta(hours=1))
    await fleet.house.intents.say(pause)
    await fleet.house.sweep.run()
    await fleet.asked()
    during = await fleet.look(clusters)
    await fleet.house.intents.unsay("pause-1", now)
    await fleet.house.sweep.run()
    after = await fleet.look(await fleet.asked())

    assert during == {HoldCode.PAUSE: 5}
    assert after == {"Install": 5}


async def test_a_policy_that_changes_many_clusters_waits_for_a_person(fleet):
    """The bound of the policy in force counts: beyond it a new one acts once it is approved, and not before."""
    bound = "  policyChange: {clusters: 3}"
    generations = fleet.house.reconciler.generations
    before = await fleet.three_under(bound)

    await fleet.put_policy(volcano="true", rollout=bound)
    waiting = await generations.standing()
    await fleet.house.sweep.run()
    judged = await generations.candidates.standing()
    told = of_policy(await generations.standing())
    held = await generations.current(at_least=before + 1)
    since = len(fleet.control.requests())
    await fleet.house.sweep.run()
    untouched = await fleet.asked()
    try:
        said = await decide_approval(judged.approval, b'{"approve": true, "reason": "read"}', "ada")
        again = [each["id"] for each in json.loads((await list_approvals({})).get_body())["items"]]
    finally:
        await close()  # the house that the doors of the API opened
    approved = await generations.current(at_least=before + 1)
    standing = await generations.standing()

    assert (waiting.generation, waiting.pending.verdict) == (before, Verdict.UNSEEN)
    assert judged.verdict is Verdict.LARGE, "volcano restarts what runs"
    assert "3 installed clusters, 3 of them disruptively" in judged.reason
    assert of_policy(waiting) == {}, "nobody knows yet whether it needs a person"
    assert [each.data["reason"] for each in told.values()] == [judged.reason]
    assert held.generation == before
    assert (untouched, fleet.control.writes(since)) == ([], [])
    assert approved.generation == before + 1
    assert (said.status_code, again) == (202, [])
    assert judged.since == waiting.pending.since, "since it was first seen, not since it was judged"
    assert (standing.who, standing.by.partition(";")[0]) == ("ada", "ada, who approved it")
    assert policy_in_force(standing).body["who"] == "ada"


async def test_a_policy_that_changes_little_acts_after_the_next_sweep(fleet):
    """Nobody is asked about a comment, or about a rule that concerns nobody."""
    bound = "  policyChange: {clusters: 3}"
    generations = fleet.house.reconciler.generations
    before = await fleet.three_under(bound)
    await fleet.put_policy(volcano="false", rollout=f"{bound}\n# as it was")
    waiting = (await generations.standing()).pending
    await fleet.house.sweep.run()
    told = of_policy(await generations.standing())
    after = await generations.current(at_least=before + 1)

    assert waiting is not None
    assert told == {}
    assert after.generation == before + 1
    assert (await generations.standing()).pending is None


async def test_a_sweep_that_is_not_believed_leaves_a_waiting_policy_unjudged(fleet):
    """A fleet that cannot be seen would show no effect of any policy: it waits until a sweep sees the fleet again."""
    bound = "  policyChange: {clusters: 2}"
    generations = fleet.house.reconciler.generations
    before = await fleet.three_under(bound)
    await fleet.put_policy(volcano="true", rollout=bound)
    fleet.control.deny(fleet.subscription)
    blind = await fleet.house.sweep.run()
    unjudged = await generations.standing()
    fleet.control.allow(fleet.subscription)
    seeing = await fleet.house.sweep.run()
    judged = await generations.candidates.standing()

    assert (blind.whole, seeing.whole) == (False, True)
    assert (unjudged.generation, unjudged.pending.verdict) == (before, Verdict.UNSEEN)
    assert judged.verdict is Verdict.LARGE
