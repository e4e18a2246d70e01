"""Turns for calls that Azure allows only so often."""

from dataclasses import dataclass

from shared.azure.pace import Pace


@dataclass
class Clock:
    """A clock that is moved by hand."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_goes_at_once_and_the_rest_one_after_the_other():
    """Sixty may go after a rest; those behind them get turns that are a second apart."""
    pace = Pace(60, 1, Clock())
    waits = [pace.wait("sub/region", str(who)) for who in range(63)]
    assert waits[:60] == [0.0] * 60
    assert [round(wait, 6) for wait in waits[60:]] == [1.0, 2.0, 3.0]


def test_a_turn_is_kept_for_whoever_was_told_of_it():
    """Asking again before the turn changes nothing; at the turn it may go, and has then had it."""
    clock = Clock()
    pace = Pace(1, 1, clock)
    assert pace.wait("b", "first") == 0.0
    assert pace.wait("b", "second") == 1.0
    assert pace.wait("b", "second") == 1.0
    assert pace.wait("b", "third") == 2.0
    clock.now += 1
    assert pace.wait("b", "second") == 0.0
    assert pace.wait("b", "second") == 2.0


def test_buckets_know_nothing_of_each_other_and_refill():
    """Another region is not held up, and after a rest the whole burst is there again."""
    clock = Clock()
    pace = Pace(2, 1, clock)
    assert [pace.wait("a", who) for who in "xyz"] == [0.0, 0.0, 1.0]
    assert pace.wait("b", "x") == 0.0
    clock.now += 600
    assert [pace.wait("a", who) for who in "uvw"] == [0.0, 0.0, 1.0]
