"""The request log: what was asked, by whom, and how it was answered; never a secret."""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from simulator.arm import Json

_PROTECTED = "configurationprotectedsettings"


@dataclass(slots=True)
class Entry:
    """One request.

    Attributes:
        at: simulated time, seconds since the epoch.
        status: the HTTP status that was sent; 0 where nothing was (time-out, reset) or not yet.
        duration: real seconds until the answer.
        body: the request's JSON; values of protected settings are `***`.
        effect: whether the request took effect, whatever the answer said.
        fault: the rule that hit it, or an empty text.
    """

    seq: int
    at: float
    service: str
    method: str
    path: str
    query: dict[str, str]
    api_version: str
    action: str
    caller: str
    status: int
    duration: float
    body: Any
    effect: bool
    fault: str

    def shown(self) -> Json:
        """As JSON."""
        return asdict(self)


class Journal:
    """All requests since the simulator started, in the order of their arrival."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []

    def open(self, at: float, service: str, method: str, path: str) -> Entry:
        """Note a request that arrived."""
        entry = Entry(
            len(self._entries) + 1, at, service, method, path, {}, "", "", "", 0, 0.0, None, effect=False, fault=""
        )
        self._entries.append(entry)
        return entry

    def entries(
        self, since: int = 0, method: str | None = None, contains: str | None = None, service: str | None = None
    ) -> list[Entry]:
        """Requests with a sequence number above `since`; `contains` is searched in the path, without case."""
        return [
            entry
            for entry in self._entries[max(0, since) :]
            if (method is None or entry.method == method.upper())
            and (service is None or entry.service == service)
            and (contains is None or contains.lower() in entry.path.lower())
        ]

    def counts(self, since: int = 0) -> dict[str, dict[str, int]]:
        """Number of requests by service and method."""
        counted = Counter((entry.service, entry.method) for entry in self._entries[max(0, since) :])
        result: dict[str, dict[str, int]] = {}
        for (service, method), number in sorted(counted.items()):
            result.setdefault(service, {})[method] = number
        return result

    @property
    def last(self) -> int:
        """The sequence number of the latest request."""
        return len(self._entries)


def without_secrets(body: Any) -> Any:
    """A copy in which every value below configurationProtectedSettings is `***`; keys stay."""
    if isinstance(body, dict):
        return {
            key: _hidden(value) if key.lower() == _PROTECTED else without_secrets(value) for key, value in body.items()
        }
    if isinstance(body, list):
        return [without_secrets(item) for item in body]
    return body


def _hidden(value: Any) -> Any:
    if isinstance(value, dict):
        return dict.fromkeys(value, "***")
    return None if value is None else "***"
