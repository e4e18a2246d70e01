"""Answers of the API: JSON, and problems that say what is wrong and whether to try again."""

import asyncio
import json

import azure.functions as func
import pytest

from functions.answers import AtWork, Conflicting, NotFound, Unprocessable, answer, problem, problems_told
from shared import errors
from shared.errors import Finding, MusterError


def every_error(kind=MusterError):
    """All classes of the tree of errors, and those of the API."""
    below = [one for each in kind.__subclasses__() for one in every_error(each)]
    return [each for each in (kind, *below) if each.__module__ in {"shared.errors", "functions.answers"}]


def body_of(response):
    """The JSON of an answer."""
    return json.loads(response.get_body())


def test_an_answer_is_json_with_its_headers():
    """Letters of any script as they are."""
    response = answer({"name": "Zürich"}, status=202, headers={"Location": "/x"})

    assert (response.status_code, response.mimetype) == (202, "application/json")
    assert "Zürich".encode() in response.get_body()
    assert response.headers["Location"] == "/x"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.InvalidClusterId("x"), 400),
        (errors.RequestError("x"), 400),
        (NotFound("x"), 404),
        (Conflicting("x"), 409),
        (Unprocessable("x"), 422),
        (errors.SettingsError("x"), 422),
        (errors.PolicyError("x"), 503),
        (errors.Absent("x"), 404),
        (errors.NotAuthorized("x"), 503),
        (errors.Throttled("x"), 503),
        (errors.ScopeUnknown("x"), 503),
        (errors.IntentsUnreadable("x"), 503),
        (errors.ConfigurationError("x"), 503),
    ],
)
def test_each_error_has_its_status(error, status):
    """What the caller must change is 4xx, what passes by itself is 503."""
    response = problem(error)

    assert response.status_code == status
    assert response.mimetype == "application/problem+json"
    assert body_of(response)["status"] == status
    assert body_of(response)["code"] == type(error).__name__


@pytest.mark.parametrize("kind", every_error(), ids=lambda kind: kind.__name__)
def test_every_error_is_a_whole_problem(kind):
    """All fields of the format, the advice on retrying among them; whoever may come back hears when."""
    error = kind("what is wrong")
    error.retry_after = 7.4
    response = problem(error)
    body = body_of(response)

    assert {"type", "title", "status", "detail", "code", "retry"} <= set(body)
    assert body["detail"] == "what is wrong"
    assert body["retry"] in {"never", "soon", "later"}
    assert (response.headers.get("Retry-After") == "7") == (kind is AtWork or response.status_code == 503)


def test_findings_name_each_field():
    """One entry for each."""
    error = Unprocessable("x", (Finding("settings.a", "unknown"), Finding("profile", "gone")))

    assert body_of(problem(error))["errors"] == [
        {"field": "settings.a", "message": "unknown"},
        {"field": "profile", "message": "gone"},
    ]


@pytest.mark.parametrize(("wait", "header"), [(None, "30"), (0.0, "30"), (0.2, "1"), (600.0, "600")])
def test_a_passing_trouble_says_when_to_come_back(wait, header):
    """At least a second; half a minute where nobody said."""
    assert problem(errors.Unavailable("x", retry_after=wait)).headers["Retry-After"] == header


def test_our_errors_become_problems_and_defects_stay_defects():
    """A handler's answer goes through as it is; what is not ours reaches the host."""

    @problems_told
    async def handler(req: func.HttpRequest) -> func.HttpResponse:
        raise {"ours": NotFound("gone"), "defect": ZeroDivisionError()}[req.params["as"]]

    def asked(how):
        return asyncio.run(handler(func.HttpRequest("GET", "/", params={"as": how}, body=b"")))

    assert asked("ours").status_code == 404
    assert handler.__name__ == "handler"
    with pytest.raises(ZeroDivisionError):
        asked("defect")
