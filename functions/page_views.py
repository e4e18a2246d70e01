"""What the pages show, gathered: few requests of storage, however large the fleet is; one look at ARM for a cluster."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from functions.steering import approved, waiting
from shared import logs
from shared.composition import House
from shared.config import PUBLIC_ARM, sweep_schedule
from shared.errors import StorageError
from shared.fleet import snapshot
from shared.fleet.age import are_old
from shared.fleet.choosing import FILTERS, UNMANAGED, kind_of, selected
from shared.fleet.snapshot import Entry
from shared.model.check import Severity, Verdict
from shared.model.identity import ClusterId
from shared.model.intent import FleetVerb
from shared.model.state import HoldCode, Reachability
from shared.policy.linting import remarks
from shared.reconcile.wanted import TODAYS
from shared.report.changes import MOST, Day, happened, tells
from shared.report.overview import Sources, overview
from shared.report.remedies import HOLDS
from shared.report.rendering import CALLING, TONES, shape, tone, tone_for
from shared.report.rules import rules_view

_DAY = timedelta(days=1)
# Rows of one page of the list.
_ROWS = 100
# More clusters than these are shown as counts by group.
_CELLS = 5000
# What people filter by, in the order of the form.
_ASKED = {
    "management": "Management",
    "condition": "Condition",
    "hold": "Held by",
    "reachability": "Reachability",
    "verified": "Verified",
    "kind": "Kind",
    "ring": "Ring",
    "profile": "Profile",
    "subscription": "Subscription",
    "region": "Region",
    "failure": "Failure",
    "version": "Version",
    "owner": "Owner",
    "gpu": "GPUs",
}
_GROUPS = {Verdict.FAILED.value: "failed", Verdict.NOT_EVALUATED.value: "unknown"}
# A select of thousands of choices helps nobody.
_CHOICES = 200
_PORTALS = {
    PUBLIC_ARM: "https://portal.azure.com",
    "https://management.usgovcloudapi.net": "https://portal.azure.us",
    "https://management.chinacloudapi.cn": "https://portal.azure.cn",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the list."""

    key: str
    name: str
    kind: str
    entry: Entry


@dataclass(frozen=True, slots=True)
class Cell:
    """One cluster on the map; `key` is set where it needs somebody."""

    name: str
    tone: str
    sign: str
    title: str
    key: str = ""


@dataclass(slots=True)
class Group:
    """Clusters that have one field in common."""

    name: str
    counts: Counter[str] = field(default_factory=Counter)
    cells: list[Cell] = field(default_factory=list)


async def overview_of(home: House) -> dict[str, Any]:
    """The overview."""
    now = home.clock()
    policy = await home.reconciler.generations.current()
    words = await home.intents.fleet()
    gates = home.reconciler.gates()
    fleet, kept = await home.inventory.fleet(), await home.inventory.kept()
    sources = Sources(
        now,
        gates.mode,
        gates.stopped,
        fleet,
        kept,
        (await home.gatekeeper.books(policy)).at(policy.digest, policy.generation, now),
        await home.gatekeeper.view(policy, words),
        policy,
        await home.reconciler.generations.standing(),
        sweep_schedule(),
        [word for word in words if word.verb is FleetVerb.PAUSE and word.stands(now)],
        await waiting(home, fleet),
        await _partial(home, kept),
    )
    changes = await _changes(home)
    return {"view": overview(sources), "changes": changes} | frame(home, fleet.as_of, complete=fleet.complete)


async def _changes(home: House) -> Day | None:
    """What happened within a day; None where the trail cannot be read, which keeps nobody from the rest."""
    now = home.clock()
    try:
        latest = await home.trail.latest(now - _DAY, now, tells, MOST)
    except StorageError as error:
        logs.event("audit-unread", reason=error.message)
        return None
    return Day(happened(latest.records), latest.found, latest.cut)


