"""What pages are made of, on real storage: whether their figures are old, and what happened."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from functions.page_views import cluster_of, list_of, map_of, overview_of, policy_of
from functions.readings import cluster_view
from shared.model.identity import ClusterId
from shared.report.rendering import render

FRAME = {"root": "/api/ui", "here": "", "who": "ada", "form": "f" * 43, "done": ""}
TOLD = "These figures are old: the last whole sweep was 5 hours ago."


@pytest.fixture
async def cluster(house, control, subscription):
    """A cluster that one sweep has seen."""
    made = control.create_cluster(kind="aks", name="a", subscription=subscription, tags={"aml-onboard": "true"})
    await house.sweep.run()
    return ClusterId.parse(made)


async def pages(house, cluster):
    """Every page as text, by its name."""
    views = {
        "overview": await overview_of(house),
        "clusters": await list_of(house, {}),
        "map": await map_of(house, "region"),
        "policy": await policy_of(house),
        "cluster": await cluster_of(house, await cluster_view(house, cluster)),
    }
    return {name: render(name, **FRAME, **view) for name, view in views.items()}


async def test_every_page_with_figures_says_that_they_are_old(house, cluster):
    """Once; right after a sweep none does, and what is read afresh never does."""
    later = replace(house, clock=lambda: datetime.now(UTC) + timedelta(hours=5))
    fresh, old = await pages(house, cluster), await pages(later, cluster)

    assert [name for name, text in fresh.items() if "These figures are old" in text] == []
    assert {name: text.count(TOLD) for name, text in old.items()} == {
        **dict.fromkeys(("overview", "clusters", "map", "policy"), 1),
        "cluster": 0,
    }
    assert 'class="old"' in old["overview"]


async def test_the_policy_says_who_put_it_in_force(house, cluster):
    """On the overview and on its own page."""
    told = await pages(house, cluster)

    assert "by the app&#39;s own file policy.yaml" in told["overview"]
    assert "Put in force by: the app&#39;s own file policy.yaml." in told["policy"]
