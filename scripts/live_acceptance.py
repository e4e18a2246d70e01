"""Play the assumptions that decide most on throw-away clusters of a real subscription: `make live-acceptance`.

    python -m scripts.live_acceptance --cluster <ARM id> [--cluster <ARM id>] --yes

It works by your own login (az, or AZURE_CLIENT_ID for a managed identity) through the adapters that Muster uses, and
touches nothing but the named clusters, which must carry the tag `muster-acceptance=throw-away`. For each it installs
the extension, sends it again while it is created, looks at it as a Muster that never sent it (adoption), rotates its
protected values (Arc), makes an update fail, mends it, and removes everything. What was asked and answered goes,
redacted, into build/live-<time>.jsonl; what each step says about docs/assumptions.md is printed.

Takes an hour or more: Azure installs in ten to forty minutes. Leaves with 0 where every step ended as assumed.
"""

import argparse
import asyncio
import json
import os
import re
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import AsyncHTTPPolicy

from shared.azure.arm import Arm
from shared.azure.credentials import credential
from shared.azure.extensions import Extensions
from shared.azure.relay import Relays
from shared.azureml.body import patch_body, put_body
from shared.azureml.derivation import derive
from shared.config import PUBLIC_ARM
from shared.errors import Absent, AzureError, InProgress, MusterError, Refused
from shared.model.cluster import Cluster
from shared.model.decision import Action, Decision
from shared.model.extension import DesiredExtension, Extension
from shared.model.gates import Gates, Mode
from shared.model.identity import ClusterId
from shared.model.observation import Observation
from shared.model.request import Reason
from shared.model.state import Condition
from shared.policy.loading import PolicyText, parse_policy
from shared.policy.model import Policy
from shared.reconcile.decide import decide

ROOT = Path(__file__).resolve().parents[1]
CONSENT = ("muster-acceptance", "throw-away")
NAME = "azureml"
_ENDS = frozenset({"succeeded", "failed", "canceled"})
_SECRET = re.compile(r"(SharedAccessKey=|\"(?:primary|secondary)(?:Key|ConnectionString)\": *\")[^;\"]+")
_GUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)


class Transcript(AsyncHTTPPolicy[Any, Any]):
    """Writes down requests and their answers, without secrets, ids of people and ids of subscriptions.

    A request that is asked again and answered the same is written once.
    """

    def __init__(self, place: Path) -> None:
        super().__init__()
        place.parent.mkdir(parents=True, exist_ok=True)
        self.place = place
        self._names: dict[str, str] = {}
        self._last: dict[str, Any] = {}

    async def send(self, request: PipelineRequest[Any]) -> PipelineResponse[Any, Any]:
        """Pass a request on, and write one line for its answer, whose body is read to its end here."""
        response = await self.next.send(request)
        asked, answer = request.http_request, response.http_response
        if answer.is_stream_consumed:
            body = answer.content
        else:
            # aiohttp keeps what it has read; azure-core would stumble over an empty body that it is asked for twice.
            body = await answer.read() if await answer.internal_response.read() else b""
        line = {
            "method": asked.method,
            "url": self.redacted(urlsplit(asked.url)._replace(netloc="arm").geturl()),
            "sent": self.redacted(_text(asked)),
            "status": answer.status_code,
            "answer": self.redacted(body.decode(errors="replace")),
        }
        if line == self._last:
            return response  # waiting for an end asks the same a hundred times
        self._last = line
        with self.place.open("a") as file:
            file.write(json.dumps(line) + "\n")
        return response

    def redacted(self, text: str) -> str:
        """The text with every id renamed, the same one to the same name, and no secret."""
        text = _SECRET.sub(r"\1***", text)
        text = re.sub(r'("configurationProtectedSettings": *\{)[^}]*\}', r"\1}", text)
        text = re.sub(r'("(?:createdBy|lastModifiedBy)": *")[^"]*', r"\1somebody", text)
        text = _GUID.sub(lambda found: self._names.setdefault(found[0].lower(), f"id-{len(self._names)}"), text)
        for guid, name in self._names.items():
            # The names of a relay hold the subscription's id without its dashes.
            text = text.replace(guid.replace("-", ""), name)
        return text


def _text(request: Any) -> str:
    content = getattr(request, "content", None) or getattr(request, "data", None)
    return content.decode() if isinstance(content, bytes) else str(content or "")


