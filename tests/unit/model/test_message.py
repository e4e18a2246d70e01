"""Messages of the queue: read back as written, tolerant of what is added, strict about what is wrong."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import InputError, InvalidClusterId, RequestError
from shared.model.identity import ClusterId, Kind
from shared.model.message import decode, encode
from shared.model.request import Reason, Request

NOW = datetime(2026, 8, 22, 12, 0, 0, 123456, UTC)
CLUSTER = ClusterId("11111111-2222-3333-4444-555555555555", "straße", Kind.ARC, "edge")
MODERATE = settings(max_examples=80, deadline=None, database=None)

moments = st.datetimes(timezones=st.just(UTC))
requests = st.builds(
    Request,
    st.just(CLUSTER),
    st.sampled_from(Reason),
    moments,
    due=st.none() | moments,
    generation=st.integers(0, 10**9),
    traceparent=st.none() | st.from_regex(r"00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]", fullmatch=True),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=5,
)
FIELDS = ["v", "cluster", "reason", "requestedAt", "due", "policy", "traceparent"]


def body(**fields: object) -> str:
    """A right message with some fields replaced; `...` leaves one out."""
    right = {"v": 1, "cluster": str(CLUSTER), "reason": "event", "requestedAt": NOW.isoformat()}
    return json.dumps({key: value for key, value in (right | fields).items() if value is not ...})


@MODERATE
@given(requests)
def test_a_request_comes_back_as_it_was_sent(request):
    """To the microsecond: a follow-up is known by its moment. It fits a queue message by far."""
    text = encode(request)

    assert decode(text) == request
    assert len(text) < 4096


def test_unknown_fields_are_ignored():
    """A later version may say more while instances are replaced."""
    assert decode(body(v=2, invented={"a": [1]})) == Request(CLUSTER, Reason.EVENT, NOW)


def test_an_id_in_any_letter_case_names_the_cluster():
    """Messages may be written by people."""
    assert decode(body(cluster=str(CLUSTER).replace("subscriptions", "Subscriptions"))).cluster == CLUSTER


def test_a_message_without_the_later_fields_is_whole():
    """Due, generation and trace are not always there; null is as good as absent."""
    request = decode(body(due=None, policy=None, traceparent=None))

    assert (request.due, request.generation, request.traceparent) == (None, 0, None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "[]",
        '"text"',
        "\0",
        "[" * 100_000,
        body(cluster=...),
        body(cluster=None),
        body(cluster=[str(CLUSTER)]),
        body(reason=...),
        body(reason="invented"),
        body(reason=["event"]),
        body(requestedAt=...),
        body(requestedAt="yesterday"),
        body(requestedAt=5),
        body(due="soon"),
        body(due=17),
        body(policy="three"),
        body(policy={"a": 1}),
        body(policy=17).replace("17", "1e400"),
        body(policy=17).replace("17", "NaN"),
    ],
)
def test_what_is_no_message_is_refused(text):
    """Each is an error that no retry mends, never a defect: the queue would deliver it again for nothing."""
    with pytest.raises(RequestError):
        decode(text)


def test_a_message_about_something_else_is_refused():
    """It names no cluster."""
    with pytest.raises(InvalidClusterId):
        decode(body(cluster="/subscriptions/x"))


@MODERATE
@given(st.sampled_from(FIELDS), json_values)
def test_any_value_in_any_field_is_read_or_refused(field, value):
    """And what was read can be written again."""
    try:
        request = decode(body(**{field: value}))
    except InputError:
        return
    assert decode(encode(request)) == request


def test_times_keep_their_offset():
    """Another zone is the same moment."""
    elsewhere = decode(body(due="2026-08-22T14:00:00+02:00"))

    assert elsewhere.due == datetime(2026, 8, 22, 12, 0, tzinfo=UTC)
    assert elsewhere.due - NOW < timedelta(0)
