"""What Muster tells the world: something has happened to a cluster, or stands open in the fleet.

Each has an id that follows from its cause alone: whoever tells it again after a crash tells the same id, so that
subscribers can drop the second (CloudEvents 1.0: source and id together name an event).
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from shared.errors import RequestError

QUEUE = "notifications"
FLEET = "fleet"


class Kind(StrEnum):
    """The types of notices. Each is a CloudEvents type once `Muster.` stands before it."""

    INSTALLED = "ClusterInstalled"
    FAILED = "ClusterFailed"
    REFUSED = "ClusterRefused"
    DRIFTED = "ClusterDrifted"
    REPAIRED = "ClusterRepaired"
    QUARANTINED = "ClusterQuarantined"
    CONTESTED = "ClusterContested"
    TAG_INVALID = "ClusterTagInvalid"
    REMOVED = "ClusterExtensionRemoved"
    UPGRADED = "ClusterUpgradedByPlatform"
    APPROVAL_NEEDED = "ApprovalNeeded"
    BREAKER_OPENED = "BreakerOpened"
    BREAKER_CLOSED = "BreakerClosed"
    ROLLOUT_STOPPED = "RolloutStopped"
    CERTIFICATE_EXPIRING = "CertificateExpiring"
    SWEEP_PARTIAL = "SweepPartial"
    SWEEP_WHOLE = "SweepWhole"
    POLICY_PENDING = "PolicyPending"
    POLICY_REFUSED = "PolicyRefused"
    DAILY_DIGEST = "DailyDigest"


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to be told.

    Attributes:
        id: as `cause_id` makes it.
        subject: a cluster's ARM id in lower case, or "fleet".
        at: when it was seen.
        data: more about it, as JSON; sentences are Muster's own and hold no secret.
        tries: how often it was offered in vain.
    """

    id: str
    kind: Kind
    subject: str
    at: datetime
    data: Mapping[str, Any] = field(default_factory=dict)
    tries: int = 0

    def tried(self) -> "Notice":
        """The same, offered in vain once more."""
        return replace(self, tries=self.tries + 1)


def cause_id(kind: Kind, subject: str, *cause: object) -> str:
    """The id of a notice: the same for the same cause, whoever finds it and however often."""
    text = json.dumps([kind.value, subject, *cause], default=str, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def encode(notice: Notice) -> str:
    """A notice as the text of a message."""
    body = {
        "v": 1,
        "id": notice.id,
        "kind": notice.kind.value,
        "subject": notice.subject,
        "at": notice.at.isoformat(),
        "data": notice.data,
    }
    if notice.tries:
        body["tries"] = notice.tries
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False)


def decode(text: str) -> Notice:
    """Read a message.

    Raises:
        RequestError: it is no notice.
    """
    try:
        body = json.loads(text)
        kind, at = Kind(body["kind"]), datetime.fromisoformat(body["at"])
        return Notice(str(body["id"]), kind, str(body["subject"]), at, dict(body["data"]), int(body.get("tries", 0)))
    except (ValueError, KeyError, TypeError) as error:
        raise RequestError(f"The message is no notice: {type(error).__name__}.") from error
