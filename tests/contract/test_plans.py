"""Plans on real storage and a simulated Azure: they say what sweeps and looks then do, and change nothing."""

import asyncio
from collections import Counter
from datetime import datetime, timedelta

import pytest

from shared.fleet.importing import import_fleet
from shared.fleet.planner import Wish
from shared.fleet.rows import fleet_of
from shared.model.identity import ClusterId
from shared.model.intent import FleetVerb, FleetWord
from shared.model.request import Reason, Request
from shared.policy.model import PolicyText
from tests.contract.fleets import PROFILE, RINGS, SELECTED, Fleet

HAND_MADE = (
    {"enableTraining": "True", "enableInference": "False"},
    {
        "enableTraining": "true",
        "enableInference": "TRUE",
        "inferenceRouterServiceType": "loadbalancer",
        "allowInsecureConnections": "true",
    },
    {"enableTraining": "true", "installVolcano": "false"},
)
ACTING = "  newClusters: {perHour: 100000}"


async def plan_of(fleet: Fleet, policy: str | None = None, cluster: ClusterId | None = None):
    """A plan that was made, as its document has it."""
    texts = (PolicyText("policy.yaml", policy),) if policy is not None else ()
    planner = fleet.house.planner
    plan = await planner.begin(Wish("ada", texts, cluster))
    await planner.make(plan)
    return (await planner.of(plan)).body


def steps(plan) -> set[tuple[str, str]]:
    return {(item["cluster"], item["action"]) for item in plan["items"] if item["action"] != "Hold"}


async def looked(fleet: Fleet, clusters) -> set[tuple[str, str]]:
    """What looks then do, some at the same time, as workers take them."""
    done, turn = set(), asyncio.Semaphore(16)

    async def one(cluster: ClusterId) -> None:
        async with turn:
            decision = await fleet.house.reconciler.step(Request(cluster, Reason.SWEEP, fleet.clock()))
        if decision is not None and decision.action.writes:
            done.add((str(cluster), decision.action.value))

    await asyncio.gather(*map(one, clusters))
    return done


async def stored(fleet: Fleet) -> dict[str, str]:
    """Every document and every memory with its version; plans aside."""
    documents = fleet.house.sweep.documents._container
    found = {blob.name: blob.etag async for blob in documents.list_blobs() if not blob.name.startswith("plans/")}
    return found | {row.key: row.etag async for _, row in fleet.house.table.stored()}


@pytest.fixture
async def mixed(fleet: Fleet) -> Fleet:
    """Thirty that have what they should, five that got their tags just now, and a few that are nobody's business."""
    fleet.made(30, SELECTED, "sound")
    await fleet.put_policy(volcano="false", rollout=ACTING)
    await fleet.converge()
    await fleet.house.sweep.run()
    assert await fleet.asked() == []
    return fleet


async def test_a_plan_on_an_unchanged_fleet_is_empty_and_writes_its_document_alone(mixed):
    """Nothing to do; nobody is asked for a look, Azure is only read, no other document or memory changes."""
    before, since = await stored(mixed), len(mixed.control.requests())

    plan = await plan_of(mixed)

    assert (plan["status"], plan["items"], plan["groups"]) == ("ready", [], [])
    assert plan["counts"]["clusters"] == 30
    assert plan["counts"]["unsure"] == 0
    assert await stored(mixed) == before
    assert await mixed.asked() == []
    assert mixed.control.writes(since) == []
    assert (plan["forecast"]["clusters"], plan["forecast"]["done"]) == (0, None)


async def test_a_plan_after_a_policy_edit_is_what_sweep_and_looks_then_do(mixed):
    """Cluster by cluster and step by step: updates of all that have it, installs of those that were tagged since."""
    fresh = mixed.made(5, SELECTED, "fresh")
    mixed.made(4, {}, "strangers")
    edited = PROFILE.format(volcano="true", rollout=ACTING)

    against = await plan_of(mixed, edited)
    standing = await plan_of(mixed)
    assert await mixed.asked() == []
    await mixed.put_policy(volcano="true", rollout=ACTING)
    after = await plan_of(mixed)
    await mixed.house.sweep.run()
    done = await looked(mixed, await mixed.asked())

    assert len(done) == 35
    assert Counter(action for _, action in done) == {"Update": 30, "Install": 5}
    assert steps(against) == steps(after) == done
    assert steps(standing) == {(str(cluster), "Install") for cluster in fresh}
    assert against["against"] is not None
    assert after["against"] is None
    updates = [item for item in against["items"] if item["action"] == "Update"]
    assert {item["anyway"] for item in updates} == {False}
    assert {item["anyway"] for item in against["items"] if item["action"] == "Install"} == {False}, "other settings"
    assert {str(item["changes"]) for item in updates} == {
        str([{"setting": "installVolcano", "from": "false", "to": "true"}])
    }
    assert {tuple(item["risk"]) for item in updates} == {("restarts",)}
    assert [(group["action"], group["clusters"]) for group in against["groups"]] == [("Update", 30), ("Install", 5)]


