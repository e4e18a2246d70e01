"""Lists of the API, page by page."""

from tests.scenario.stage import SUBSCRIPTION, Stage


def test_pages_hold_every_cluster_once(stage: Stage) -> None:
    """Whatever stands in the names of resource groups: a hyphen and a dot come before a slash, and after no letter."""
    for group in ("rg", "rg-2", "rg.1", "rga"):
        for name in ("one", "two"):
            stage.control.create_cluster(
                kind="aks", name=name, subscription=SUBSCRIPTION, resource_group=group, emit=False
            )
    stage.sweep()
    whole = [each["id"] for each in stage.get("/api/clusters").body["items"]]
    found: list[str] = []
    page = stage.get("/api/clusters?limit=1").body
    while "continuation" in page:
        found += [each["id"] for each in page["items"]]
        page = stage.get(f"/api/clusters?limit=1&continuation={page['continuation']}").body
    found += [each["id"] for each in page["items"]]

    assert len(whole) == 8
    assert found == whole
