"""Key Vault over HTTPS: versions by metadata, values on request, and failures that carry nothing along."""

import asyncio
import json
import logging
import pickle
import socket
import traceback
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
import trustme

from shared.azure.credentials import credential
from shared.azure.key_vault import KeyVault, SecretAddress
from shared.errors import Absent, AzureError, NotAuthorized, Refused, Retry, Throttled, Unavailable
from simulator.control import Control
from simulator.roles import Roles
from simulator.server import running

USER = {"DataActions": ["Microsoft.KeyVault/vaults/secrets/getSecret/action"]}
READER = {"DataActions": ["Microsoft.KeyVault/vaults/secrets/readMetadata/action"]}


@asynccontextmanager
async def opened(simulator):
    """The adapter, by managed identity."""
    async with credential("") as identity, KeyVault(identity) as vault:
        # aiohttp reads SSL_CERT_FILE when it is imported, which was before this simulator's CA was made.
        vault._transport.connection_config.verify = simulator.ca_file
        yield vault


@pytest.fixture
async def vault(azure):
    """The adapter to the simulated vault."""
    async with opened(azure) as adapter:
        yield adapter


@pytest.fixture(scope="module")
def pem():
    """A key and its certificate, as Key Vault keeps them."""
    return trustme.CA().issue_cert("ml.example.com").private_key_and_cert_chain_pem.bytes().decode()


def address(control: Control, kind="certificates", *more):
    """Where the simulated vault keeps the certificate."""
    return "/".join([control.url, kind, "ml", *more])


async def failure(call) -> AzureError:
    """The error that a call ends with."""
    with pytest.raises(AzureError) as caught:
        await call
    return caught.value


async def test_the_newest_version_is_told_by_metadata_alone(vault, control, pem):
    """Whichever interface the address names, the source is the secret; no value is asked for."""
    control.put_certificate("ml", pem)
    newest = control.put_certificate("ml", pem, expires=2_000_000_000)

    certificate = await vault.latest(address(control))
    secret = await vault.latest(address(control, "secrets"))

    assert certificate == secret
    assert (certificate.version, certificate.source) == (newest, address(control, "secrets"))
    assert certificate.expires_at == datetime.fromtimestamp(2_000_000_000, UTC)
    assert abs(certificate.updated_at - datetime.fromtimestamp(control.now(), UTC)) < timedelta(minutes=1)
    asked = {entry["action"] for entry in control.requests(service="key-vault") if entry["status"] == 200}
    assert asked == {"Microsoft.KeyVault/vaults/secrets/readMetadata/action"}


async def test_a_disabled_newest_version_is_skipped(vault, control, pem):
    """By age, over every page of the list; and by no version at all the secret is absent."""
    made = [control.put_certificate("ml", pem) for _ in range(28)]
    control.change_version("ml", made[-1], enabled=False)

    assert (await vault.latest(address(control))).version == made[-2]
    assert (await vault.secret(address(control))).version.version == made[-2]
    for version in made[:-1]:
        control.change_version("ml", version, enabled=False)
    assert isinstance(await failure(vault.latest(address(control))), Absent)


async def test_a_version_that_is_enabled_again_counts_as_written_then(vault, control, pem):
    """It cannot have been sent before: the time that rotation compares is that of the change."""
    version = control.put_certificate("ml", pem)
    before = (await vault.latest(address(control))).updated_at
    control.change_version("ml", version, enabled=False)
    control.advance(3600)
    control.change_version("ml", version, enabled=True)

    assert (await vault.latest(address(control))).updated_at - before >= timedelta(hours=1)


async def test_an_old_version_that_somebody_touches_stays_old(vault, control, pem):
    """The newest is the one made last, as for Key Vault itself; a tag or a switch moves only the time of change."""
    old, new = control.put_certificate("ml", pem), control.put_certificate("ml", pem)
    control.advance(3600)
    control.change_version("ml", old, enabled=True)

    assert (await vault.latest(address(control))).version == new


async def test_an_address_may_name_a_version(vault, control, pem):
    """That one is told and read, although there is a newer one; not once it is disabled or unknown."""
    old = control.put_secret("ml", "old")
    control.put_secret("ml", pem)

    assert (await vault.latest(address(control, "secrets", old))).version == old
    assert (await vault.secret(address(control, "secrets", old))).value == "old"
    control.change_version("ml", old, enabled=False)
    assert isinstance(await failure(vault.latest(address(control, "secrets", old))), Refused)
    assert isinstance(await failure(vault.secret(address(control, "secrets", old))), NotAuthorized)
    assert isinstance(await failure(vault.latest(address(control, "secrets", "0" * 32))), Absent)
    assert isinstance(await failure(vault.secret(address(control, "secrets", "0" * 32))), Absent)


async def test_a_value_is_read_anew_each_time_and_never_shown(vault, control, pem):
    """No copy is kept between two reads, and none can be printed, pickled or logged with the object."""
    version = control.put_certificate("ml", pem)
    since = len(control.requests(service="key-vault"))
    where = address(control, "secrets", version)

    first, second = await vault.secret(where), await vault.secret(where)

    assert (first.value, first.content_type, first.version.version) == (pem, "application/x-pem-file", version)
    assert first == second
    answered = [entry for entry in control.requests(service="key-vault")[since:] if entry["status"] == 200]
    assert len(answered) == 2
    assert "BEGIN" not in f"{first!r} {first} {[first]}"
    with pytest.raises(TypeError, match="never stored"):
        pickle.dumps(first)