async def test_a_policy_that_is_planned_against_never_enters_force(mixed):
    """Neither in force nor offered nor waiting: the generation stands, no candidate is kept."""
    generations = mixed.house.reconciler.generations
    before = await generations.standing()

    plan = await plan_of(mixed, PROFILE.format(volcano="true", rollout=ACTING))
    after = await generations.standing()

    assert plan["against"] not in {None, before.digest}
    assert plan["policy"] == {"digest": before.digest, "generation": before.generation}
    assert (after.digest, after.generation, after.pending) == (before.digest, before.generation, None)


async def test_rings_are_told_with_their_holds_and_the_forecast_goes_ring_by_ring(fleet):
    """The first ring goes; the others are held by their ring, and are foreseen after its soak."""
    fleet.made(2, SELECTED | {"ring": "canary"}, "canary")
    fleet.made(3, SELECTED | {"ring": "early"}, "early")
    fleet.made(4, SELECTED, "rest")
    await fleet.put_policy(volcano="false", rollout=RINGS)
    await fleet.converge()
    await fleet.house.sweep.run()

    against = await plan_of(fleet, PROFILE.format(volcano="true", rollout=RINGS))
    await fleet.put_policy(volcano="true", rollout=RINGS)
    fleet.pass_time(timedelta(minutes=1))
    started = fleet.clock()
    ended = {}
    for _ in range(12):
        await fleet.house.sweep.run()
        asked = await fleet.asked()
        done = await looked(fleet, asked)
        fleet.pass_time(timedelta(minutes=5))
        await fleet.look(asked)
        ended |= {cluster: fleet.clock() for cluster, _ in done}
        fleet.pass_time(timedelta(minutes=12))

    held = Counter((item["ring"], item["hold"] and item["hold"]["code"]) for item in against["items"])
    assert held == {("canary", None): 2, ("early", "ring"): 3, ("rest", "ring"): 4}
    assert {cluster for cluster, _ in steps(against)} == set(ended)
    assert against["counts"]["going"] == 9
    ((_, canary), (_, early), (_, rest)) = [(each["ring"], each["done"]) for each in against["forecast"]["rings"]]
    assert canary < early < rest
    took = max(ended.values()) - started
    low, high = (
        timedelta(seconds=(datetime.fromisoformat(at) - datetime.fromisoformat(against["asOf"])).total_seconds())
        for at in rest
    )
    assert low <= took <= high, "the sweeps of the test lie within the paces of the forecast"
    assert low >= timedelta(hours=1), "it soaks"
    assert against["forecast"]["left"] == 0


async def test_a_change_that_a_person_has_to_approve_is_told_and_no_time_is_promised(fleet):
    """A ring that asks for an approval ends the forecast; what lies behind it is counted."""
    rings = """
  rings:
    - {name: canary, match: {tags: {ring: canary}}, approval: true}
    - {name: rest}
"""
    fleet.made(2, SELECTED | {"ring": "canary"}, "canary")
    fleet.made(3, SELECTED, "rest")
    await fleet.put_policy(volcano="false", rollout=rings)
    await fleet.converge()
    await fleet.house.sweep.run()

    plan = await plan_of(fleet, PROFILE.format(volcano="true", rollout=rings))

    assert plan["forecast"]["left"] == 3
    assert plan["forecast"]["waits"] == [f"approval ring-{plan['against'][:12]}-canary, once ring 'canary' is done"]
    assert [each["ring"] for each in plan["forecast"]["rings"]] == ["canary"]


async def test_a_policy_beyond_the_bound_waits_for_its_approval_in_the_plan(fleet):
    """rollout.policyChange of the policy in force: the plan names the approval that the whole policy would need."""
    bound = "  policyChange: {clusters: 3}"
    await fleet.three_under(bound)
    await fleet.house.sweep.run()

    large = await plan_of(fleet, PROFILE.format(volcano="true", rollout=bound))
    small = await plan_of(fleet, PROFILE.format(volcano="false", rollout=f"{bound}\n# as it was"))

    assert large["approval"] == f"policy-{large['against'][:12]}"
    assert (large["forecast"]["left"], large["forecast"]["done"]) == (3, None)
    assert (small["approval"], small["items"]) == (None, [])


