"""Every route of the API at its door: without a key, with a borrowed name, with bodies that are far too large."""

from urllib.parse import quote

import pytest

from tests.scenario.stage import Stage

KEY = "L3N1YnNjcmlwdGlvbnMvMTE"
ROUTES = (
    ("POST", "/api/installs"),
    ("GET", "/api/clusters"),
    ("GET", f"/api/clusters/{KEY}"),
    ("POST", f"/api/clusters/{KEY}/uninstall"),
    ("POST", f"/api/clusters/{KEY}/reconcile"),
    ("DELETE", f"/api/clusters/{KEY}/intent"),
    ("POST", "/api/pauses"),
    ("GET", "/api/pauses"),
    ("DELETE", "/api/pauses/nothing"),
    ("GET", "/api/approvals"),
    ("POST", "/api/approvals/nothing"),
    ("POST", "/api/plans"),
    ("GET", f"/api/plans/{'0' * 32}"),
    ("POST", f"/api/plans/{'0' * 32}/apply"),
    ("GET", "/api/compliance"),
    ("GET", "/api/policy"),
)


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_no_route_opens_without_the_key(stage: Stage, method: str, path: str) -> None:
    """401 from the host, before any function of ours runs."""
    before = {name: book["started"] for name, book in stage.invocations().items()}

    assert stage.call(method, path, {}, key=False).status == 401
    assert {name: book["started"] for name, book in stage.invocations().items()} == before


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_no_route_believes_a_borrowed_name(stage: Stage, method: str, path: str) -> None:
    """Even with the key: 400, since the platform does not authenticate here."""
    answer = stage.call(method, path, {}, headers={"X-MS-CLIENT-PRINCIPAL": "eyJyb2xlcyI6WyJGbGVldC5PcGVyYXRvciJdfQ=="})

    assert (answer.status, answer.headers["Content-Type"]) == (400, "application/problem+json")
    assert "X-MS-CLIENT-PRINCIPAL" in answer.body["detail"]


@pytest.mark.parametrize("path", [path for method, path in ROUTES if method == "POST"])
def test_a_body_that_is_far_too_large_is_refused(stage: Stage, path: str) -> None:
    """400 with the limit, whatever is in it, and nothing is kept."""
    answer = stage.post(path, {"reason": "x" * 200_000})

    assert answer.status in {400, 404}, answer.body
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert len(str(answer.body)) < 2_000


@pytest.mark.parametrize(
    "key",
    [
        "..%2f..%2fsubscriptions",
        "L3N1YnNjcmlwdGlvbnMvLi4vLi4vcHJvdmlkZXJz",
        "%00",
        "a" * 5000,
        "'%20or%20PartitionKey%20ne%20'",
        "x'%7C%20union%20resources",
    ],
)
def test_a_key_that_is_no_clusters_leads_nowhere(stage: Stage, key: str) -> None:
    """Path tricks and other languages' quotes: refused or not found, and Azure is asked nothing."""
    before = len(stage.control.requests())

    assert stage.get(f"/api/clusters/{key}").status in {400, 404, 414}
    assert stage.post(f"/api/clusters/{key}/reconcile").status in {400, 404, 414}
    assert len(stage.control.requests()) == before


@pytest.mark.parametrize("text", ["' or '1' eq '1", "'; drop table", "x' | union resources", "..", "\\'"])
def test_what_a_person_looks_for_stays_a_text(stage: Stage, text: str) -> None:
    """Filters and ids with quotes of OData and KQL find nothing, and nobody's rows."""
    for name in ("q", "subscription", "profile", "id"):
        answer = stage.get(f"/api/clusters?{name}={quote(text)}")
        assert answer.status in {200, 400, 404}, answer.body
        assert not answer.body.get("items")
