"""The overview of a fleet that was made by hand: every part of it, counted."""

import re
from dataclasses import replace
from datetime import timedelta

from shared.fleet.ledger import Ledger
from shared.policy.rollout import Rollout
from shared.report.overview import Overview, overview
from shared.report.remedies import FAILURES, HOLDS
from shared.report.rendering import render
from tests.unit.report.fleet_by_hand import CHANGES, DAY, FIGURES, GATES, HOUR, NOW, OLD, SOURCES

VIEW = overview(SOURCES)
FRAME = {"root": "/api/ui", "here": "", "who": "ada", "form": "f" * 43, "done": "", "mode": "enforce"}


def page(view: Overview = VIEW, *, stale: bool = False, **more: object) -> str:
    """The page as its words, and its tags taken out."""
    frame = FRAME | {"now": view.sources.now, "as_of": view.sources.fleet.as_of, "stale": stale}
    frame |= {"complete": True, "fresh": False, "single": False, "changes": CHANGES}
    html = render("overview", **(frame | {"view": view} | more))
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html)).replace("&#39;", "'")


def test_the_share_has_numerator_and_denominator():
    """Current, not held, and verified far enough, of the managed ones; what is not managed stands beside it."""
    # Sound ones: sound, by-arm, unverified, five silent ones, aks-away, gpu-ours.
    assert (VIEW.counts.compliant, VIEW.counts.managed, VIEW.counts.clusters) == (10, 32, 35)
    assert VIEW.share == 10 / 32
    assert VIEW.counts.counts["management"] == {"Managed": 32, "NotSelected": 2, "HandsOff": 1}
    assert VIEW.counts.counts["condition"]["Missing"] == 1


def test_arc_clusters_away_are_counted_by_age_with_the_48_hour_line():
    """AKS has no agents; where nobody says since when, the worst is supposed."""
    assert VIEW.offline == (
        ("under an hour", 1),
        ("under a day", 1),
        ("under 48 hours", 1),
        ("48 hours and more: protected settings are lost", 2),
    )


def test_gpu_clusters_that_nobody_onboarded():
    """Not the managed one, nor one without GPUs."""
    assert VIEW.gpu_not_onboarded == 2


def test_versions_and_states_of_rings():
    """Done at its time; the one behind it waits with its reason; both with what landed and failed."""
    canary, early, rest = VIEW.rings

    assert VIEW.versions["rest"] == {"1.1.61": 14, "1.1.60": 1}
    assert VIEW.versions["canary"]["none"] == 5
    assert (canary.number, canary.landed, canary.failed, canary.state) == (1, 7, 1, "Done at 2026-11-27 09:00 UTC.")
    assert (early.clusters, early.state) == (0, GATES.waiting)
    assert (rest.clusters, rest.compliant, rest.state) == (15, 7, "Waits for the rings before it.")
    stopped = overview(replace(SOURCES, gates=replace(GATES, stopped="The rollout is stopped: 3 of 7 failed.")))
    assert stopped.rings[0].state.startswith("The rollout is stopped")


def test_verified_failures_and_holds_have_counts_and_remedies():
    """By components, by ARM alone, never; each class and code with what to do."""
    assert VIEW.counts.counts["verified"] == {"components": 30, "arm-only": 1, "never": 1}
    assert {(name, count) for name, count, _ in VIEW.failures} == {(name.value, 1) for name in FAILURES}
    assert all(remedy for _, _, remedy in (*VIEW.failures, *VIEW.holds))
    assert {name for name, _, _ in VIEW.holds} == {
        *("quarantine", "contested", "tag-invalid", "guardrail", "window", "ring", "budget", "busy", "approval")
    }
    assert {name: remedy for name, _, remedy in VIEW.holds}["busy"] == HOLDS["busy"]