async def test_more_new_clusters_than_expected_are_held_in_the_plan_as_by_a_sweep(fleet):
    """A slip with tags is seen before anything is done; applying the plan installs nothing."""
    await fleet.put_policy(volcano="false", rollout="  newClusters: {perHour: 40, massSelection: 20}")
    fleet.made(30, SELECTED)
    since = len(fleet.control.requests())

    plan = await plan_of(fleet)
    applied = await fleet.house.planner.apply(plan)

    assert {item["hold"]["code"] for item in plan["items"]} == {"mass-selection"}
    assert plan["counts"]["going"] == 0
    assert (applied["asked"], applied["held"]) == (0, {"mass-selection": 30})
    assert await fleet.asked() == []
    assert fleet.control.writes(since) == []


async def test_applying_asks_for_what_is_unchanged_and_skips_what_is_stale(mixed):
    """A tag that was set since, a cluster that is gone: skipped and named; the rest is asked for and done."""
    fresh = mixed.made(6, SELECTED, "fresh")
    plan = await plan_of(mixed)
    changed, gone, *rest = sorted(fresh)
    mixed.control.set_tags(str(changed), SELECTED | {"team": "blue"}, emit=False)
    mixed.control.set_tags(str(gone), {}, emit=False)

    applied = await mixed.house.planner.apply(plan)
    asked = await mixed.asked()
    done = await looked(mixed, asked)

    assert applied == {"asked": 4, "stale": [str(changed), str(gone)], "held": {}, "later": 0}
    assert sorted(asked) == rest
    assert done == {(str(cluster), "Install") for cluster in rest}


async def test_applying_is_no_approval_and_passes_no_gate(mixed):
    """A pause that was set after the plan was made holds all of it; nobody is even looked at."""
    mixed.made(3, SELECTED, "fresh")
    plan = await plan_of(mixed)
    now = mixed.clock()
    pause = FleetWord("pause-1", FleetVerb.PAUSE, "fleet", "ada", "an audit", now, now + timedelta(hours=1))
    await mixed.house.intents.say(pause)

    applied = await mixed.house.planner.apply(plan)

    assert applied == {"asked": 0, "stale": [], "held": {"pause": 3}, "later": 0}
    assert await mixed.asked() == []


async def test_no_more_than_the_hours_places_are_asked_for(fleet):
    """The books' room counts for a plan as for a sweep; the others come by the sweeps."""
    await fleet.put_policy(volcano="false", rollout="  newClusters: {perHour: 2}")
    fleet.made(5, SELECTED)
    plan = await plan_of(fleet)

    applied = await fleet.house.planner.apply(plan)

    assert (applied["asked"], applied["later"]) == (2, 3)
    assert len(await fleet.asked()) == 2
    done = [
        timedelta(seconds=(datetime.fromisoformat(at) - datetime.fromisoformat(plan["asOf"])).total_seconds())
        for at in plan["forecast"]["done"]
    ]
    assert timedelta(hours=2) <= done[0] <= done[1] <= timedelta(hours=3)


async def test_what_is_not_remembered_is_said_to_need_a_look_first(mixed):
    """Rows do not tell whose an extension is: no step is invented, and none is denied."""
    forgotten = [ClusterId.parse(entry.id) for entry in await mixed.entries()][:4]
    for cluster in forgotten:
        await mixed.house.table.forget(cluster)

    plan = await plan_of(mixed)

    assert plan["items"] == []
    assert plan["counts"]["unsure"] == 4
    assert plan["unsure"] == sorted(map(str, forgotten))


async def test_a_plan_for_one_cluster_speaks_of_no_other(mixed):
    """The policy's edit on one cluster: one item."""
    one = ClusterId.parse((await mixed.entries())[0].id)

    plan = await plan_of(mixed, PROFILE.format(volcano="true", rollout=ACTING), one)

    assert steps(plan) == {(str(one), "Update")}
    assert plan["counts"]["clusters"] == 1


async def test_what_waits_for_an_approval_is_an_item_that_does_not_go(fleet):
    """The policy's enforcement holds a disruptive update; the plan names its approval."""
    text = PROFILE.replace("updateDisruptive: act", "updateDisruptive: approve")
    fleet.made(2, SELECTED)
    await fleet.put_policy(volcano="false", rollout=ACTING)
    await fleet.converge()
    await fleet.house.sweep.run()

    plan = await plan_of(fleet, text.format(volcano="true", rollout=ACTING))

    assert {(item["hold"]["code"], bool(item["hold"]["approval"])) for item in plan["items"]} == {("approval", True)}
    assert (plan["counts"]["changes"], plan["counts"]["going"]) == (2, 0)
    assert (plan["forecast"]["left"], plan["forecast"]["waits"]) == (2, ["held: approval"])


