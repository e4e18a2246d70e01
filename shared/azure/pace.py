"""Keeping to a published rate before the service has to say no.

A token bucket by virtual scheduling: whoever comes too early is told when its turn is and keeps that turn, so that a
thousand that ask at once come back one after the other instead of all together. Counted by each instance for itself.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

# Turns that nobody came for are forgotten so long after their time.
_KEPT = 120.0


@dataclass(slots=True)
class Pace:
    """Turns for one kind of call.

    Attributes:
        size: calls that may go at once after a rest.
        refill: calls a second after that.
        monotonic: the clock, in seconds.
    """

    size: float
    refill: float
    monotonic: Callable[[], float] = time.monotonic
    _free_at: dict[str, float] = field(default_factory=dict)
    _turns: dict[tuple[str, str], float] = field(default_factory=dict)

    def wait(self, bucket: str, who: str, *, patience: float = 0.0) -> float:
        """Seconds until it is the turn of `who` in `bucket`.

        Where that is no more than `patience`, it has its turn with this call and may go then; else the turn is kept
        for it until it comes back.
        """
        now = self.monotonic()
        turn = self._turns.pop((bucket, who), None)
        if turn is None:
            turn = self._next_turn(bucket, now)
        if turn > now + patience:
            self._turns[bucket, who] = turn
        return max(0.0, turn - now)

    def _next_turn(self, bucket: str, now: float) -> float:
        self._forget(now)
        free_at = max(self._free_at.get(bucket, 0.0), now) + 1 / self.refill
        self._free_at[bucket] = free_at
        return free_at - self.size / self.refill

    def _forget(self, now: float) -> None:
        for key in [key for key, turn in self._turns.items() if turn < now - _KEPT]:
            del self._turns[key]
