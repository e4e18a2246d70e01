"""`python -m devhost`: serve the function app in a folder."""

import argparse
import asyncio
import json
import math
import os
import secrets
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from devhost import __doc__ as about
from devhost import logs
from devhost.errors import StartError
from devhost.host import Host, HostPlan
from devhost.queue_door import DEFAULT_LEASE
from devhost.settings import load_settings

__all__ = ["main"]

_PAGE_TOKEN = "MUSTER_PAGE_TOKEN"  # noqa: S105  the name of a setting


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m devhost", description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=7071, help="0 takes a free one (default 7071)")
    parser.add_argument("--key", help="the key of FUNCTION-level routes; generated and printed where none is given")
    parser.add_argument("--settings", type=Path, help="default: local.settings.json of the app, where there is one")
    parser.add_argument(
        "--queue-lease",
        type=float,
        default=DEFAULT_LEASE,
        metavar="SECONDS",
        help="how long a message under way stays invisible when its host dies (default 600)",
    )
    parser.add_argument("--app", type=Path, default=Path(), help="folder of function_app.py (default: this one)")
    parser.add_argument("--no-timers", action="store_true", help="leave the schedules to another host")
    parser.add_argument("--json", action="store_true", help='print one JSON line {"url", "key"} when ready')
    parser.add_argument("--verbose", action="store_true", help="debug logs and stack traces")
    return parser.parse_args(argv)


async def _serve(arguments: argparse.Namespace) -> None:
    folder = arguments.app.resolve()
    settings_file = arguments.settings.resolve() if arguments.settings else None
    settings = load_settings(settings_file, folder=folder, environment=os.environ)
    key = arguments.key or secrets.token_urlsafe(32)
    # What opens the app's page, which in Azure only App Service authentication does.
    token = os.environ.setdefault(_PAGE_TOKEN, secrets.token_urlsafe(32))
    host = Host(
        HostPlan(
            folder=folder,
            settings=settings,
            key=key,
            port=arguments.port,
            # The service takes whole seconds.
            queue_lease=max(1, math.ceil(arguments.queue_lease)),
            timers=not arguments.no_timers,
        )
    )
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await host.start()
    _announce(host, key, token, as_json=arguments.json)
    await stop.wait()
    if not await host.stop():
        print("devhost: invocations were still running after 10 s and are abandoned", file=sys.stderr)
        sys.stdout.flush()
        sys.stderr.flush()
        # Threads of functions that do not end would keep the interpreter alive.
        os._exit(0)


def _announce(host: Host, key: str, token: str, *, as_json: bool) -> None:
    page = f"{host.url}/api/ui?token={token}"
    if as_json:
        print(json.dumps({"url": host.url, "key": key, "page": page}), flush=True)
        return
    print(f"devhost serves {host.url}\nkey (x-functions-key or ?code=): {key}\npage: {page}")
    for name, address in host.addresses.items():
        print(f"  {name}: {address}")
    sys.stdout.flush()


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; 0 after a clean stop, 1 where the app cannot be served."""
    arguments = _arguments(argv)
    logs.configure(verbose=arguments.verbose)
    try:
        asyncio.run(_serve(arguments))
    except StartError as error:
        if arguments.verbose and error.details:
            print(error.details, file=sys.stderr)
        print(f"devhost: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