async def _partial(home: House, figures: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the last sweep left that was not whole; nothing where the last one was."""
    partial = await home.inventory.documents.read(snapshot.PARTIAL)
    if partial is None or str(partial.body.get("asOf", "")) <= str(figures.get("asOf", "")):
        return {}
    return dict(partial.body)


async def list_of(home: House, asked: Mapping[str, str]) -> dict[str, Any]:
    """The list, filtered; `after` is the id behind which it goes on."""
    wanted = {name: value for name, value in asked.items() if value and name in {*FILTERS, "q"}}
    fleet = await home.inventory.fleet()
    chosen = selected(fleet.entries, wanted)
    after = asked.get("after", "")
    shown = [entry for entry in chosen if entry.id > after][: _ROWS + 1]
    more = {**wanted, "after": shown[_ROWS - 1].id} if len(shown) > _ROWS else None
    return {
        "total": len(chosen),
        "asked": wanted,
        "rows": [_row(entry) for entry in shown[:_ROWS]],
        "next": more,
        "filters": [
            (name, title, _choices(fleet.entries, name, wanted.get(name, ""))) for name, title in _ASKED.items()
        ],
    } | frame(home, fleet.as_of, complete=fleet.complete)


def _row(entry: Entry) -> Row:
    cluster = ClusterId.parse(entry.id)
    return Row(cluster.key, cluster.name, kind_of(entry), entry)


def _choices(entries: Sequence[Entry], name: str, asked: str) -> list[str]:
    """What is there to choose, and what was asked for: the form would drop it without a word."""
    counted = Counter(map(FILTERS[name], entries))
    found = {value for value, _ in counted.most_common(_CHOICES)}
    if name == "management":
        found.add(UNMANAGED)
    if asked and asked.lower() not in map(str.lower, found):
        found.add(asked)
    return sorted(found)


async def map_of(home: House, by: str) -> dict[str, Any]:
    """The fleet in groups, a cell for each cluster."""
    fleet = await home.inventory.fleet()
    cells = len(fleet.entries) <= _CELLS
    groups: dict[str, Group] = {}
    titles = {name: title for name, _, title in TONES}
    for entry in fleet.entries:
        name = FILTERS[by](entry)
        group = groups.setdefault(name, Group(name))
        found = tone(entry)
        group.counts[found] += 1
        if cells:
            group.cells.append(_cell(entry, found, titles[found]))
    ordered = sorted(groups.values(), key=_size, reverse=True)
    return {"by": by, "cells": cells, "groups": ordered, "legend": TONES} | frame(
        home, fleet.as_of, complete=fleet.complete
    )


def _size(group: Group) -> tuple[int, str]:
    return group.counts.total(), group.name


def _cell(entry: Entry, found: str, title: str) -> Cell:
    name = entry.id.rpartition("/")[2]
    key = ClusterId.parse(entry.id).key if found in CALLING else ""
    silent = found not in {"off", "silent"} and entry.reachability != Reachability.ONLINE
    return Cell(name, found, shape(entry), f"{title}, {entry.reachability}" if silent else title, key)


async def cluster_of(home: House, view: Mapping[str, Any]) -> dict[str, Any]:
    """One cluster, from its view in the API."""
    state = view["state"]
    hold = state["hold"]
    policy = await home.reconciler.generations.current()
    cluster = ClusterId.from_key(view["key"])
    settings = home.settings
    portal = _PORTALS.get(settings.arm_endpoint, _PORTALS[PUBLIC_ARM])
    facts = view["facts"]
    return {
        "view": view,
        "key": view["key"],
        "name": cluster.name,
        "tone": tone_for(state["management"], state["condition"], state["reachability"], held=hold is not None),
        "remedy": HOLDS[HoldCode(hold["code"])] if hold else "",
        "portal": f"{portal}/#resource{facts['id'] if facts else view['id']}",
        "profiles": list(policy.profiles),
        "checks": _checks(view["preflight"]),
        "todays": any(told.casefold().startswith(TODAYS) for told in view["advice"]),
    } | frame(home, None, fresh=True)


def _checks(results: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """Preflight checks by how they came out: those that hold first. What the policy turned off counts for nothing."""
    groups: dict[str, list[Mapping[str, Any]]] = {"failed": [], "unknown": [], "rest": []}
    for each in results:
        off = each["severity"] == Severity.OFF.value
        groups["rest" if off else _GROUPS.get(each["verdict"], "rest")].append(each)
    groups["failed"].sort(key=lambda each: bool(each["severity"] != Severity.BLOCK.value))
    return groups


async def policy_of(home: House) -> dict[str, Any]:
    """The policy: what each rule and profile serves, what is remarkable, what ends."""
    policy = await home.reconciler.generations.current()
    fleet = await home.inventory.fleet()
    return {
        "standing": await home.reconciler.generations.standing(),
        "approved": await approved(home),
        "place": home.settings.policy,
        "rules": rules_view(policy, fleet.entries, await home.inventory.kept()),
        "profiles": list(policy.profiles.values()),
        "by_profile": Counter(entry.profile for entry in fleet.entries if entry.profile),
        "remarks": list(map(str, (*policy.warnings, *remarks(policy, home.clock())))),
        "exceptions": policy.exceptions,
    } | frame(home, fleet.as_of, complete=fleet.complete)


def frame(home: House, as_of: Any, *, complete: bool = True, fresh: bool = False) -> dict[str, Any]:
    """What every page has."""
    now = home.clock()
    return {
        "mode": home.reconciler.gates().mode.value,
        "now": now,
        "stale": not fresh and as_of is not None and are_old(as_of, now, home.inventory.gaps, sweep_schedule()),
        "as_of": as_of,
        "complete": complete,
        "fresh": fresh,
        "single": False,
    }
