"""A recorded fleet on real storage and a simulated Azure: plans over it are those over the live one, without Azure."""

import asyncio
import gzip
import json
from datetime import UTC, datetime, timedelta

import pytest

from shared.cli.main import main
from shared.errors import RequestError
from shared.fleet.planner import Wish
from shared.fleet.recorded import read_recording
from shared.model.identity import ClusterId
from shared.model.intent import FleetVerb, FleetWord, Intent, Word
from shared.policy.model import PolicyText
from simulator.server import Simulator
from tests.contract.fleets import PROFILE, SELECTED, Fleet
from tests.contract.test_plans import plan_of, stored
from tests.unit.azureml.authority import issue

ROLLOUT = """
  newClusters: {perHour: 40}
  rings:
    - {name: canary, match: {tags: {ring: canary}}, soak: 1h, approval: true}
    - {name: rest}
"""
# A row's columns that may tell the address of a proxy.
PROXIES = ("httpProxyConfig_httpProxy", "httpProxyConfig_httpsProxy")
# What no recording may tell: the password of a proxy, and with it the whole address.
PROXY_SECRET = "hunter2"
PROXY = f"http://muster:{PROXY_SECRET}@proxy.example.com:3128/"
CERTIFIED = """
  https:
    settings: {{enableInference: true, inferenceRouterServiceType: NodePort, sslCname: ml.example.com}}
    tls: {{keyVaultCertificate: "{vault}/certificates/ml"}}
rules:
  - {{name: secured, match: {{tags: {{team: secure}}}}, profile: https}}
  - {{name: all, profile: training}}
"""


def policy_of(fleet: Fleet, *, volcano: str, rollout: str = ROLLOUT) -> str:
    """The policy of these tests: that of other fleets, with a profile that takes a certificate from the vault."""
    plain = PROFILE.format(volcano=volcano, rollout=rollout)
    return plain.replace(
        "rules: [{name: all, profile: training}]", CERTIFIED.format(vault=fleet.control.url).strip("\n")
    )


def edits(fleet: Fleet) -> dict[str, str | None]:
    """Policies to plan for; None is the one in force."""
    return {
        "nothing": None,
        "another setting": policy_of(fleet, volcano="true"),
        "another rollout": policy_of(fleet, volcano="true", rollout="  blastRadius: {writesPerDay: 5}"),
        "nobody any more": policy_of(fleet, volcano="false").replace(
            "{name: all, profile", "{name: all, match: {tags: {team: red}}, profile"
        ),
        "no certificate": PROFILE.format(volcano="false", rollout=ROLLOUT),
    }


def stored_certificate() -> str:
    """A certificate with its key, as Key Vault keeps them."""
    now = datetime.now(UTC)
    made = issue(
        "ml.example.com", sans=("ml.example.com",), start=now - timedelta(days=1), end=now + timedelta(days=60)
    )
    return made.key_pem() + made.pem


@pytest.fixture
def secrets() -> list[str]:
    """What the vault holds under the certificate's name."""
    return [stored_certificate()]


@pytest.fixture
async def troubled(fleet: Fleet, azure: Simulator, secrets: list[str]) -> Fleet:
    """A fleet with something of everything: words of people, a ring that waits, fresh ones, one forgotten, one foreign.

    Two take a certificate from the vault, and one goes through a proxy. The fleet's clock stands, so that plans of it
    can be compared moment by moment.
    """
    fleet.made(2, SELECTED | {"ring": "canary"}, "canary")
    made = fleet.made(6, SELECTED, "sound")
    fleet.control.set_tags(str(made[0]), SELECTED | {"proxy": "none"}, emit=False)
    fleet.made(2, SELECTED | {"team": "secure"}, "secured")
    proxied = {"httpProxyConfig": {"enabled": True, "httpProxy": PROXY, "httpsProxy": PROXY}}
    fleet.control.change_cluster(str(made[5]), proxied, emit=False)
    fleet.control.put_certificate("ml", secrets[0])
    # aiohttp reads SSL_CERT_FILE when it is imported, which was before this simulator's CA was made.
    fleet.house.sweep.beyond.vault._transport.connection_config.verify = azure.ca_file
    await fleet.put_text(policy_of(fleet, volcano="false"))
    await fleet.converge()
    await fleet.house.sweep.run()
    await fleet.asked()
    await fleet.house.table.forget(made[1])
    fleet.made(3, SELECTED, "fresh")
    fleet.made(2, {}, "strangers")
    now = fleet.clock()
    await fleet.house.intents.put(Intent(made[2], Word.REMOVE, "ada", "a trial", now))
    pause = FleetWord("pause-1", FleetVerb.PAUSE, f"cluster/{made[3].key}", "bob", "x", now, now + timedelta(hours=2))
    await fleet.house.intents.say(pause)
    return fleet


