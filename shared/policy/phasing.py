"""Reading the block `rollout` of a policy."""

import re
from datetime import date, timedelta
from functools import partial
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from shared.policy.clauses import read_match
from shared.policy.document import Node
from shared.policy.profiles import NAME
from shared.policy.rollout import Blackout, BlastRadius, Breaker, InFlight, Ring, Rollout, StopOn, Window
from shared.policy.section import Section, scalar
from shared.policy.windows import ANY_MOMENT

_LONGEST_WINDOW = timedelta(days=7)
MOST = 1_000_000
TIME_ZONE = r"[A-Za-z0-9_+\-/]+"
DAY = r"\d{4}-\d\d-\d\d"


def read_rollout(root: Section) -> Rollout:
    """How the policy's changes reach the fleet."""
    section = root.section("rollout")
    if section is None:
        return Rollout()
    rollout = Rollout(
        rings=_rings(section),
        windows=_windows(section),
        blackouts=tuple(_blackout(Section(node, section.findings)) for node in section.items("blackouts")),
        in_flight=_in_flight(section.section("maxInFlight")),
        stop_on=_stop_on(section.section("stopOn")),
        blast=_blast(section.section("blastRadius")),
        breaker=_breaker(section.section("breaker")),
        **_new_clusters(section.section("newClusters")),
        policy_change_clusters=_policy_change(section.section("policyChange")),
    )
    section.done()
    return rollout


def _rings(section: Section) -> tuple[Ring, ...]:
    rings: list[Ring] = []
    for node in section.items("rings"):
        inner = Section(node, section.findings)
        matched = inner.section("match")
        ring = Ring(
            name=inner.text("name", required=True, pattern=NAME),
            match=read_match(matched) if matched is not None else None,
            soak=inner.duration("soak", timedelta(0)),
            approval=inner.boolean("approval", default=False),
            windows=_windows(inner),
        )
        inner.done()
        if ring.name in {each.name for each in rings}:
            inner.refuse(node, f"there are two rings '{ring.name}'")
        if rings and rings[-1].match is None:
            inner.refuse(node, f"ring '{rings[-1].name}' takes every cluster, so that none is left for this one")
        rings.append(ring)
    return tuple(rings)


def _windows(section: Section) -> tuple[Window, ...]:
    return tuple(_window(Section(node, section.findings)) for node in section.items("windows"))


def _window(section: Section) -> Window:
    zone = _zone(section)
    cron = section.text("cron", "* * * * *", required=True)
    try:
        CronSim(cron, ANY_MOMENT)
    except CronSimError as error:
        section.refuse(section.node, f"'{cron}' is no cron expression of five fields: {error}")
    duration = section.duration("duration", timedelta(0))
    if not timedelta(0) < duration <= _LONGEST_WINDOW:
        section.refuse(section.node, "a window needs a duration, of at most 7d")
        duration = timedelta(hours=1)
    section.done()
    return Window(cron, duration, zone)


def _zone(section: Section) -> str:
    name = section.text("timeZone", "UTC", pattern=TIME_ZONE)
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        section.refuse(section.node, f"'{name}' is no time zone of the IANA database (Europe/Vienna)")
        return "UTC"
    return name


def _blackout(section: Section) -> Blackout:
    first, last = _day(section, "from"), _day(section, "to")
    blackout = Blackout(first, last, _zone(section), section.text("reason"))
    section.done()
    if last < first:
        section.refuse(section.node, "the blackout ends before it begins")
    return blackout


def _day(section: Section, key: str) -> date:
    text = section.text(key, required=True, pattern=DAY)
    try:
        return date.fromisoformat(text)
    except ValueError:
        if text:
            section.refuse(section.node, f"{key}: '{text}' is no day of the calendar")
        return date.max if key == "to" else date.min


def _in_flight(section: Section | None) -> InFlight:
    if section is None:
        return InFlight()
    count = partial(_count, section)
    limits = InFlight(count("fleet"), count("subscription"), count("region"))
    section.done()
    return limits


def _stop_on(section: Section | None) -> StopOn:
    if section is None:
        return StopOn()
    stop = StopOn(_count(section, "failures"), _percent(section), _sample(section, StopOn().minimum_sample))
    section.done()
    return stop


def _blast(section: Section | None) -> BlastRadius:
    if section is None:
        return BlastRadius()
    blast = BlastRadius(_count(section, "writesPerDay"), _count(section, "disruptivePerDay"))
    section.done()
    return blast


def _breaker(section: Section | None) -> Breaker:
    if section is None:
        return Breaker()
    breaker = Breaker(_percent(section), _sample(section, Breaker().minimum_sample))
    section.done()
    return breaker


def _new_clusters(section: Section | None) -> dict[str, int | None]:
    if section is None:
        return {}
    found = {
        "new_clusters_per_hour": _count(section, "perHour"),
        "mass_selection": _count(section, "massSelection"),
    }
    section.done()
    return found


def _policy_change(section: Section | None) -> int | None:
    if section is None:
        return None
    clusters = _count(section, "clusters")
    section.done()
    return clusters


def _count(section: Section, key: str) -> int | None:
    if key not in (section.node.keys or {}):
        section.take(key)
        return None
    return section.integer(key, 1, least=1, most=MOST)


def _sample(section: Section, default: int) -> int:
    return section.integer("minimumSample", default, least=1, most=MOST)


def _percent(section: Section) -> float | None:
    node: Node | None = section.take("percent")
    text = scalar(node, section.findings) if node is not None else None
    if node is None or text is None:
        return None
    if node.quoted or re.fullmatch(r"\d{1,3}(\.\d{1,3})?", text) is None or not 0 < float(text) <= 100:
        section.refuse(node, f"a number above 0 and at most 100 belongs here, not {node.kind}")
        return None
    return float(text)
