"""Where the policy document comes from: a file or directory of the deployed package, or a blob."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from shared import logs
from shared.azure.blob_text import BlobTexts
from shared.errors import AzureError, ConfigurationError, PolicyError
from shared.policy.loading import policy_files, read_policy
from shared.policy.model import PolicyText

_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Offer:
    """A policy document that is on offer: where it lies, in words, and when it was written where that can be told."""

    texts: tuple[PolicyText, ...]
    written_at: datetime | None
    source: str


class PolicySource:
    """Reads the document that MUSTER_POLICY names."""

    def __init__(self, place: str, blobs: BlobTexts) -> None:
        self._place, self._blobs = place, blobs

    async def offer(self) -> Offer | None:
        """The document as it stands; None where it cannot be had now (the last good one then serves)."""
        if self._place.startswith("https://"):
            return await self._from_blob()
        if "://" in self._place:
            raise ConfigurationError("MUSTER_POLICY must be a path or an https URL of a blob.")
        return await asyncio.to_thread(self._from_disk)

    def _from_disk(self) -> Offer | None:
        path = _ROOT / self._place
        try:
            texts = read_policy(path)
            latest = max((file.stat().st_mtime for file in policy_files(path)), default=0.0)
        except (PolicyError, OSError) as error:
            logs.event("policy-unreadable", place=self._place, reason=str(error))
            return None
        return Offer(texts, datetime.fromtimestamp(latest, UTC), f"the app's own file {path.name}")

    async def _from_blob(self) -> Offer | None:
        try:
            text, written = await self._blobs.read(self._place)
        except AzureError as error:
            logs.event("policy-unreadable", place=self._place, reason=error.message)
            return None
        name = urlsplit(self._place).path.rsplit("/", 1)[-1]
        source = f"the blob {name}, written {written:%Y-%m-%d %H:%M} UTC"
        return Offer((PolicyText(self._place.rsplit("/", 1)[-1], text),), written, source)
