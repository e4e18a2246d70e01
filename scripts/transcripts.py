"""Transcripts of `make live-acceptance`, compared: does the simulated Azure answer as the real one did?

Both play the same steps by the same program. What is compared of an exchange is what Muster reads: the request's form,
the status, the error's code, the provisioning state, and of the properties in READ whether they are there and of which
type. Repeated polling counts once; ids, times and whatever else Azure sends are left out.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any
from urllib.parse import urlsplit

# What Muster reads of each resource, by the last type in its path; a body that is a list is meant item by item.
READ: Mapping[str, tuple[str, ...]] = {
    "managedclusters": ("id", "name", "location", "tags", "properties.provisioningState", "properties.powerState.code",
                        "properties.agentPoolProfiles", "properties.kubernetesVersion"),
    "connectedclusters": ("id", "name", "location", "tags", "properties.provisioningState",
                          "properties.connectivityStatus", "properties.totalNodeCount", "properties.distribution"),
    "extensions": ("id", "name", "properties.extensionType", "properties.provisioningState",
                   "properties.configurationSettings", "properties.releaseTrain",
                   "properties.autoUpgradeMinorVersion", "systemData.createdBy"),
    "namespaces": ("id", "properties.provisioningState"),
    "hybridconnections": ("id",),
    "listkeys": ("primaryConnectionString",),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer, without what may differ. `line` counts from 1 and is not compared."""

    line: int
    request: str
    status: int
    code: str
    state: str
    properties: Mapping[str, str]

    @property
    def key(self) -> tuple[str, int, str, str]:
        """What has to be the same, in the same order."""
        return self.request, self.status, self.code, self.state

    def __str__(self) -> str:
        return f"{self.request} answered {' '.join(filter(None, (str(self.status), self.code, self.state)))}"


def exchanges(lines: Iterable[str]) -> list[Exchange]:
    """The exchanges of a transcript, one for each run of equal ones.

    Raises:
        ValueError: a line is none of a transcript.
    """
    found: list[Exchange] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            each = _exchange(number, json.loads(line))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"line {number} is no exchange of a transcript: {error}") from error
        if not found or found[-1].key != each.key:
            found.append(each)
    return found


def _exchange(number: int, line: Mapping[str, Any]) -> Exchange:
    path = urlsplit(line["url"]).path
    types = [segment for segment in path.lower().rsplit("/providers/", 1)[-1].split("/")[1::2] if segment]
    kind = types[-1] if types else "subscriptions"
    kind = path.rsplit("/", 1)[-1].lower() if line["method"] == "POST" else kind
    body = _parsed(line["answer"])
    error = body.get("error") if isinstance(body.get("error"), Mapping) else {}
    items = (
        [item for item in body["value"] if isinstance(item, Mapping)] if isinstance(body.get("value"), list) else None
    )
    shown = items if items is not None else [body]
    sound = int(line["status"]) < 300
    state = (
        "+".join(str((item.get("properties") or {}).get("provisioningState", "")) for item in shown) if sound else ""
    )
    properties = (
        {name: _type(item, name) for item in shown for name in READ.get(kind, ())} if sound and any(shown) else {}
    )
    return Exchange(
        number, f"{line['method']} {kind}", int(line["status"]), str((error or {}).get("code", "")), state, properties
    )


def _parsed(text: str) -> Mapping[str, Any]:
    try:
        body = json.loads(text) if text else {}
    except ValueError:
        return {}
    return body if isinstance(body, Mapping) else {}


def _type(body: Any, name: str) -> str:
    for part in name.split("."):
        body = body.get(part) if isinstance(body, Mapping) else None
    return "missing" if body is None else type(body).__name__


def differences(live: Sequence[Exchange], simulated: Sequence[Exchange]) -> Iterator[str]:
    """What the simulated transcript does otherwise, in words, with the line of the live one."""
    matcher = SequenceMatcher(None, [each.key for each in live], [each.key for each in simulated], autojunk=False)
    for tag, start, end, other_start, other_end in matcher.get_opcodes():
        if tag == "equal":
            for one, other in zip(live[start:end], simulated[other_start:other_end], strict=True):
                yield from _otherwise(one, other)
            continue
        yield from (f"line {one.line}: live, {one}; the simulator did not" for one in live[start:end])
        yield from (
            f"line {_place(live, start)}: the simulator, {other}; live did not"
            for other in simulated[other_start:other_end]
        )


def _place(live: Sequence[Exchange], at: int) -> int:
    return live[min(at, len(live) - 1)].line if live else 0


def _otherwise(one: Exchange, other: Exchange) -> Iterator[str]:
    for name, kind in one.properties.items():
        simulated = other.properties.get(name, "missing")
        if simulated != kind:
            yield f"line {one.line}: {one.request}: {name} is {kind} live and {simulated} in the simulator"
