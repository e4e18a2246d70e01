"""The API behind App Service authentication: the platform says who calls, and the app role decides what he may do."""

import base64
import json
from typing import Any

import pytest

from tests.scenario.stage import SELECTED, SUBSCRIPTION, Answer, Stage
from tests.scenario.test_api_doors import ROUTES

STAGE = {"settings": {"WEBSITE_AUTH_ENABLED": "True"}}
READS = [each for each in ROUTES if each[0] == "GET"]
WRITES = [each for each in ROUTES if each[0] != "GET"]


def principal(*roles: str, name: str = "ada@example.com", role_typ: str = "roles") -> dict[str, str]:
    """The header as the platform sets it."""
    claims = [{"typ": "preferred_username", "val": name}, *({"typ": role_typ, "val": role} for role in roles)]
    body = {"auth_typ": "aad", "name_typ": "name", "role_typ": role_typ, "claims": claims}
    return {"X-MS-CLIENT-PRINCIPAL": base64.b64encode(json.dumps(body).encode()).decode()}


READER, OPERATOR = principal("Fleet.Reader"), principal("Fleet.Operator")


def called(stage: Stage, method: str, path: str, headers: dict[str, str], body: Any = None) -> Answer:
    """A call without a key."""
    return stage.call(method, path, {} if body is None else body, key=False, headers=headers)


@pytest.mark.parametrize(("method", "path"), READS)
def test_a_reader_may_ask(stage: Stage, method: str, path: str) -> None:
    """Of every route that only reads; an operator may as well."""
    for headers in (READER, OPERATOR):
        assert called(stage, method, path, headers).status in {200, 400, 404}


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_a_reader_may_ask_and_not_do(stage: Stage, method: str, path: str) -> None:
    """403 with the role that it takes; an operator gets further."""
    refused = called(stage, method, path, READER)

    assert (refused.status, refused.headers["Content-Type"]) == (403, "application/problem+json")
    assert "Fleet.Operator" in refused.body["detail"]
    assert called(stage, method, path, OPERATOR).status not in {401, 403}


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"X-MS-CLIENT-PRINCIPAL": "no base64"}, 401),
        ({"X-MS-CLIENT-PRINCIPAL": base64.b64encode(b"[]").decode()}, 401),
        ({"X-MS-CLIENT-PRINCIPAL": base64.b64encode(b'{"claims": "Fleet.Operator"}').decode()}, 401),
        (principal(), 403),
        (principal("fleet.operator", "Fleet.Owner"), 403),
        ({"X-MS-CLIENT-PRINCIPAL-NAME": "ada@example.com"}, 401),
    ],
    ids=["nobody", "no base64", "no object", "no claims", "no role", "other roles", "a name alone"],
)
def test_nobody_without_a_role_gets_anything(
    stage: Stage, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    """On no route; and the answer is a problem in words."""
    answer = called(stage, method, path, headers)

    assert (answer.status, answer.headers["Content-Type"]) == (status, "application/problem+json")


def test_roles_are_found_under_the_long_name_as_well(stage: Stage) -> None:
    """As the platform writes them for some tokens."""
    long = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"
    assert called(stage, "GET", "/api/pauses", principal("Fleet.Reader", role_typ=long)).status == 200


def test_who_said_it_is_recorded(stage: Stage) -> None:
    """Of a pause, of an installation by hand, and in the cluster's history."""
    wish = {"scope": "fleet", "until": "2999-01-01T00:00:00Z", "reason": "a trial"}
    paused = called(stage, "POST", "/api/pauses", OPERATOR, wish)
    ended = called(stage, "DELETE", f"/api/pauses/{paused.body['id']}", OPERATOR)
    cluster = stage.control.create_cluster(
        kind="aks", name="by-hand", subscription=SUBSCRIPTION, tags=SELECTED, emit=False
    )
    by_hand = called(stage, "POST", "/api/installs", OPERATOR, {"cluster": cluster, "profile": "training"})
    stage.installed(cluster)
    found = called(stage, "GET", by_hand.body["href"], READER).body

    assert (paused.status, ended.status, by_hand.status) == (201, 200, 202)
    assert paused.body["who"] == "ada@example.com"
    assert found["intent"]["who"] == "ada@example.com"
    assert found["history"][-1]["who"] == "ada@example.com"


def test_health_needs_nobody(stage: Stage) -> None:
    """Whoever watches the app may ask whether it lives."""
    assert called(stage, "GET", "/api/health", {}).status == 200