@dataclass
class Acceptance:
    """One cluster's play; `told` says of each assumption whether it held."""

    arm: Arm
    cluster: Cluster
    pause: Callable[[], Awaitable[None]]
    told: dict[str, bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.extensions, self.relays = Extensions(self.arm), Relays(self.arm)

    async def play(self) -> None:
        """Everything, in order; the extension and its relay are gone afterwards."""
        if await self.extension() is not None:
            raise Refused("An extension is there already; acceptance wants a cluster without one.")
        desired = derive(self.cluster, {"enableTraining": "true"})
        try:
            await self._install(desired)
            await self._again(desired)
            await self._adopt(desired)
            await self._rotate(desired)
            await self._update(desired)
        finally:
            await self._remove(desired)

    async def extension(self) -> Extension | None:
        """The extension as ARM lists it."""
        return next((each for each in await self.extensions.list(self.cluster.id) if each.azureml), None)

    async def ended(self) -> Extension | None:
        """The extension once its operation has ended, or it is gone."""
        while True:
            found = await self.extension()
            if found is None or found.provisioning_state.lower() in _ENDS:
                return found
            await self.pause()

    async def _install(self, desired: DesiredExtension) -> None:
        secrets = await self._relay(desired)
        await self.extensions.create(self.cluster.id, NAME, put_body(desired, secrets))
        found = await self.extension()
        self.told["an extension is listed as soon as its PUT is answered"] = found is not None
        try:
            await self.extensions.create(self.cluster.id, NAME, put_body(desired, secrets))
        except (InProgress, Refused):
            self.told["5: PUT during Creating is refused"] = True
        else:
            self.told["5: PUT during Creating is refused"] = False
        found = await self.ended()
        self.told["the installation succeeds"] = found is not None and found.provisioning_state == "Succeeded"
        self.told["1: systemData names who created it"] = found is not None and bool(found.created_by)
        kept = found.settings if found is not None else {}
        self.told["every setting that was sent is kept"] = all(
            kept.get(key, "").lower() == value.lower() for key, value in desired.settings.items()
        )

    async def _relay(self, desired: DesiredExtension) -> dict[str, str]:
        if desired.relay is None:
            return {}
        while not await self.relays.begin(self.cluster, desired.relay):
            await self.pause()
        await self.relays.complete(self.cluster.id, desired.relay)
        secret = await self.relays.connection_string(self.cluster.id, desired.relay)
        return dict.fromkeys(desired.protected, secret)

    async def _again(self, desired: DesiredExtension) -> None:
        """A PATCH with what stands there already."""
        await self.extensions.update(self.cluster.id, NAME, patch_body({"enableTraining": "true"}))
        found = await self.ended()
        self.told["a PATCH without news leaves it Succeeded"] = (
            found is not None and found.provisioning_state == "Succeeded"
        )
        self.told["settings survive a PATCH of others"] = found is not None and all(
            found.settings.get(key, "").lower() == value.lower() for key, value in desired.settings.items()
        )

    async def _adopt(self, desired: DesiredExtension) -> None:
        """What a Muster decides that remembers nothing of this extension; nothing is sent."""
        found = await self.extension()
        if found is None:
            self.told["adoption: there is an extension to look at"] = False
            return
        same, other = (_policy(desired.settings, more) for more in ({}, {"installVolcano": "false"}))
        kept, reported = (self._decided(found, policy) for policy in (same, other))
        self.told["adoption: somebody else's extension that is as wanted is left alone"] = (
            kept.action is Action.NOTHING and kept.state.condition is Condition.CURRENT
        )
        self.told["adoption: what differs in it is reported and not written"] = (
            reported.action is Action.NOTHING and reported.state.condition is Condition.DRIFTED
        )
        ours = self._decided(found, other, own_names=frozenset({(found.created_by or "").lower()}))
        self.told["1: after a loss of memory it is known again by who created it"] = (
            ours.intended is not None and ours.intended.writes
        )

    def _decided(self, found: Extension, policy: Policy, own_names: frozenset[str] = frozenset()) -> Decision:
        selected = replace(self.cluster, tags={**self.cluster.tags, policy.select_tag: "true"})
        seen = Observation(
            self.cluster.id,
            Reason.MANUAL,
            Gates(Mode.ENFORCE),
            cluster=selected,
            extensions=(found,),
            own_names=own_names,
        )
        return decide(seen, policy, datetime.now(UTC))

    async def _rotate(self, desired: DesiredExtension) -> None:
        """The protected map alone, whole, as a rotation sends it; an Arc cluster's holds the relay's key."""
        if desired.relay is None:
            return
        await self.extensions.update(self.cluster.id, NAME, patch_body({}, await self._relay(desired)))
        found = await self.ended()
        self.told["38: a PATCH of the protected map alone is taken, and keeps the settings"] = (
            found is not None
            and found.provisioning_state == "Succeeded"
            and found.settings.get("enableTraining", "").lower() == "true"
        )

    async def _update(self, desired: DesiredExtension) -> None:
        """An update that cannot succeed, and one that mends it."""
        await self.extensions.update(self.cluster.id, NAME, patch_body({"nodeSelector.muster": "nowhere"}))
        failed = await self.ended()
        state = failed.provisioning_state if failed is not None else "gone"
        self.told["an update that cannot run ends (Failed, or Succeeded with pods that wait)"] = state != "gone"
        secrets = await self._relay(desired)
        await self.extensions.create(self.cluster.id, NAME, put_body(desired, secrets))
        mended = await self.ended()
        self.told["2: PUT on what failed runs it again"] = (
            mended is not None and mended.provisioning_state == "Succeeded"
        )

    async def _remove(self, desired: DesiredExtension) -> None:
        if await self.extension() is not None:
            await self.ended()
            await self.extensions.delete(self.cluster.id, NAME)
        self.told["52: DELETE without forceDelete ends"] = await self.ended() is None
        if desired.relay is not None:
            unused = await self.relays.ours_and_unused(self.cluster.id, desired.relay)
            self.told["50: the relay is ours and unused afterwards"] = unused
            await self.relays.remove(self.cluster.id, desired.relay)


def _policy(settings: Mapping[str, str], more: Mapping[str, str]) -> Policy:
    """A policy whose one profile wants what a person can ask for of these settings, and more."""
    wanted = {"enableTraining": settings["enableTraining"], **more}
    document = {
        "version": 1,
        "profiles": {"acceptance": {"settings": wanted}},
        "rules": [{"name": "all", "profile": "acceptance"}],
        "verification": {"aks": "none"},
        "enforcement": {"updateSafe": "act", "updateDisruptive": "act"},
    }
    return parse_policy([PolicyText("acceptance.yaml", json.dumps(document))])


@asynccontextmanager
async def opened(place: Path, environment: Mapping[str, str]) -> AsyncIterator[Arm]:
    """Resource Manager by whatever login there is, with a transcript."""
    endpoint = environment.get("MUSTER_ARM_ENDPOINT", PUBLIC_ARM)
    audience = environment.get("MUSTER_ARM_AUDIENCE", endpoint)
    async with (
        credential(environment.get("AZURE_CLIENT_ID", "")) as identity,
        Arm(identity, endpoint=endpoint, audience=audience, watch=(Transcript(place),)) as arm,
    ):
        yield arm


async def accept(clusters: list[str], place: Path, *, pause: float, environment: Mapping[str, str]) -> bool:
    """Play on every cluster; whether everything was as assumed.

    Raises:
        MusterError: a cluster is none, cannot be read, or does not carry the tag of consent.
    """
    held = True
    async with opened(place, environment) as arm:
        for text in clusters:
            cluster = await arm.cluster(ClusterId.parse(text))
            name, value = CONSENT
            if {key.lower(): each.lower() for key, each in cluster.tags.items()}.get(name) != value:
                raise Refused(f"{cluster.id.name} does not carry the tag {name}={value}: nothing was done.")
            play = Acceptance(arm, cluster, lambda: asyncio.sleep(pause))
            try:
                await play.play()
            except (AzureError, Absent) as error:
                play.told[f"no call is refused ({error.message})"] = False
            for assumption, true in play.told.items():
                print(f"{'ok ' if true else 'NO '} {cluster.id.name}: {assumption}")
            held = held and all(play.told.values())
    return held


def main() -> int:
    """Ask for consent, play, say where the transcript lies."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cluster", action="append", required=True, help="ARM id; may be given more than once")
    parser.add_argument("--pause", type=float, default=30.0, help="seconds between two looks (default 30)")
    parser.add_argument("--yes", action="store_true", help="yes, install and remove the extension on these clusters")
    arguments = parser.parse_args()
    if not arguments.yes:
        parser.error("it installs and removes the extension on the named clusters; say --yes")
    place = ROOT / "build" / f"live-{datetime.now(UTC):%Y%m%dT%H%M%S}.jsonl"
    begun = time.monotonic()
    try:
        held = asyncio.run(accept(arguments.cluster, place, pause=arguments.pause, environment=os.environ))
    except MusterError as error:
        print(f"live-acceptance: {error.message}", file=sys.stderr)
        return 1
    print(f"{time.monotonic() - begun:.0f} s. Transcript: {place.relative_to(ROOT)}")
    return 0 if held else 2


if __name__ == "__main__":
    sys.exit(main())