async def test_report_mode_says_what_would_be_done(mixed, monkeypatch):
    """The items are those of an instance that may act; the plan says once that this one may not."""
    fresh = mixed.made(2, SELECTED, "fresh")
    monkeypatch.setenv("MUSTER_MODE", "report")

    before = await plan_of(mixed)
    assert await looked(mixed, fresh) == set()
    after = await plan_of(mixed)

    for plan in (before, after):
        assert "report" in plan["ceiling"]
        assert steps(plan) == {(str(cluster), "Install") for cluster in fresh}
        assert plan["counts"]["going"] == 2


async def test_what_a_look_found_in_the_way_stands_in_the_plan(mixed):
    """Rows do not tell that a provider is not registered: the plan says what it has not read, then what was found."""
    mixed.control.register_provider(mixed.subscription, "Microsoft.KubernetesConfiguration", "NotRegistered")
    (fresh,) = mixed.made(1, SELECTED, "fresh")
    before = await plan_of(mixed)
    await mixed.house.sweep.run()
    assert await looked(mixed, await mixed.asked()) == set()
    mixed.pass_time(timedelta(minutes=20))
    after = await plan_of(mixed)
    applied = await mixed.house.planner.apply(after)

    assert [(each["cluster"], each["hold"]) for each in before["items"]] == [(str(fresh), None)]
    assert "surroundings" in before["items"][0]["reads"]
    assert [(each["action"], each["hold"]["code"]) for each in after["items"]] == [("Install", "preflight")]
    assert (after["counts"]["going"], applied["asked"]) == (0, 0)


async def test_a_plan_ends_after_a_day_and_its_document_goes(mixed):
    """It is found no more; whoever asks for the next plan clears it away."""
    first = await plan_of(mixed)
    mixed.pass_time(timedelta(hours=26))
    ended = await mixed.house.planner.of(first["id"])
    second = await mixed.house.planner.begin(Wish("ada"))
    container = mixed.house.sweep.documents._container
    names = [blob.name async for blob in container.list_blobs(name_starts_with="plans/")]

    assert ended is None
    assert names == [f"plans/{second}.json"]


async def test_a_plan_that_nobody_makes_in_time_has_failed(mixed):
    """Its maker was stopped, say: whoever waits is told to ask again."""
    planner = mixed.house.planner
    plan = await planner.begin(Wish("ada"))
    making = (await planner.of(plan)).body["status"]
    mixed.pass_time(timedelta(minutes=31))
    late = (await planner.of(plan)).body

    assert making == "making"
    assert late["status"] == "failed"
    assert "ask again" in late["failure"]


async def test_a_fleet_that_cannot_be_read_makes_no_plan(mixed):
    """The plan fails with Azure's reason; it is never a plan of what was seen so far."""
    mixed.control.add_fault(service="resource-graph", kind="status", status=503)

    plan = await plan_of(mixed)

    assert plan["status"] == "failed"
    assert plan["failure"]


async def test_an_import_of_three_hundred_hand_made_installs_plans_no_change(fleet):
    """Under the policy that `muster import` writes, before the first look and after it."""
    made = fleet.made(300, SELECTED)
    fleet.control.put_extensions(
        [
            {
                "cluster_id": str(cluster),
                "name": ("azureml", "aml", "arc-ml")[number % 3],
                "created_by": f"hand-{number % 7}@example.com",
                "properties": {
                    "extensionType": "Microsoft.AzureML.Kubernetes",
                    "configurationSettings": HAND_MADE[number % 3],
                    "releaseTrain": "stable",
                    "autoUpgradeMinorVersion": number % 2 == 0,
                },
            }
            for number, cluster in enumerate(made)
        ]
    )
    clusters, extensions = await fleet_of(fleet.house.sweep.graph, [fleet.subscription])
    imported = import_fleet(clusters, extensions, fleet.clock())
    standing = await fleet.house.reconciler.generations.current()

    against = await plan_of(fleet, imported.policy)
    fleet.policy.write_text(imported.policy)
    await fleet.house.reconciler.generations.current(at_least=standing.generation + 1)
    before = await plan_of(fleet)
    since = len(fleet.control.requests())
    await fleet.house.sweep.run()
    done = await looked(fleet, await fleet.asked())
    after = await plan_of(fleet)

    assert len(imported.expected) == 300
    assert (steps(against), steps(before), steps(after), done) == (set(), set(), set(), set())
    assert (against["counts"]["held"], before["counts"]["held"], after["counts"]["held"]) == (0, 0, 0)
    assert (before["counts"]["unsure"], after["counts"]["unsure"]) == (300, 0)
    assert fleet.control.writes(since) == []
