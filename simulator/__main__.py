"""`python -m simulator`: a local Azure until SIGTERM or Ctrl-C.

Prints its address, its CA file and the environment to export; with --json one line of JSON instead,
when it is ready: {"url", "identity", "ca_file", "environment": {...}, "pid"}.
"""

import argparse
import asyncio
import json
import os
import signal
from pathlib import Path

from simulator.roles import Roles
from simulator.server import Simulator


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m simulator", description="A local Azure over HTTPS.")
    parser.add_argument("--port", type=int, default=0, help="port of Resource Manager; 0 takes a free one")
    parser.add_argument("--fleet", type=Path, help='JSON: {"subscriptions": [...], "clusters": [...]}')
    parser.add_argument(
        "--role",
        type=Path,
        action="append",
        help="JSON: a role definition, or a list; may be given more than once, and the rest is refused",
    )
    parser.add_argument("--json", action="store_true", help="print one line of JSON when ready")
    return parser.parse_args()


def _announce(simulator: Simulator, *, as_json: bool) -> None:
    environment = simulator.environment()
    if as_json:
        ready = {
            "url": simulator.url,
            "identity": simulator.identity_url,
            "ca_file": simulator.ca_file,
            "environment": environment,
            "pid": os.getpid(),
        }
        print(json.dumps(ready), flush=True)
        return
    print(f"# Simulated Azure at {simulator.url}, CA certificate in {simulator.ca_file}")
    for name, value in environment.items():
        print(f"export {name}={value}")
    print("# Ctrl-C ends it.", flush=True)


async def _serve(arguments: argparse.Namespace) -> None:
    roles = Roles.load(*arguments.role) if arguments.role else None
    fleet = json.loads(arguments.fleet.read_text()) if arguments.fleet else None
    simulator = Simulator(port=arguments.port, roles=roles, fleet=fleet)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    await simulator.start()
    _announce(simulator, as_json=arguments.json)
    await ended.wait()
    await simulator.stop()


if __name__ == "__main__":
    asyncio.run(_serve(_arguments()))