def stopped(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> datetime:
    """Stop the house's clock for recordings and plans."""
    moment = datetime.now(UTC) + fleet.clock.ahead
    monkeypatch.setattr(fleet.house.planner, "clock", lambda: moment)
    monkeypatch.setattr(fleet.house.gatekeeper, "clock", lambda: moment)
    return moment


async def recorded(fleet: Fleet) -> bytes:
    """A recording that was taken, as the API gives it."""
    planner = fleet.house.planner
    name = await planner.begin(Wish("ada", recording=True))
    await planner.make(name)
    assert (await planner.of(name)).body["status"] == "ready"
    return await planner.plans.content(name)


def offline(capsys, *arguments: str) -> dict:
    """What `muster plan` prints as JSON."""
    capsys.readouterr()
    main(("plan", "-o", "json", *arguments))
    return json.loads(capsys.readouterr().out)


def content_of(plan: dict) -> dict:
    """The plan itself, without what names the document."""
    return {key: value for key, value in plan.items() if key not in {"id", "by", "begun", "expires", "status"}}


async def test_plans_over_a_recording_are_those_over_the_live_fleet(troubled, monkeypatch, capsys, tmp_path):
    """Item by item, hold by hold and moment by moment, by the policy in force, after edits, and for one cluster.

    Azure and storage are out of reach while the plans over the recording are made.
    """
    stopped(troubled, monkeypatch)
    file, policy = tmp_path / "fleet.json.gz", tmp_path / "edited.yaml"
    file.write_bytes(await recorded(troubled))
    [one] = [ClusterId.parse(each.id) for each in await troubled.entries() if each.id.endswith("/sound5")]
    policies = edits(troubled)
    live = {name: await plan_of(troubled, edit) for name, edit in policies.items()}
    live["one"] = await plan_of(troubled, policies["another setting"], one)

    def unreachable(*_args: object, **_more: object) -> None:
        raise AssertionError("a plan over a recording asked somebody")

    over = {}
    with monkeypatch.context() as patched:
        patched.setattr("socket.socket.connect", unreachable)
        for name, edit in [*policies.items(), ("one", policies["another setting"])]:
            policy.write_text(edit or "")
            more = ("--against", str(policy)) if edit else ()
            more += ("--cluster", str(one)) if name == "one" else ()
            # The command line has an event loop of its own, as any process that it runs in.
            over[name] = await asyncio.to_thread(offline, capsys, "--recorded", str(file), *more)

    assert {name: content_of(plan) for name, plan in over.items()} == {
        name: content_of(plan) for name, plan in live.items()
    }
    counts = {
        name: (plan["counts"]["changes"], plan["counts"]["held"], plan["counts"]["unsure"])
        for name, plan in live.items()
    }
    assert counts["nothing"][0] > 0
    assert counts["another setting"][1] > 0, "the ring that waits"
    assert counts["nothing"][2] == 1, "the forgotten one"
    assert counts["nobody any more"][1] > counts["nothing"][1], "no rule holds any more"
    assert len(live["one"]["items"]) == 1
    secured = [each["reason"] for each in live["nothing"]["items"] if "/secured" in each["cluster"]]
    assert secured == ["Key Vault has a newer version of the certificate."] * 2


async def test_a_recording_changes_nothing_and_holds_no_secret(troubled, secrets):
    """Azure is only read, nobody is asked for a look, no document or memory changes.

    Of a proxy it tells that there is one, of a certificate which version there is; no password, no line of a key.
    """
    vault = f"{troubled.control.url}/certificates/ml"
    newest = (await troubled.house.sweep.beyond.certificate(vault)).version
    before, since = await stored(troubled), len(troubled.control.requests())

    lines = gzip.decompress(await recorded(troubled)).decode()

    assert await stored(troubled) == before
    assert await troubled.asked() == []
    assert troubled.control.writes(since) == []
    kinds = [next(iter(json.loads(line))) for line in lines.splitlines()]
    assert kinds[0] == "recording"
    assert kinds[-1] == "end"
    assert json.loads(lines.splitlines()[-1]) == {
        "end": {"certificate": 1, "cluster": 15, "extension": 10, "memory": 9}
    }
    told = [json.loads(line) for line in lines.splitlines()]
    proxies = [line["cluster"][name] for line in told if "cluster" in line for name in PROXIES if line["cluster"][name]]
    assert proxies == ["recorded", "recorded"]
    [(address, reading)] = [line["certificate"] for line in told if "certificate" in line]
    assert (address, reading["trouble"]) == (vault, "")
    assert reading["version"]["version"] == newest.version
    hidden = [line for line in secrets[0].splitlines() if line and not line.startswith("-----")]
    assert [word for word in (PROXY_SECRET, "proxy.example.com", "PRIVATE KEY", *hidden) if word in lines] == []
    assert not any(word in lines.lower() for word in ("protectedsettings", "messageid", "receipt"))


async def test_a_recording_that_cannot_be_used_is_refused_with_what_to_do(troubled):
    """A later version, a file that was cut or changed, a file of another kind: each is one sentence, and no plan."""
    raw = await recorded(troubled)
    lines = gzip.decompress(raw).splitlines(keepends=True)
    head = json.loads(lines[0])

    def changed(**more: object) -> bytes:
        return b"".join([json.dumps(head | more).encode() + b"\n", *lines[1:]])

    refused = {
        "later": (changed(version=2), "version 2"),
        "cut": (b"".join(lines[:-1]), "its end is missing"),
        "cut within": (raw[: len(raw) // 2], "breaks off"),
        "less": (b"".join([*lines[:2], *lines[3:]]), "not hold as much"),
        "strange": (b"".join([*lines[:2], b'{"planet": 1}\n', *lines[2:]]), "line 3"),
        "wrong": (b"".join([lines[0], b'{"memory": 7}\n', *lines[1:]]), "line 2"),
        "head": (changed(subscriptions=7), "head"),
        "policy": (changed(policy=head["policy"] | {"digest": "0" * 64}), "head"),
        "invalid": (changed(policy=head["policy"] | {"texts": [["policy.yaml", "version: 7"]]}), "not valid here"),
        "other": (b'{"id": "a plan"}\n', "no recording"),
        "empty": (b"", "no recording"),
        "picture": (b"\x89PNG\r\n", "no recording"),
    }
    for name, (content, words) in refused.items():
        with pytest.raises(RequestError, match=words):
            read_recording(content)
        assert name
    assert read_recording(gzip.decompress(raw)).policy == read_recording(raw).policy


async def test_a_recording_is_no_plan_and_a_plan_no_recording(troubled):
    """Neither is found at the other's address."""
    from functions.answers import NotFound
    from functions.plans import standing_plan

    planner = troubled.house.planner
    name = await planner.begin(Wish("ada", recording=True))
    plan = await planner.begin(Wish("ada", (PolicyText("policy.yaml", policy_of(troubled, volcano="true")),)))

    with pytest.raises(NotFound):
        await standing_plan(troubled.house, name)
    assert (await standing_plan(troubled.house, plan)).body["id"] == plan
