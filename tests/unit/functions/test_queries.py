"""Query parameters of the API: read by models, each wrong one named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.queries import ClusterQuery, ComplianceQuery, read_query
from shared.errors import RequestError


def refused(kind, params):
    """The parameters that a refusal names."""
    with pytest.raises(RequestError) as raised:
        read_query(kind, params)
    return [finding.where for finding in raised.value.findings]


def test_words_are_found_in_any_case_and_empty_ones_ask_for_all():
    """As people type them, and as forms send them."""
    asked = read_query(ClusterQuery, {"management": "managed", "hold": "", "kind": "AKS", "limit": "7"})

    assert (asked.management, asked.hold, asked.kind, asked.limit) == ("Managed", "", "aks", 7)


@pytest.mark.parametrize(
    ("params", "wrong"),
    [
        ({"management": "Manged"}, ["management"]),
        ({"hold": "everything", "condition": "Current"}, ["hold"]),
        ({"managment": "Managed"}, ["managment"]),
        ({"limit": "0"}, ["limit"]),
        ({"limit": "1001"}, ["limit"]),
        ({"limit": "9" * 5000}, ["limit"]),
        ({"limit": "٣"}, ["limit"]),
        ({"limit": "5,5"}, ["limit"]),
        ({"limit": ""}, ["limit"]),
        ({"subscription": "' or 1 eq 1"}, ["subscription"]),
        ({"q": "x" * 401, "profile": "x" * 101}, ["profile", "q"]),
    ],
)
def test_wrong_and_unknown_parameters_are_named(params, wrong):
    """Left aside, a misspelt filter would show another list than was asked for."""
    assert refused(ClusterQuery, params) == wrong


def test_the_nearest_name_is_told():
    """Whoever misspelt one reads what he meant."""
    with pytest.raises(RequestError) as raised:
        read_query(ComplianceQuery, {"veiw": "attention"})

    assert "'view'" in raised.value.findings[0].message


def test_a_key_among_the_parameters_is_the_hosts():
    """`code` carries the function key and is no parameter of ours."""
    assert read_query(ComplianceQuery, {"code": "secret", "format": "csv"}).format == "csv"


@given(st.dictionaries(st.text(), st.text()))
def test_any_query_is_read_or_refused(params):
    """Nothing that a URL can carry ends in another way."""
    try:
        limit = read_query(ClusterQuery, params).limit
    except RequestError as error:
        limit = len(error.findings)

    assert limit >= 1
