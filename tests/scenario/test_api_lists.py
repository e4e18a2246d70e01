"""Lists of the API, page by page."""

import csv
import io

import pytest

from tests.scenario.stage import SELECTED, SUBSCRIPTION, Stage

STAGE = {"timing": {"backoffMax": "2h"}}
# Such a failure goes into quarantine at once.
FAILURE = "Error: role conflict cannot be imported into the current release"


@pytest.fixture(scope="module")
def fleet(stage: Stage) -> list[str]:
    """Clusters whose tag cannot be read, which somebody has to mend, and one that nobody chose.

    Whatever stands in the names of resource groups: a hyphen and a dot come before a slash, and after no letter.
    """
    made = [
        stage.control.create_cluster(
            kind="aks",
            name=name,
            subscription=SUBSCRIPTION,
            resource_group=group,
            tags={"aml-onboard": "perhaps"} if name == "two" else {},
            emit=False,
        )
        for group in ("rg", "rg-2", "rg.1", "rga")
        for name in ("one", "two")
    ]
    stage.sweep()
    return made


def paged(stage: Stage, path: str) -> list[str]:
    """The items of a list, one to a page."""
    found: list[str] = []
    page = stage.get(f"{path}limit=1").body
    while "continuation" in page:
        assert len(page["items"]) == 1
        found += [each["id"] for each in page["items"]]
        page = stage.get(f"{path}limit=1&continuation={page['continuation']}").body
    return found + [each["id"] for each in page["items"]]


def test_pages_hold_every_cluster_once(stage: Stage, fleet: list[str]) -> None:
    """In the order of their ids."""
    whole = [each["id"] for each in stage.get("/api/clusters").body["items"]]

    assert len(whole) == len(fleet)
    assert paged(stage, "/api/clusters?") == whole


def test_what_needs_somebody_comes_by_pages(stage: Stage, fleet: list[str]) -> None:
    """Each cluster once; the figures are of all of them on every page, and a file for spreadsheets has them all."""
    mend = sorted(each.lower() for each in fleet if each.endswith("/two"))
    first = stage.get("/api/compliance?view=attention&limit=1").body
    sheet = stage.get("/api/compliance?view=attention&format=csv&limit=1").body

    assert first["clusters"] == len(mend) == 4
    assert paged(stage, "/api/compliance?view=attention&") == mend
    assert [row["id"] for row in csv.DictReader(io.StringIO(sheet))] == mend


@pytest.mark.parametrize("path", ["/api/clusters", "/api/compliance?view=attention", "/api/approvals"])
def test_a_continuation_that_came_from_no_answer_is_refused(stage: Stage, fleet: list[str], path: str) -> None:
    """400, and the parameter is named."""
    del fleet
    answer = stage.get(f"{path}{'&' if '?' in path else '?'}continuation=aGVsbG8=")

    assert (answer.status, [each["field"] for each in answer.body["errors"]]) == (400, ["continuation"])


def test_what_waits_for_an_approval_comes_by_pages(stage: Stage, fleet: list[str]) -> None:
    """Each cluster once; what was given stands on the first page."""
    del fleet
    broken = [
        stage.control.create_cluster(
            kind="aks", name=f"broken-{n}", subscription=SUBSCRIPTION, tags=SELECTED, emit=False
        )
        for n in range(3)
    ]
    for each in broken:
        stage.control.outcome(each, fail=FAILURE, times=9)
    stage.sweep()
    stage.until(lambda: len(stage.get("/api/approvals").body["items"]) == 3, "the quarantines")
    whole = stage.get("/api/approvals").body
    given = stage.post(f"/api/approvals/{whole['items'][0]['id']}", {"approve": True, "reason": "mended"})
    first = stage.get("/api/approvals?limit=1").body
    second = stage.get(f"/api/approvals?limit=1&continuation={first['continuation']}").body

    assert given.status == 202
    assert len(first["items"]) == 1
    assert [each["id"] for each in first["given"]] == [whole["items"][0]["id"]]
    assert [each["cluster"] for each in whole["items"]] == sorted(each.lower() for each in broken)
    assert second["items"][0]["cluster"] > first["items"][0]["cluster"]
    assert second["given"] == []
