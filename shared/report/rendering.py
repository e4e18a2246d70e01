"""Pages from templates: Jinja2, everything escaped, nothing undefined; and the files that go with them."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from shared.fleet.snapshot import Entry
from shared.model.state import FAILING, Condition, Management, Reachability
from shared.report.overview import Day
from shared.report.scopes import scope_key, scope_name

_FOLDER = Path(__file__).with_name("templates")
# What a browser may ask for by name, and as what it is sent.
ASSETS = {
    "muster.css": "text/css; charset=utf-8",
    "muster.js": "text/javascript; charset=utf-8",
    "muster.svg": "image/svg+xml",
}
_WORKING = frozenset({Condition.INSTALLING, Condition.UPDATING, Condition.REMOVING, Condition.MISSING})
# Tone, its sign (nobody has to tell colours apart) and what it says.
TONES = (
    ("ok", "■", "as wanted"),
    ("work", "●", "on its way"),
    ("held", "◆", "held or drifted"),
    ("bad", "▲", "failing"),
    ("silent", "⊘", "silent: its agents are offline or expired"),
    ("unknown", "?", "unknown: it could not be read"),
    ("off", "□", "not managed"),
)
# Tones of clusters that somebody should look at.
CALLING = frozenset({"held", "bad", "silent", "unknown"})
_SIGNS = {tone: sign for tone, sign, _ in TONES}
_WIDTH, _HEIGHT = 620, 98


def tone(entry: Entry) -> str:
    """The tone of a cluster: by colour and by sign."""
    return tone_for(entry.management, entry.condition, entry.reachability, held=entry.hold is not None)


def tone_for(management: str, condition: str, reachability: str, *, held: bool) -> str:
    """The tone of these four: what fails comes before what is held, and both before what says nothing of itself."""
    if management != Management.MANAGED:
        return "off"
    if condition in FAILING:
        return "bad"
    if held:
        return "held"
    return tone_of(condition) if reachability == Reachability.ONLINE else "silent"


def tone_of(condition: str) -> str:
    """The tone of a condition alone."""
    if condition in FAILING:
        return "bad"
    if condition in _WORKING:
        return "work"
    return {Condition.CURRENT.value: "ok", Condition.DRIFTED.value: "held"}.get(condition, "unknown")


def shape(entry: Entry) -> str:
    """The sign of a cluster."""
    return sign(tone(entry))


def sign(name: str) -> str:
    """The sign of a tone."""
    return _SIGNS[name]


def asset(name: str) -> bytes:
    """A file that pages refer to; `name` is one of ASSETS."""
    return (_FOLDER / name).read_bytes()


@cache
def version() -> str:
    """Changes with the files that pages refer to, so that browsers may keep them."""
    content = b"".join(asset(name) for name in sorted(ASSETS))
    return hashlib.sha256(content).hexdigest()[:12]


def render(name: str, /, **view: Any) -> str:
    """A page. Each value is escaped where it is put in."""
    return _environment().get_template(f"{name}.html").render(version=version(), **view)


def report(**view: Any) -> str:
    """The overview in one file that refers to nothing."""
    css = Markup(asset("muster.css").decode())  # noqa: S704  our own file
    given: dict[str, Any] = {"root": "", "here": "", "who": "", "form": "", "done": "", "css": css}
    return render("overview", **(given | view | {"single": True}))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined, auto_reload=False
    )
    environment.filters |= {"ago": _ago, "stamp": _stamp, "short": _short, "plain": _plain, "points": _points}
    environment.filters |= {"scope_name": scope_name, "scope_key": scope_key}
    environment.filters["one_digit"] = "{:.1f}".format
    environment.globals |= {"tone": tone, "tone_of": tone_of, "shape": shape, "sign": sign}
    return environment


def _stamp(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"


def _short(moment: str) -> str:
    """A moment that is given as text; what is none stays as it is."""
    try:
        return _stamp(datetime.fromisoformat(moment))
    except ValueError:
        return moment


def _plain(value: Any) -> str:
    """A fact in words."""
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return (", ".join(map(str, value)) or "none") if isinstance(value, list) else str(value)


def _ago(moment: datetime, now: datetime) -> str:
    """How long ago, in the largest unit that fits."""
    passed = max(timedelta(0), now - moment)
    for unit, span in (("day", timedelta(days=1)), ("hour", timedelta(hours=1)), ("minute", timedelta(minutes=1))):
        count = passed // span
        if count:
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return "less than a minute"


def _points(days: Sequence[Day]) -> str:
    """The line of the trend: a day is a point, its height the share; days without one are left out."""
    step = _WIDTH / max(1, len(days) - 1)
    places = ((number, day.share) for number, day in enumerate(days) if day.share is not None)
    return " ".join(f"{number * step:.1f},{1 + _HEIGHT * (1 - share):.1f}" for number, share in places)