async def test_two_roles_actions_suffice(monkeypatch, pem):
    """Key Vault Secrets User: its two data actions and nothing of the control plane."""
    with running(roles=Roles([USER, READER])) as simulator:
        for key, value in simulator.environment().items():
            monkeypatch.setenv(key, value)
        control = Control(simulator.url, simulator.ca_file)
        control.put_certificate("ml", pem)
        async with opened(simulator) as vault:
            assert (await vault.secret(address(control))).value == pem


@pytest.mark.parametrize(("roles", "denied"), [([READER], "secret"), ([USER], "latest"), ([], "latest")])
async def test_a_missing_role_is_named(monkeypatch, pem, roles, denied):
    """Key Vault's own words, and the role that is missing; looked at again, since it may be granted any time."""
    with running(roles=Roles(roles)) as simulator:
        for key, value in simulator.environment().items():
            monkeypatch.setenv(key, value)
        control = Control(simulator.url, simulator.ca_file)
        control.put_certificate("ml", pem)
        async with opened(simulator) as vault:
            error = await failure(getattr(vault, denied)(address(control)))

    assert isinstance(error, NotAuthorized)
    assert error.retry is Retry.LATER
    assert "Key Vault Secrets User" in error.message
    assert "Caller is not authorized to perform action on resource" in error.message


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, Refused), (403, NotAuthorized), (404, Absent), (500, Unavailable), (503, Unavailable), (302, Refused)],
)
@pytest.mark.parametrize("call", ["latest", "secret"])
async def test_failures_have_the_type_of_their_status(vault, control, pem, status, kind, call):
    """One request, no retry, no redirect followed; the message says what was asked."""
    where = address(control, "secrets", control.put_secret("ml", pem))
    await vault.secret(where)
    headers = {"Location": address(control, "secrets")} if status == 302 else {}
    control.add_fault(service="key-vault", kind="status", status=status, headers=headers)
    since = len(control.requests(service="key-vault"))

    error = await failure(getattr(vault, call)(where))

    assert type(error) is kind
    assert error.status == status
    assert where.rsplit("/", 1)[0] in error.message
    assert len(control.requests(service="key-vault")) == since + 1


async def test_throttling_is_a_delay_and_no_sleep(vault, control, pem):
    """Retry-After is handed on: the message waits, not the function."""
    control.put_secret("ml", pem)
    control.add_fault(service="key-vault", kind="status", status=429, headers={"Retry-After": "3600"})
    async with asyncio.timeout(5):
        error = await failure(vault.latest(address(control)))
    assert isinstance(error, Throttled)
    assert error.retry_after == 3600


async def test_a_vault_that_never_answers_is_given_up(vault, control, pem):
    """Within the time a call may take, its token and all pages included."""
    control.put_secret("ml", pem)
    vault.timeout = 0.3
    control.add_fault(service="key-vault", kind="timeout")
    async with asyncio.timeout(5):
        error = await failure(vault.secret(address(control)))
    assert isinstance(error, Unavailable)
    assert "did not answer" in error.message


async def test_lost_connections_and_closed_doors_are_outages(vault, control, pem):
    """A connection that is cut, a vault where nobody listens, a name that no resolver knows."""
    control.put_secret("ml", pem)
    control.add_fault(service="key-vault", kind="reset")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        for where in (
            address(control),
            f"https://127.0.0.1:{port}/secrets/ml",
            "https://vault.invalid/secrets/ml",
            "https://../secrets/ml",
        ):
            assert isinstance(await failure(vault.latest(where)), Unavailable)


async def test_a_vault_whose_certificate_nobody_issued_gets_no_token(control, pem):
    """TLS is verified: without the CA there is no request at all."""
    control.put_secret("ml", pem)
    async with credential("") as identity, KeyVault(identity) as stranger:
        stranger._transport.connection_config.verify = True
        assert isinstance(await failure(stranger.latest(address(control))), Unavailable)
    assert control.requests(service="key-vault") == []


@pytest.mark.parametrize("resource", ["https://vault.azure.net", "https://management.azure.com", "nothing"])
async def test_a_challenge_from_elsewhere_gets_no_token(vault, control, pem, resource):
    """Whoever answers in a vault's place is given no token for a vault, nor for Resource Manager."""
    control.put_secret("ml", pem)
    challenge = f'Bearer authorization="https://login.microsoftonline.com/t", resource="{resource}"'
    headers = {"WWW-Authenticate": challenge}
    control.add_fault(service="key-vault", kind="status", status=401, headers=headers)

    error = await failure(vault.secret(address(control)))

    assert isinstance(error, Unavailable)
    assert "does not speak as a Key Vault" in error.message
    assert all("resource" not in entry["query"] for entry in control.requests(service="identity"))


