"""Kubeconfigs from outside: what is read of them, and what is refused without quoting them."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.azure.kubeconfig import LONGEST, read_kubeconfig
from shared.errors import Refused

TOKEN = "a-token-that-nobody-may-see"


def pem(text: str = "-----BEGIN CERTIFICATE-----") -> str:
    """Base64 of PEM."""
    return base64.b64encode(text.encode()).decode()


def document(cluster: dict[str, Any] | None = None, user: dict[str, Any] | None = None) -> dict[str, Any]:
    """A kubeconfig with two contexts; `cluster` and `user` change the current one."""
    mine = {"server": "https://a.example.com:6443", "certificate-authority-data": pem()} | (cluster or {})
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "a",
        "contexts": [
            {"name": "b", "context": {"cluster": "b", "user": "b"}},
            {"name": "a", "context": {"cluster": "a", "user": "a", "namespace": "x"}},
        ],
        "clusters": [
            {"name": "b", "cluster": {"server": "http://b", "insecure-skip-tls-verify": True}},
            {"name": "a", "cluster": mine},
        ],
        "users": [
            {"name": "b", "user": {"tokenFile": "/etc/passwd"}},
            {"name": "a", "user": {"token": TOKEN} if user is None else user},
        ],
    }


def read(cluster: dict[str, Any] | None = None, user: dict[str, Any] | None = None) -> Any:
    """What is read of it."""
    return read_kubeconfig(json.dumps(document(cluster, user)), how="kubeconfig")


def test_the_current_context_is_read_and_no_other():
    """What other contexts say does not matter."""
    found = read()

    assert not found.signs_in
    assert found.connection.server == "https://a.example.com:6443"
    assert found.connection.token == TOKEN
    assert found.connection.ca == "-----BEGIN CERTIFICATE-----"
    assert TOKEN not in repr(found)


def test_yaml_as_people_write_it_is_read():
    """Block style, comments, and base64 over several lines."""
    text = f"""
# of our edge site
apiVersion: v1
current-context: edge
contexts:
- name: edge
  context: {{cluster: edge, user: muster}}
clusters:
- name: edge
  cluster:
    server: https://[2001:db8::1]:6443/k8s/clusters/c-1/
    tls-server-name: edge.example.com
    certificate-authority-data: |
      {pem()[:20]}
      {pem()[20:]}
users:
- name: muster
  user:
    token: {TOKEN}
"""
    found = read_kubeconfig(text, how="kubeconfig").connection

    assert (found.server, found.server_name) == ("https://[2001:db8::1]:6443/k8s/clusters/c-1", "edge.example.com")
    assert found.ca == "-----BEGIN CERTIFICATE-----"


@pytest.mark.parametrize("user", [{"exec": {"command": "kubelogin"}}, {"auth-provider": {"name": "azure"}}])
def test_a_user_who_signs_in_by_a_program_is_told_apart(user):
    """The caller decides what to do in its place."""
    assert read(user=user).signs_in


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"server": "http://a.example.com"}, "not an https address"),
        ({"server": "https://me:secret@a.example.com"}, "plain address"),
        ({"server": "https://a.example.com/?x=1"}, "plain address"),
        ({"server": "https://a.example.com/a/../b"}, "plain address"),
        ({"server": "https://a.example.com:99999"}, "not an https address"),
        ({"server": "https://a b"}, "plain address"),
        ({"server": "https://"}, "plain address"),
        ({"server": 7}, "has no server"),
        ({"insecure-skip-tls-verify": True}, "unchecked"),
        ({"insecure-skip-tls-verify": "yes"}, "unchecked"),
        ({"proxy-url": "http://10.0.0.1"}, "proxy"),
        ({"certificate-authority": "/etc/ca.pem"}, "names a file"),
        ({"certificate-authority-data": "***"}, "not PEM"),
        ({"certificate-authority-data": pem("secret")}, "not PEM"),
        ({"tls-server-name": "a\nb"}, "no host name"),
    ],
)
def test_a_cluster_that_leads_astray_is_refused(change, words):
    """Plain http, unchecked certificates, proxies and files; nothing of it is quoted."""
    with pytest.raises(Refused, match=words) as raised:
        read(cluster=change)

    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("user", "words"),
    [
        ({}, "neither a token"),
        ({"tokenFile": "/etc/passwd"}, "names a file"),
        ({"client-certificate": "/etc/a.pem", "client-key": "/etc/a.key"}, "names a file"),
        ({"client-certificate-data": pem()}, "neither a token"),
        ({"client-certificate-data": pem(), "client-key-data": pem("-----BEGIN ENCRYPTED PRIVATE KEY-----")}, "phrase"),
        ({"token": TOKEN, "as": "system:admin"}, "rights"),
        ({"token": TOKEN + "\r\nX-More: 1"}, "characters"),
        ({"username": "admin", "password": TOKEN}, "password"),
    ],
)
def test_a_user_that_leads_astray_is_refused(user, words):
    """Files, pass phrases, other people's rights; nothing of it is quoted."""
    with pytest.raises(Refused, match=words) as raised:
        read(user=user)

    assert TOKEN not in str(raised.value)


BROKEN = [
    "",
    "a: [",
    f"token: {TOKEN}\n\tbad",
    f"a: {TOKEN}\na: 1\n---\nb: 1",
    "- a",
    "current-context: a",
    "current-context: a\ncontexts: {a: b}",
    f"a: &x {TOKEN}\nb: *x",
    f"a: !!python/object/apply:os.system ['{TOKEN}']",
    "a: 2020-99-99",
]


@pytest.mark.parametrize("text", BROKEN)
def test_what_is_no_kubeconfig_is_refused(text):
    """Neither the error nor what it is chained to holds the text: YAML's errors quote it."""
    with pytest.raises(Refused) as raised:
        read_kubeconfig(text, how="kubeconfig")
    error = raised.value

    assert TOKEN not in str(error)
    assert error.__cause__ is None
    assert error.__context__ is None


@pytest.mark.parametrize(
    "text",
    ["[" * LONGEST, "{a: " * (LONGEST // 4), "[[1]," * (LONGEST // 5), "- x\n" * (LONGEST // 4), "a" * (LONGEST + 1)],
)
def test_no_text_takes_long(text):
    """Nesting and lists that take YAML's reader minutes and more are refused before that."""
    with pytest.raises(Refused):
        read_kubeconfig(text, how="kubeconfig")


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
_keys = st.sampled_from([
    "server", "token", "exec", "client-key-data", "client-certificate-data", "certificate-authority-data",
    "tls-server-name", "auth-provider",
])  # fmt: skip


@given(cluster=st.dictionaries(_keys, _values), user=st.dictionaries(_keys, _values))
def test_any_content_is_read_or_refused(cluster, user):
    """No content raises anything else."""
    try:
        found = read(cluster, user)
    except Refused:
        return
    assert found.connection.server.startswith("https://")
