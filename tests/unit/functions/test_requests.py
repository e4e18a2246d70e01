"""Bodies of the API: read strictly, each wrong field named."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.requests import LARGEST_BODY, Install, Look, Uninstall, future, read
from shared.errors import RequestError

NOW = datetime(2026, 8, 22, 12, 0, tzinfo=UTC)


def refused(kind, body):
    """The fields that a refusal names."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(RequestError) as raised:
        read(kind, raw)
    return [finding.where for finding in raised.value.findings]


def test_an_install_is_read_with_all_its_fields():
    """Values of settings may be any scalar; blanks around texts go."""
    body = read(
        Install,
        b'{"cluster": " /x ", "profile": "training", "settings": {"a": true, "b": 2, "c": "d"},'
        b' "until": "2026-09-01T00:00:00+02:00", "reason": "trial", "dryRun": true}',
    )

    assert (body.cluster, body.profile, body.reason, body.dryRun) == ("/x", "training", "trial", True)
    assert body.settings == {"a": True, "b": 2, "c": "d"}
    assert body.until == datetime(2026, 8, 31, 22, 0, tzinfo=UTC)


def test_an_install_needs_no_more_than_a_cluster():
    """The rest has defaults; two requests share none of them."""
    first, second = read(Install, b'{"cluster": "/x"}'), read(Install, b'{"cluster": "/y"}')

    assert (first.profile, first.settings, first.until, first.dryRun) == (None, {}, None, False)
    assert first.settings is not second.settings


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["cluster"]),
        ({"cluster": ""}, ["cluster"]),
        ({"cluster": 5}, ["cluster"]),
        ({"cluster": "x" * 401}, ["cluster"]),
        ({"cluster": "/x", "profil": "a"}, ["profil"]),
        ({"cluster": "/x", "profile": ""}, ["profile"]),
        ({"cluster": "/x", "until": "2026-09-01T00:00:00"}, ["until"]),
        ({"cluster": "/x", "until": "soon", "dryRun": "perhaps"}, ["until", "dryRun"]),
        ({"cluster": "/x", "settings": {f"s{n}": "x" for n in range(101)}}, ["settings"]),
        ({"cluster": "/x", "reason": "x" * 1001}, ["reason"]),
    ],
)
def test_wrong_fields_of_an_install_are_all_named(body, fields):
    """By the names that the caller wrote."""
    assert refused(Install, body) == fields


def test_a_nested_setting_is_named_by_its_path():
    """Settings are scalars; the field is settings.<key>."""
    named = refused(Install, {"cluster": "/x", "settings": {"a": {"b": 1}}})

    assert all(field.startswith("settings.a") for field in named)


@pytest.mark.parametrize("raw", [b"{", b"[]", b"null", b'"x"', b"\xff", b"\x00"])
@pytest.mark.parametrize("kind", [Install, Uninstall, Look])
def test_what_is_no_json_object_is_refused(kind, raw):
    """With a word about it, never a traceback."""
    assert refused(kind, raw) == [""]


def test_a_body_that_is_too_large_is_not_parsed():
    """Sixty-four kilobytes are more than any request needs."""
    with pytest.raises(RequestError, match=str(LARGEST_BODY)):
        read(Look, b" " * (LARGEST_BODY + 1))


def test_an_uninstall_wants_a_reason():
    """It is written down; acceptance is never assumed."""
    assert refused(Uninstall, {}) == ["reason"]
    assert refused(Uninstall, {"reason": "  "}) == ["reason"]
    assert read(Uninstall, b'{"reason": "moved"}').acceptDisruption is False


def test_an_empty_body_asks_for_a_look():
    """And anything within it is a mistake."""
    read(Look, b"")
    assert refused(Look, {"x": 1}) == ["x"]


def test_an_end_lies_in_the_future():
    """None is no end."""
    future(None, NOW)
    future(NOW + timedelta(seconds=1), NOW)
    with pytest.raises(RequestError) as raised:
        future(NOW, NOW)

    assert raised.value.findings[0].where == "until"


@settings(max_examples=150, deadline=None, database=None)
@given(st.sampled_from([Install, Uninstall, Look]), st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused(kind, raw):
    """Whatever arrives, the answer is ours."""
    try:
        body = read(kind, raw)
    except RequestError:
        return
    assert isinstance(body, kind)
