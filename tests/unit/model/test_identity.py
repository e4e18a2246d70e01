"""Ids of clusters: one comparable form, and nothing that only looks like one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import InvalidClusterId
from shared.model.identity import MAX_ID_LENGTH, ClusterId, Kind

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
AKS = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/aks-1"
MODERATE = settings(max_examples=60, deadline=None, database=None)

_word = st.characters(categories=["L", "N"], include_characters="_")
groups = st.builds(
    str.__add__,
    st.text(_word | st.sampled_from(".-()"), max_size=30),
    st.text(_word | st.sampled_from("-()"), min_size=1, max_size=1),
)
names = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9_-])?", fullmatch=True)
subscriptions = st.uuids().map(str)


def arm_id(subscription: str, group: str, kind: Kind, name: str) -> str:
    """An id in ARM's spelling."""
    return f"/subscriptions/{subscription}/resourceGroups/{group}/providers/{kind.provider}/{kind.resource}/{name}"


@MODERATE
@given(subscriptions, groups, st.sampled_from(Kind), names, st.randoms(use_true_random=False))
def test_an_id_is_the_same_in_any_letter_case_and_form(subscription, group, kind, name, random):
    """Parsed, written, keyed and read back: always the same cluster."""
    text = arm_id(subscription, group, kind, name)
    cluster = ClusterId.parse(text)
    mixed = "".join(letter.upper() if letter.isascii() and random.random() < 0.5 else letter for letter in text)

    assert ClusterId.parse(mixed) == cluster
    assert ClusterId.parse(f"  {text}// ") == cluster
    assert ClusterId.parse(str(cluster)) == cluster
    assert ClusterId.from_key(cluster.key) == cluster
    assert cluster.kind is kind
    assert str(cluster) == str(ClusterId.parse(str(cluster).upper() if text.isascii() else text))
    assert set(cluster.key) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@MODERATE
@given(
    st.text(max_size=60) | st.builds(lambda tail: AKS + tail, st.text(min_size=1, max_size=9)) | st.binary().map(repr)
)
def test_anything_else_is_refused_or_one_whole_id(text):
    """Never another error, and never an id whose parts hold a separator."""
    try:
        cluster = ClusterId.parse(text)
    except InvalidClusterId:
        return
    for part in (cluster.subscription, cluster.resource_group, cluster.name):
        assert not set(part) & set("/?#%\\'\" \n\0")
    assert ClusterId.parse(str(cluster)) == cluster


@MODERATE
@given(st.text(max_size=60) | st.binary(max_size=60).map(bytes.hex))
def test_anything_else_is_no_key(text):
    """A key that somebody made up is refused, whatever it holds."""
    with pytest.raises(InvalidClusterId):
        ClusterId.from_key(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        AKS[1:],
        AKS.removesuffix("/aks-1"),
        f"{AKS}/agentPools/system",
        f"{AKS}/providers/Microsoft.Resources/tags/default",
        f"{AKS}/../aks-2",
        f"{AKS}?api-version=1",
        f"{AKS}%2faks-2",
        f"{AKS}\n",
        f"{AKS}\0x",
        f"{AKS} or 1=1",
        f"{AKS}'",
        AKS.replace("rg", "rg."),
        AKS.replace("rg", ""),
        AKS.replace("rg", "r/g"),
        AKS.replace("rg", ".."),
        AKS.replace("aks-1", ".."),
        AKS.replace("aks-1", "-aks"),
        AKS.replace("aks-1", "a" * 64),
        AKS.replace(SUBSCRIPTION, SUBSCRIPTION[:-1]),
        AKS.replace(SUBSCRIPTION, "g" + SUBSCRIPTION[1:]),
        AKS.replace("managedClusters", "connectedClusters"),
        AKS.replace("Microsoft.ContainerService", "Microsoft.Compute"),
        AKS.replace("rg", "r" * 91),
        AKS + "x" * MAX_ID_LENGTH,
    ],
)
def test_ids_of_something_else_are_refused(text):
    """Children, parents, other types, tricks with separators, and names that ARM does not allow."""
    if text.endswith("\n"):
        assert ClusterId.parse(text) == ClusterId.parse(AKS)
        return
    with pytest.raises(InvalidClusterId):
        ClusterId.parse(text)


def test_a_letter_without_a_single_small_one_stays():
    """The Turkish dotted capital I: written small it would be another resource group to ARM."""
    cluster = ClusterId.parse(arm_id(SUBSCRIPTION, "İZMİR-Ä", Kind.AKS, "Aks"))

    assert cluster.resource_group == "İzmİr-ä"
    assert ClusterId.from_key(cluster.key) == cluster


@pytest.mark.parametrize("key", ["", "=", "a", "*", "L3N1Yg", "ü", "L3N1YnNjcmlwdGlvbnM\n", "//" * 400])
def test_keys_of_nothing_are_refused(key):
    """Not base64, not text, not an id."""
    with pytest.raises(InvalidClusterId):
        ClusterId.from_key(key)


def test_ids_have_an_order():
    """By subscription, group, kind and name, so that lists of them are stable."""
    first, second = ClusterId(SUBSCRIPTION, "a", Kind.AKS, "z"), ClusterId(SUBSCRIPTION, "b", Kind.AKS, "a")

    assert sorted([second, first]) == [first, second]
