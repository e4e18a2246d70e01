"""Which clusters a list shows: the filters that the API and the page have in common."""

from collections.abc import Callable, Iterable, Mapping

from shared.fleet.snapshot import Entry
from shared.model.state import Management

# The id's parts between slashes: the subscription, and the type by which the kind is told.
_SUBSCRIPTION, _TYPE = 2, 7
_KINDS = {"managedclusters": "aks", "connectedclusters": "arc"}


def subscription_of(entry: Entry) -> str:
    """The id of its subscription."""
    return entry.id.split("/", _SUBSCRIPTION + 1)[_SUBSCRIPTION]


def kind_of(entry: Entry) -> str:
    """Its kind, aks or arc."""
    return _KINDS.get(entry.id.split("/")[_TYPE], "")


GPU: Mapping[bool | None, str] = {True: "yes", False: "no", None: "unknown"}
# Asked for in place of a word of Management: every one but Managed.
UNMANAGED = "unmanaged"

FILTERS: Mapping[str, Callable[[Entry], str]] = {
    "management": lambda entry: entry.management,
    "condition": lambda entry: entry.condition,
    "hold": lambda entry: entry.hold[0] if entry.hold else "none",
    "profile": lambda entry: entry.profile or "none",
    "kind": kind_of,
    "subscription": subscription_of,
    "reachability": lambda entry: entry.reachability,
    "verified": lambda entry: entry.verified,
    "ring": lambda entry: entry.ring or "none",
    "region": lambda entry: entry.region or "none",
    "failure": lambda entry: entry.failure or "none",
    "version": lambda entry: entry.version or "none",
    "owner": lambda entry: entry.owner or "none",
    "gpu": lambda entry: GPU[entry.gpu],
}


def selected(entries: Iterable[Entry], wanted: Mapping[str, str]) -> list[Entry]:
    """The entries whose fields have the wanted values, in any letter case; `q` is looked for in the id.

    `unmanaged` is taken as a value of `management`: all but the managed ones.
    """
    text = wanted.get("q", "").lower()
    asked = [(FILTERS[name], value.lower()) for name, value in wanted.items() if value and name in FILTERS]
    if wanted.get("management", "").lower() == UNMANAGED:
        asked = [pair for pair in asked if pair[0] is not FILTERS["management"]]
        entries = (entry for entry in entries if entry.management != Management.MANAGED)
    return [
        entry
        for entry in entries
        if text in entry.id and all(value_of(entry).lower() == value for value_of, value in asked)
    ]
