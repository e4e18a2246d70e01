"""Blob storage as far as one reads a document from it over https: `GET /<account>/<container>/<blob>`.

Azurite serves the storage account of an app, over plain http; a policy document in a blob is read by
identity over https, which this stands for. Range requests are answered whole documents first, as the
service does for small blobs (Get Blob, x-ms-range).
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

from aiohttp import web

from simulator.arm_errors import ArmError
from simulator.clock import Clock
from simulator.identity_endpoint import IdentityEndpoint
from simulator.journal import Journal

AUDIENCE = "https://storage.azure.com"
ACCOUNT = "devstoreaccount1"
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


@dataclass(frozen=True, slots=True)
class Blob:
    """One blob and when it was written."""

    content: bytes
    written_at: float

    @property
    def etag(self) -> str:
        """Changes with the content and with each writing."""
        return f'"0x{hashlib.sha256(self.content + str(self.written_at).encode()).hexdigest()[:16].upper()}"'


class Blobs:
    """The blobs of one account."""

    def __init__(self, clock: Clock, identity: IdentityEndpoint, journal: Journal) -> None:
        self._clock, self._identity, self._journal = clock, identity, journal
        self._blobs: dict[str, Blob] = {}

    def put_blob(self, path: str, text: str) -> str:
        """Write a blob; the path of its URL."""
        place = f"/{ACCOUNT}/{path.lstrip('/')}"
        self._blobs[place] = Blob(text.encode(), self._clock.now())
        return place

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one request."""
        entry = self._journal.open(self._clock.now(), "blobs", request.method, request.path)
        answer = self._answer(request)
        entry.status = answer.status
        return answer

    def _answer(self, request: web.Request) -> web.Response:
        try:
            self._identity.caller(request.headers.get("Authorization", ""), audience=AUDIENCE)
        except ArmError as error:
            return _failed(error.reply.status, "InvalidAuthenticationInfo")
        blob = self._blobs.get(request.path)
        if blob is None:
            return _failed(404, "BlobNotFound")
        headers = {
            "ETag": blob.etag,
            "Last-Modified": format_datetime(datetime.fromtimestamp(int(blob.written_at), UTC), usegmt=True),
            "Accept-Ranges": "bytes",
            "x-ms-blob-type": "BlockBlob",
            "Content-Type": "application/octet-stream",
        }
        wanted = _RANGE.fullmatch(request.headers.get("x-ms-range") or request.headers.get("Range") or "")
        if wanted is None:
            return web.Response(body=blob.content, headers=headers)
        first, last = int(wanted[1]), int(wanted[2] or len(blob.content) - 1)
        part = blob.content[first : last + 1]
        if not part:
            return _failed(416, "InvalidRange")
        headers["Content-Range"] = f"bytes {first}-{first + len(part) - 1}/{len(blob.content)}"
        return web.Response(status=206, body=part, headers=headers)


def _failed(status: int, code: str) -> web.Response:
    told = f"<Error><Code>{code}</Code><Message>The request failed: {code}.</Message></Error>"
    body = f'<?xml version="1.0" encoding="utf-8"?>{told}'
    return web.Response(status=status, text=body, content_type="application/xml", headers={"x-ms-error-code": code})