def test_yesterday_the_trend_and_the_certificates():
    """The day before today, not the last one kept; certificates by their ends."""
    assert VIEW.yesterday is not None
    assert (VIEW.yesterday.clusters, len(VIEW.days), VIEW.days[0].share) == (39, 6, 0.5)
    assert [name.rpartition("/")[2] for name, _ in VIEW.certificates] == ["sooner", "later"]
    gap = replace(SOURCES, figures=FIGURES | {"days": FIGURES["days"][:-2]})
    assert overview(gap).yesterday is None


def test_needs_come_first_with_age_owner_and_remedy():
    """The fleet's approvals, the refused policy, then the clusters by kind; a kind that ends by itself is none."""
    assert [(needs.what, needs.count) for needs in VIEW.needs] == [
        ("approvals of the fleet", 3),
        ("policy", 1),
        ("approval", 1),
        ("quarantine", 1),
        ("contested", 1),
        ("tag-invalid", 1),
        ("guardrail", 1),
        ("conflict", 1),
    ]
    assert all(need.since is not None and need.remedy for needs in VIEW.needs for need in needs.first)
    assert VIEW.needs[3].first[0].owner == "Ada & Söhne"


def test_figures_are_old_after_three_usual_gaps():
    """Gaps of a quarter; without any sweep there is nothing that is fresh."""
    bound = SOURCES.fleet.as_of + timedelta(minutes=45)
    none_yet = replace(SOURCES.fleet, as_of=None)

    assert [overview(replace(SOURCES, now=now)).stale for now in (bound, bound + HOUR, NOW + DAY)] == [
        False,
        True,
        True,
    ]
    assert overview(replace(SOURCES, fleet=none_yet)).stale


def test_the_page_says_all_of_it():
    """Every part in words, in the order in which it matters."""
    told = page()
    parts = (
        "10 of 32 managed clusters are as the policy wants them",
        "The last sweep was not whole: One subscription does not answer.",
        "Needs you",
        "ring-dddd-canary 3 hours",
        "the newest policy 1 hour",
        "held-quarantine 5 hours Ada &amp; Söhne",
        "The last 24 hours",
        "The newest of at least 412 records; older ones: muster history of a cluster, GET /api/audit .",
        "Upgraded 1.1.60 1.1.61 the platform",
        "Update Drifted accepted: enableTraining Muster",
        "Extension changed Current Drifted: enableTraining a person",
        "Pause \N{EN DASH} \N{EN DASH} ada",
        "Last whole sweep 2026-11-27 11:50",
        "Subscriptions read 11 of 12",
        "Clusters in scope 35, yesterday 39",
        "generation 4, dddddddddddd , since 2026-11-25 12:00, by grace, who approved it; from the blob policy.yaml",
        "Writes today 17 of 50, 2 disruptive of 5",
        "Breaker open: 9 of 40",
        "GPU clusters not onboarded 2",
        "The last 6 days",
        "Rollout by ring",
        "Failures by class",
        "Held by",
        "Verified",
        "48 hours and more: protected settings are lost 2",
        "Pauses",
        "Certificates that end within 30 days",
        "Versions by ring",
    )
    places = [told.find(part) for part in parts]

    assert dict(zip(parts, places, strict=True)) == dict(zip(parts, sorted(places), strict=True))
    assert min(places) >= 0
    assert "These figures are old" not in told


def test_old_figures_and_a_trail_that_was_cut_are_said():
    """With the age; a cut trail never reads as if nothing had been written."""
    old = page(overview(OLD), stale=True)
    cut = page(changes=replace(CHANGES, lines=[]))
    quiet = page(changes=replace(CHANGES, lines=[], found=0, cut=False))

    assert "These figures are old: the last whole sweep was 5 hours ago." in old
    assert "Nothing was written" not in cut
    assert "no change stands in what was read" in cut
    assert "Nothing was written" in quiet


def test_without_a_rollout_nothing_is_counted_and_the_page_says_so():
    """A 0 would be a number that nobody has counted."""
    free = page(overview(replace(SOURCES, policy=replace(SOURCES.policy, rollout=Rollout()), books=Ledger())))

    assert "Writes today not counted: the policy limits nothing Breaker none" in free
