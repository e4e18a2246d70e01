"""`python -m bench`: measure, print the tables, write build/bench.json."""

import argparse
import json
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench import clients, cold, deciding, onboarding, packaged, paging, stepping, sweeping, to_put
from bench.machine import described
from bench.table import Table, rendered
from devhost.child import REPOSITORY, ChildError

RESULT = REPOSITORY / "build" / "bench.json"

# In the order in which they run; each gets a folder for its logs, and what was asked for.
BENCHMARKS: dict[str, Callable[[Path, argparse.Namespace], Table]] = {
    "cold": lambda folder, asked: cold.measure(folder, quick=asked.quick),
    "package": lambda folder, asked: packaged.measure(folder, quick=asked.quick),
    "event": lambda folder, asked: to_put.measure(folder, quick=asked.quick),
    "step": lambda folder, asked: stepping.measure(folder, quick=asked.quick),
    "client": lambda folder, asked: clients.measure(folder, quick=asked.quick),
    "onboard": lambda folder, asked: onboarding.measure(folder, quick=asked.quick),
    "decide": lambda _, asked: deciding.measure(quick=asked.quick),
    "page": lambda folder, asked: paging.measure(folder, quick=asked.quick),
    "sweep": lambda folder, asked: sweeping.measure(folder, quick=asked.quick, large=asked.large),
}


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=sorted(BENCHMARKS), help="may be given more than once")
    parser.add_argument("--quick", action="store_true", help="small numbers, to see that it works")
    parser.add_argument("--large", action="store_true", help="sweep 100,000 clusters, too")
    return parser.parse_args(argv)


def written(tables: Sequence[Table], *, quick: bool, place: Path = RESULT) -> None:
    """Write the results with the machine they come from."""
    body = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": described(),
        "quick": quick,
        "tables": {table.name: table.plain() for table in tables},
    }
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(body, indent=2) + "\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run what was asked for; 1 where something could not be measured."""
    arguments = _arguments(argv)
    # Whoever ends a benchmark ends what it started as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    machine = described()
    print("  ".join(f"{name} {value}" for name, value in machine.items()), flush=True)
    tables: list[Table] = []
    with tempfile.TemporaryDirectory(prefix="bench-") as logs:
        for name in arguments.only or BENCHMARKS:
            begun = time.monotonic()
            try:
                tables.append(BENCHMARKS[name](Path(logs) / name, arguments))
            except (RuntimeError, ChildError) as error:
                print(f"bench {name}: {error}", file=sys.stderr)
                return 1
            print(f"\n{rendered(tables[-1:])}\n  ({time.monotonic() - begun:.0f} s)", flush=True)
    written(tables, quick=arguments.quick)
    print(f"\n{RESULT.relative_to(REPOSITORY)} written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
