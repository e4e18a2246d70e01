"""ETags: over the content, compared as RFC 9110 says."""

import azure.functions as func
import pytest

from functions.answers import answer
from functions.revalidation import revalidated, weak_tag


def asked(given, tag):
    """A handler's answer to a request with this If-None-Match, and the answer's own tag set or not."""

    @revalidated
    async def handler(_):
        return answer({"a": 1}, headers={"ETag": tag} if tag else None)

    headers = {} if given is None else {"If-None-Match": given}
    return handler(func.HttpRequest("GET", "/api/policy", headers=headers, body=b""))


@pytest.mark.parametrize(
    ("given", "status"),
    [
        (None, 200),
        ("", 200),
        ("*", 304),
        ('"here"', 304),
        ('W/"here"', 304),
        ('"other", W/"here"', 304),
        ('"other","here"', 304),
        ('"other"', 200),
        ("here", 200),
        ('"he"re"', 200),
        ('"not here"', 200),
    ],
)
@pytest.mark.parametrize("tag", ['"here"', 'W/"here"'])
async def test_a_tag_is_found_in_any_list(given, status, tag):
    """Weak and strong alike; what is no tag is none."""
    found = await asked(given, tag)

    assert (found.status_code, found.headers["ETag"]) == (status, tag)
    assert (found.get_body() == b"") is (status == 304)


async def test_a_tag_follows_the_content():
    """The same content, the same tag; and what the answer's maker said is its tag goes before."""
    first, again = await asked(None, None), await asked(None, None)

    assert first.headers["ETag"] == again.headers["ETag"]
    assert (await asked(first.headers["ETag"], None)).status_code == 304
    assert weak_tag({"a": 1}) != weak_tag({"a": 2})


async def test_a_refusal_has_no_tag():
    """Only what was found can be found again."""

    @revalidated
    async def handler(_):
        return answer({"a": 1}, status=404)

    found = await handler(func.HttpRequest("GET", "/api/policy", headers={"If-None-Match": "*"}, body=b""))

    assert (found.status_code, "ETag" in found.headers) == (404, False)
