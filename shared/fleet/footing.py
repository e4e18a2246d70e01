"""What a whole pass over the fleet stands on."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from shared.model.gates import Gates
from shared.model.identity import ClusterId
from shared.model.intent import Intent
from shared.policy.model import Policy

# Changes whenever an older snapshot's digests must not be believed.
FORM = "v2"


@dataclass(frozen=True, slots=True)
class Footing:
    """What a whole pass stands on.

    Attributes:
        subscriptions: in scope, each with the management groups above it (None where they are not known).
        words: people's words; empty where they could not be read, which `readable` tells.
        own_names: names under which Azure records this Muster's writes.
        candidate: a policy that is to be compared with the one in force.
    """

    policy: Policy
    gates: Gates
    now: datetime
    subscriptions: Mapping[str, frozenset[str] | None]
    words: Mapping[ClusterId, Intent]
    readable: bool
    own_names: frozenset[str]
    candidate: Policy | None = None

    @property
    def digest(self) -> str:
        """What every decision of the pass rests on."""
        fleet = self.gates.fleet
        open_to = (fleet.open_ring, fleet.stopped, sorted(fleet.broken), fleet.mass, sorted(fleet.approved))
        pauses = [(each.scope, each.until.isoformat()) for each in fleet.standstills]
        gates = (self.gates.mode.value, self.gates.stopped, open_to, pauses, self.readable, sorted(self.own_names))
        return _hashed(json.dumps([FORM, self.policy.digest, self.policy.generation, gates]).encode())

    def ended_since(self, moment: datetime) -> frozenset[str]:
        """Ids of clusters about which an exception or a person's word has ended since a moment."""
        ended = [each.cluster for each in self.policy.exceptions if moment <= each.until <= self.now]
        ended += [word.cluster for word in self.words.values() if word.until and moment <= word.until <= self.now]
        return frozenset(map(str, ended))


def _hashed(raw: bytes) -> str:
    return hashlib.blake2b(raw, digest_size=9).hexdigest()
