"""Who calls, by the platform's word or by the key, and what he may do."""

import base64
import json

import azure.functions as func
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.answers import Forbidden, Unauthenticated, problem
from functions.callers import KEY_HOLDER, Role, admitted, caller_of
from shared.errors import RequestError

NAME = "X-MS-CLIENT-PRINCIPAL"


def request(method="GET", **headers):
    """A call with headers; underscores stand for hyphens."""
    return func.HttpRequest(method, "/", headers={k.replace("_", "-"): v for k, v in headers.items()}, body=b"")


def named(**body):
    """The header with this body."""
    return {"X_MS_CLIENT_PRINCIPAL": base64.b64encode(json.dumps(body).encode()).decode()}


@pytest.fixture
def _vouched(monkeypatch):
    """The platform authenticates."""
    monkeypatch.setenv("WEBSITE_AUTH_ENABLED", "True")


@pytest.mark.parametrize("header", [NAME, "x-ms-client-principal-name", "X-Ms-Client-Principal-Id"])
def test_a_borrowed_name_is_refused(header, monkeypatch):
    """Where the platform does not authenticate, its headers come from anybody: 400; without them the key decides."""
    monkeypatch.delenv("WEBSITE_AUTH_ENABLED", raising=False)
    with pytest.raises(RequestError, match="set by App Service authentication alone") as caught:
        caller_of(request(**{header: "eyJyb2xlcyI6W119"}))

    assert problem(caught.value).status_code == 400
    assert admitted(request("POST")).name == KEY_HOLDER


@pytest.mark.usefixtures("_vouched")
@pytest.mark.parametrize(
    ("roles", "reads", "writes"),
    [
        (["Fleet.Reader"], True, False),
        (["Fleet.Operator"], True, True),
        (["Fleet.Owner"], False, False),
        ([], False, False),
    ],
)
def test_the_role_decides(roles, reads, writes):
    """A reader asks, an operator does, nobody else gets anything: 403, with the role that it takes."""
    claims = [{"typ": "roles", "val": role} for role in roles] + [{"typ": "name", "val": "Ada"}]
    for method, may in (("GET", reads), ("POST", writes), ("DELETE", writes)):
        asked = request(method, **named(claims=claims))
        if may:
            assert admitted(asked).name == "Ada"
            continue
        with pytest.raises(Forbidden) as caught:
            admitted(asked)
        assert problem(caught.value).status_code == 403
        assert (Role.READER if method == "GET" else Role.OPERATOR) in str(caught.value)


@pytest.mark.usefixtures("_vouched")
def test_an_application_is_known_by_its_id():
    """And whoever brings no name at all is not called by another's."""
    role = {"typ": "roles", "val": "Fleet.Operator"}

    assert caller_of(request(**named(claims=[role, {"typ": "appid", "val": "0c0ffee0"}]))).name == "0c0ffee0"
    assert caller_of(request(**named(claims=[role]))).name == "somebody without a name"


@pytest.mark.usefixtures("_vouched")
@given(
    header=st.text(st.characters(codec="ascii", exclude_characters="\r\n"))
    | st.binary().map(lambda b: base64.b64encode(b).decode())
)
def test_whatever_the_header_holds_nobody_gets_in_by_it(header):
    """Anything but the platform's own form: 401, and no other error."""
    with pytest.raises(Unauthenticated) as caught:
        caller_of(request(X_MS_CLIENT_PRINCIPAL=header))

    assert problem(caught.value).status_code == 401