async def test_a_refused_token_is_told_once(vault, control, pem):
    """401 again and again: no loop."""
    control.put_secret("ml", pem)
    resource = control.url.replace("127.", "", 1)
    headers = {"WWW-Authenticate": f'Bearer authorization="https://login.microsoftonline.com/t", resource="{resource}"'}
    control.add_fault(service="key-vault", kind="status", status=401, headers=headers)

    assert isinstance(await failure(vault.latest(address(control))), NotAuthorized)
    assert len(control.requests(service="key-vault")) <= 3


async def test_an_identity_without_a_token_is_told(vault, control, pem):
    """The identity endpoint is down: no advice about roles, nothing of the vault's."""
    control.put_secret("ml", pem)
    control.add_fault(service="identity", kind="status", status=400, body={"statusCode": 400, "message": "none"})
    error = await failure(vault.latest(address(control)))
    assert isinstance(error, NotAuthorized)
    assert "Key Vault Secrets User" not in error.message


WHEN = {"created": 1, "updated": 1}


@pytest.mark.parametrize(
    "body",
    [
        "{PEM}",
        '{"value": "{PEM}", "id": "https://x.y/secrets/ml/1", "attr',
        json.dumps({"value": "{PEM}"}),
        json.dumps({"value": "{PEM}", "id": "https://x.y/secrets/ml/other", "attributes": WHEN}),
        json.dumps({"value": "{PEM}", "id": "https://x.y/secrets/ml/{VERSION}", "attributes": {"updated": "{PEM}"}}),
        json.dumps({"value": "{PEM}", "id": "https://x.y/secrets/ml/{VERSION}", "attributes": {"updated": 10**30}}),
        json.dumps({"value": "{PEM}", "id": "{PEM}", "attributes": WHEN}),
        json.dumps({"value": ["{PEM}"], "id": 5, "attributes": ["{PEM}"]}),
        "[" * 100_000,
    ],
    ids=["text", "cut off", "bare", "other version", "time", "far time", "id", "types", "deep"],
)
async def test_broken_answers_are_outages_and_carry_nothing(vault, control, pem, caplog, body):
    """Content that comes in a wrong shape is in no exception, cause, frame text, log or repr."""
    where = address(control, "secrets", control.put_secret("ml", pem))
    escaped = json.dumps(pem)[1:-1]
    text = body.replace("{PEM}", escaped).replace("{VERSION}", where.rsplit("/", 1)[1])
    await vault.secret(where)
    control.add_fault(service="key-vault", kind="status", status=200, body=text)
    caplog.set_level(logging.DEBUG)

    for call in (vault.secret, vault.latest):
        error = await failure(call(where))
        assert isinstance(error, Unavailable | Absent)
        assert error.__cause__ is None
        assert error.__context__ is None
        told = "".join(traceback.format_exception(error)) + f"{error!r} {error.__dict__}" + caplog.text
        assert "BEGIN" not in told
        assert pem.splitlines()[1] not in told


async def test_nothing_of_a_secret_is_logged(vault, control, pem, caplog):
    """Not even at the level of debugging, by anybody in the pipeline; nor is the token."""
    control.put_certificate("ml", pem)
    caplog.set_level(logging.DEBUG)
    secret = await vault.secret(address(control))
    assert secret.value == pem
    assert "BEGIN" not in caplog.text
    assert pem.splitlines()[1] not in caplog.text
    assert "Bearer ey" not in caplog.text


def test_addresses_are_read_in_one_way():
    """Both kinds, with and without a version, in any letter case of the host."""
    read = SecretAddress.parse("https://My-Vault.vault.azure.net/certificates/ml/" + "a1" * 16)
    assert (read.vault, read.name, read.version) == ("https://my-vault.vault.azure.net", "ml", "a1" * 16)
    assert read.source == "https://my-vault.vault.azure.net/secrets/ml"
    assert SecretAddress.parse("https://v.vault.azure.net:443/secrets/ml").version == ""


@pytest.mark.parametrize(
    "hostile",
    [
        "",
        "http://v.vault.azure.net/secrets/ml",
        "https://v.vault.azure.net/keys/ml",
        "https://v.vault.azure.net/secrets/",
        "https://v.vault.azure.net/secrets/..",
        "https://v.vault.azure.net/secrets/ml/../x",
        "https://v.vault.azure.net/secrets/ml?x=1",
        "https://v.vault.azure.net/secrets/ml#x",
        "https://user@v.vault.azure.net/secrets/ml",
        "https://v.vault.azure.net\\@evil.example/secrets/ml",
        "https://v.vault.azure.net/secrets/ml\n",
        "https://v.vault.azure.net/secrets/m%2fl",
        "https://v.vault.azure.net/secrets/{cluster.name}",
        "https://v.vault.azure.net:443443/secrets/ml",
        "https://\uff56.vault.azure.net/secrets/ml",
    ],
)
async def test_anything_else_is_no_address_and_is_never_asked(vault, control, hostile):
    """Refused before a request leaves; never tried again."""
    for call in (vault.latest, vault.secret):
        error = await failure(call(hostile))
        assert isinstance(error, Refused)
        assert error.retry is Retry.NEVER
    assert control.requests() == []
