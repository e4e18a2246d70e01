"""What must hold in the end, told by the simulator and by Muster's own API."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.request import HTTPSHandler, ProxyHandler, build_opener

from demo import cast, expected
from demo.cast import CAST
from demo.stage import Played, Stage, state_of
from demo.story import Evidence

type Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Check:
    """One expectation: `wrong` says in what it fails, or is empty."""

    name: str
    wrong: str = ""
    cluster: str | None = None

    @property
    def held(self) -> bool:
        """Whether it holds."""
        return not self.wrong


def same(name: str, actual: Any, wanted: Any, cluster: str | None = None) -> Check:
    """The expectation that two things are equal."""
    return Check(name, "" if actual == wanted else f"{actual!r}, not {wanted!r}", cluster)


def run(stage: Stage, evidence: Evidence) -> list[Check]:
    """All checks."""
    reported = stage.muster.clusters()
    found = [check for one in stage.cast() for check in _of_cluster(stage, one, reported)]
    return [*found, *_of_story(stage, evidence), *_of_fleet(stage, evidence), *_of_stack(stage)]


def _of_cluster(stage: Stage, one: Played, reported: dict[str, Json]) -> Iterator[Check]:
    member, ending = one.member, one.member.ending
    name = member.name
    item = reported.get(name)
    if item is None:
        yield Check(f"{name}: Muster reports it", "it does not", name)
        return
    yield same(f"{name}: {ending.state}", state_of(item), ending.state, name)
    if ending.management == "Managed":
        chosen = (item["profile"], item["rule"])
        yield same(
            f"{name}: profile {ending.profile} by {ending.rule or 'request'}",
            chosen,
            (ending.profile, ending.rule),
            name,
        )
    writes = stage.writes(member)
    sent = [(entry["method"], entry["status"] < 300) for entry in writes]
    yield same(f"{name}: {ending.puts or 'no'} PUT, and no other write", sent, [("PUT", True)] * ending.puts, name)
    if ending.settings is not None and writes:
        yield from _of_body(stage, one, writes[-1]["body"])


def _of_body(stage: Stage, one: Played, sent: Json) -> Iterator[Check]:
    """The last request, and what ARM shows of the extension afterwards."""
    name, ending = one.member.name, one.member.ending
    wanted = expected.settings(one, stage.control.relays())
    difference = expected.difference(sent["properties"].get("configurationSettings") or {}, wanted)
    yield Check(f"{name}: the settings are those of policy and official CLI", difference, name)
    yield same(f"{name}: type, train, scope, identity", expected.without_settings(sent), expected.envelope(one), name)
    body = stage.control.extension(one.id, "azureml")
    if body is None:
        yield Check(f"{name}: ARM shows the extension", "it does not", name)
        return
    shown = body["properties"]
    yield same(f"{name}: ARM says Succeeded", shown["provisioningState"], "Succeeded", name)
    yield Check(f"{name}: ARM keeps these settings", expected.difference(shown["configurationSettings"], wanted), name)
    yield same(f"{name}: protected settings", set(body["protectedKeys"]), set(ending.protected), name)
    if one.member.kind == "arc":
        identity = (body["identity"] or {}).get("type")
        yield same(f"{name}: the extension has an identity", identity, "SystemAssigned", name)
    view = stage.muster.get(f"/api/clusters?id={one.id}")
    told = {each["key"]: each["value"] for each in view["settings"] or [] if each["origin"]}
    yield Check(f"{name}: the API tells each setting's origin", expected.difference(told, wanted), name)
    sending = [event["outcome"] for event in view["history"] if event.get("sent")]
    yield same(f"{name}: the history tells what was sent and when", sending, ["accepted"] * ending.puts, name)
    yield same(f"{name}: the health check in the cluster is content", body["healthReport"], [], name)


def _of_story(stage: Stage, evidence: Evidence) -> Iterator[Check]:
    """What was noted on the way."""
    dry_run, by_hand, refused = evidence.dry_run, evidence.by_hand, evidence.refused
    name = cast.BY_HAND.name
    if dry_run is not None:
        told = (dry_run.status, dry_run.body.get("action"), evidence.puts_before.get("dryRun"))
        yield same(f"{name}: dryRun answers 200 with Install and writes nothing", told, (200, "Install", 0), name)
        sent = [entry["body"] for entry in stage.writes(cast.BY_HAND)]
        yield same(
            f"{name}: the body that dryRun showed is the one that was sent", sent, [dry_run.body.get("body")], name
        )
    if by_hand is not None:
        key = stage.muster.clusters().get(name, {}).get("key")
        told_hand = (by_hand.status, by_hand.location)
        yield same(
            f"{name}: POST /installs answers 202 with a Location", told_hand, (202, f"/api/clusters/{key}"), name
        )
    if refused is not None:
        yield same(f"{cast.HANDS_OFF.name}: a manual install is refused", refused.status, 409, cast.HANDS_OFF.name)
    before = evidence.puts_before
    yield same(
        f"{cast.REPAIRED.name}: nothing was sent again before the sweep", before.get("sweep"), 1, cast.REPAIRED.name
    )
    yield same(
        f"{cast.REPAIRED.name}: it was the sweep that repaired it", evidence.repaired_by, ["sweep"], cast.REPAIRED.name
    )
    yield same(f"{cast.OPENSHIFT.name}: nothing was sent before its facts", before.get("facts"), 0, cast.OPENSHIFT.name)
    foreign = stage.control.extension(stage.id_of(cast.ADOPTED), cast.FOREIGN_NAME)
    yield same(f"{cast.ADOPTED.name}: somebody's extension is as it was", foreign, evidence.foreign, cast.ADOPTED.name)
    asked = {(entry["service"], entry["method"]) for entry in evidence.second_sweep}
    allowed = {("resource-graph", "POST"), ("identity", "GET")}
    yield Check("a second sweep asks Resource Graph alone, and writes nothing", _named(asked - allowed))
    yield Check("a second sweep reads the fleet", "" if ("resource-graph", "POST") in asked else "it asked nothing")


def _named(pairs: set[tuple[str, str]]) -> str:
    return ", ".join(f"{method} {service}" for service, method in sorted(pairs))


def _of_fleet(stage: Stage, evidence: Evidence) -> Iterator[Check]:
    """The figures, and what Azure saw."""
    del evidence
    control, figures = stage.control, stage.muster.get("/api/compliance")
    managed = [member for member in CAST if member.ending.management == "Managed"]
    compliant = [member for member in managed if (member.ending.condition, member.ending.hold) == ("Current", None)]
    told = tuple(figures[name] for name in ("clusters", "managed", "compliant"))
    yield same("compliance: clusters, managed, compliant", told, (len(CAST), len(managed), len(compliant)))
    attention = {item["name"] for item in stage.muster.get("/api/compliance?view=attention")["items"]}
    held = {member.name for member in CAST if member.ending.hold}
    yield same("compliance: what needs a person", attention, held)
    yield same("no write met another one on its cluster", control.violations(), [])
    yield same("the simulator has no defect", control.defects(), [])
    refused = [f"{entry['status']} {entry['action']}" for entry in control.requests() if entry["status"] in {401, 403}]
    yield same("the roles in infra/roles are enough", refused, [])
    yield same("the roles in infra/roles are in force", _read_tags(stage), 403)
    events = control.events()
    delivered = [one for one in events if one["outcome"] == "delivered"]
    first, second = ({one["event"] for one in delivered if one["subscription"] == each} for each in _validated(events))
    yield Check("the second subscription was told nothing else than the first", _count(second - first))
    doubled = f"{len(first & second)} of {len(first)}"
    yield Check("events came in both schemas", "" if first & second else f"{doubled} did")
    lost = [one["subject"] for one in events if one["outcome"] not in {"delivered", "validated"}]
    yield same("no delivery failed", lost, [])


def _validated(events: list[Json]) -> list[str]:
    return [one["subscription"] for one in events if one["outcome"] == "validated"]


def _count(events: set[str]) -> str:
    return f"{len(events)} events" if events else ""


def _read_tags(stage: Stage) -> int:
    """The status of something that Muster never does, and its role does not grant: to use the tags API."""
    tags = f"{stage.id_of(cast.UNTAGGED)}/providers/Microsoft.Resources/tags/default"
    url = f"{stage.control.url}{tags}?api-version=2021-04-01"
    request = urllib.request.Request(  # noqa: S310  the address is the stack's own
        url, headers={"Authorization": f"Bearer {stage.control.token()}"}
    )
    opener = build_opener(ProxyHandler({}), HTTPSHandler(context=stage.tls))
    try:
        with opener.open(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def _of_stack(stage: Stage) -> Iterator[Check]:
    """Muster's own affairs."""
    yield same("the poison queue is empty", stage.muster.waiting("reconcile-poison"), 0)
    failed = {name: each["lastError"] for name, each in stage.muster.functions().items() if each["failed"]}
    yield same("no invocation failed", failed, {})
    health = stage.muster.get("/api/health")
    yield same("health says ok", (health["status"], health["problems"]), ("ok", []))
    secrets = [text for relay in stage.control.relays() for text in relay["connectionStrings"]]
    said = stage.stack.logs()["host-0"].read_text() + json.dumps(stage.muster.get("/api/clusters"))
    leaked = sum(secret in said for secret in secrets)
    yield same("no relay's connection string is in log or API", (len(secrets) > 0, leaked), (True, 0))
