"""The simulated vault: what its data plane answers to a client that speaks plain HTTPS."""

import http.client
import json
import ssl
from urllib.parse import urlsplit

import pytest

from simulator.control import ControlError
from simulator.roles import Roles
from simulator.server import running
from tests.unit.simulator.conftest import Answer, Azure

VALUE = "a value that nobody else may see"
VERSION = "api-version=2026-04-01"
USER = {"DataActions": ["Microsoft.KeyVault/vaults/secrets/getSecret/action"]}
READER = {"DataActions": ["Microsoft.KeyVault/vaults/secrets/readMetadata/action"]}


def resource(azure):
    """The audience that the vault's challenge names."""
    return f"https://0.0.1:{urlsplit(azure.simulator.url).port}"


def read(azure, path, *, audience=None, token=None, query=VERSION):
    """One GET from the vault, by default with a token for it."""
    if token is None:
        token = azure.simulator._identity.token("aaaaaaaa-1111-4111-8111-111111111111", audience or resource(azure))[0]
    parts = urlsplit(azure.simulator.url)
    tls = ssl.create_default_context(cafile=azure.simulator.ca_file)
    connection = http.client.HTTPSConnection(parts.hostname, parts.port, context=tls, timeout=10)
    try:
        connection.request("GET", f"{path}?{query}", headers={"Authorization": f"Bearer {token}"} if token else {})
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, json.loads(answer.read()))
    finally:
        connection.close()


def test_without_a_token_there_is_a_challenge(azure):
    """401 names the tenant and a resource that is an end of the vault's own host."""
    azure.control.put_secret("s", VALUE)
    refused = read(azure, "/secrets/s", token="")

    assert refused.status == 401
    challenge = refused.headers["WWW-Authenticate"]
    assert challenge.startswith('Bearer authorization="https://login.microsoftonline.com/')
    assert f'resource="{resource(azure)}"' in challenge
    assert urlsplit(azure.simulator.url).netloc.endswith("." + urlsplit(resource(azure)).netloc)


def test_tokens_for_others_are_refused(azure):
    """A token for Resource Manager, and one that was made up."""
    azure.control.put_secret("s", VALUE)

    assert read(azure, "/secrets/s", audience=azure.simulator.url).status == 401
    assert read(azure, "/secrets/s", token="a.b.c").status == 401


def test_a_secret_has_versions(azure):
    """The last one made is answered where none is named; the older one keeps its value."""
    old = azure.control.put_secret("s", "old", content_type="text/plain", expires=2_000_000_000)
    new = azure.control.put_secret("s", VALUE)

    newest, first = read(azure, "/secrets/S/").body, read(azure, f"/secrets/s/{old}").body

    assert newest["value"] == VALUE
    assert newest["id"].endswith(f"/secrets/S/{new}")
    assert (first["value"], first["contentType"], first["attributes"]["exp"]) == ("old", "text/plain", 2_000_000_000)
    assert newest["attributes"]["created"] > first["attributes"]["created"]
    assert "managed" not in newest


def test_lists_hold_no_values_and_come_in_pages(azure):
    """25 versions to a page, in an order that says nothing of their age; an unknown name has none."""
    made = {azure.control.put_certificate("c", f"{VALUE} {number}") for number in range(30)}

    page = read(azure, "/secrets/c/versions").body
    rest = read(azure, "/secrets/c/versions", query=urlsplit(page["nextLink"]).query).body
    items = page["value"] + rest["value"]

    assert len(page["value"]) == 25
    assert rest["nextLink"] is None
    assert {item["id"].rsplit("/", 1)[1] for item in items} == made
    assert all(item["managed"] and item["contentType"] == "application/x-pem-file" for item in items)
    assert VALUE not in json.dumps(items)
    assert read(azure, "/secrets/unknown/versions").body["value"] == []


def test_what_is_not_there_or_disabled_is_refused(azure):
    """404 and 403, in Key Vault's own codes."""
    version = azure.control.put_secret("s", VALUE)
    azure.control.change_version("s", version, enabled=False)

    disabled, missing = read(azure, "/secrets/s"), read(azure, "/secrets/other")

    assert (disabled.status, disabled.body["error"]["innererror"]["code"]) == (403, "SecretDisabled")
    assert (missing.status, missing.code) == (404, "SecretNotFound")
    azure.control.delete_secret("s")
    assert read(azure, "/secrets/s").status == 404
    assert read(azure, "/secrets/s", query="x=1").status == 400


@pytest.mark.parametrize(("roles", "answers"), [([], (403, 403)), ([USER], (200, 403)), ([USER, READER], (200, 200))])
def test_data_actions_of_the_roles_decide(roles, answers):
    """Reading a value and listing versions are two data actions; control plane actions give neither."""
    with running(roles=Roles([{"Actions": ["*"]}, *roles])) as simulator:
        azure = Azure(simulator)
        azure.control.put_secret("s", VALUE)

        got, listed = read(azure, "/secrets/s"), read(azure, "/secrets/s/versions")

        assert (got.status, listed.status) == answers
        if got.status == 403:
            assert got.body["error"]["innererror"]["code"] == "ForbiddenByRbac"


def test_the_journal_knows_who_asked_for_what_and_no_value(azure):
    """Service, action and caller of each request; what was answered is nowhere in it."""
    azure.control.put_secret("s", VALUE)
    read(azure, "/secrets/s")
    read(azure, "/secrets/s/versions")

    got, listed = azure.control.requests(service="key-vault")

    assert got["action"] == "Microsoft.KeyVault/vaults/secrets/getSecret/action"
    assert listed["action"] == "Microsoft.KeyVault/vaults/secrets/readMetadata/action"
    assert got["caller"] == "aaaaaaaa-1111-4111-8111-111111111111"
    assert VALUE not in json.dumps([got, listed])


def test_faults_reach_the_vault(azure):
    """By service, as everywhere."""
    azure.control.put_secret("s", VALUE)
    azure.control.add_fault(service="key-vault", kind="status", status=503, times=1)

    assert read(azure, "/secrets/s").status == 503
    assert read(azure, "/secrets/s").status == 200


def test_what_key_vault_would_not_take_is_refused(azure):
    """Names with other characters, values that are too large, a certificate where a secret is."""
    azure.control.put_secret("s", VALUE)
    for verb, name, value in [
        (azure.control.put_secret, "a_b", VALUE),
        (azure.control.put_secret, "a", "x" * 26_000),
        (azure.control.put_certificate, "s", VALUE),
    ]:
        with pytest.raises(ControlError):
            verb(name, value)
