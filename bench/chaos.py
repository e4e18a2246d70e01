"""`python -m bench.chaos`: random schedules of mishaps, then calm, then the invariants.

Each schedule has a seed, printed before it runs; `--seed N --schedules 1` plays its plan again. Leaves
with 1 at the first broken invariant, with the seed and where the logs are.
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.chaos_checks import broken
from bench.chaos_world import Schedule, World

_SECONDS = 600.0
# A lease of a minute, a pause of a minute of whoever found it busy, a write's time-out, and some looks.
PATIENCE = 240.0


@dataclass(frozen=True, slots=True)
class Size:
    """How long the mishaps of a schedule last, in seconds, and with how many clusters it begins."""

    seconds: float = 20.0
    clusters: int = 12


def run_one(world: World, seed: int, size: Size, *, gentle: bool, patience: float = PATIENCE) -> list[str]:
    """One schedule from its first cluster to the removal of its last; the broken invariants."""
    schedule = Schedule(world, seed, gentle=gentle)
    schedule.run(size.seconds, clusters=size.clusters)
    schedule.calm()
    found = broken(schedule, patience)
    schedule.leave()
    return found


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=_SECONDS, help="begin no schedule after this (default 600)")
    parser.add_argument("--seed", type=int, help="of the first schedule; the next ones count up (default: random)")
    parser.add_argument("--schedules", type=int, help="no more than this many")
    parser.add_argument("--gentle", action="store_true", help="no kills and no writes with an unknown end: quicker")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run schedules until the time is over; 1 at the first broken invariant."""
    arguments = _arguments(argv)
    seed = random.SystemRandom().randrange(1, 1_000_000) if arguments.seed is None else arguments.seed
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    ends, played, done = time.monotonic() + arguments.seconds, 0, Counter[str]()
    with World.running(folder) as world:
        while time.monotonic() < ends and played != arguments.schedules:
            print(f"seed {seed}", end="", flush=True)
            begun = time.monotonic()
            found = run_one(world, seed, Size(), gentle=arguments.gentle)
            if found:
                print(f": broken\n{'\n'.join(found)}\nlogs in {folder}")
                print(f"play it again: python -m bench.chaos --seed {seed} --schedules 1")
                return 1
            print(f": held ({time.monotonic() - begun:.0f} s)", flush=True)
            played, seed, done = played + 1, seed + 1, world.done
    print(f"{played} schedules; {', '.join(f'{name} {count}' for name, count in sorted(done.items()))}")
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
