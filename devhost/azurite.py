"""Azurite, Microsoft's storage emulator, in memory on free ports."""

import http.client
import shutil
import socket
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from devhost.child import REPOSITORY, ChildError, ChildProcess
from devhost.settings import EMULATOR_ACCOUNT, emulator_connection_string

__all__ = ["Azurite"]

SCRIPT = REPOSITORY / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"
SERVICES = ("blob", "queue", "table")
ATTEMPTS = 5
START_WITHIN = 90.0
POLL = 0.05


class Azurite:
    """One Azurite; a context manager, or `start` and `stop`.

    Args:
        folder: where it writes its log.
        access_log: whether it writes one line per request (method, path, status), for counting them.

    Attributes:
        connection_string: of the well-known development account; empty before the start.
        log: where it writes.
    """

    def __init__(self, folder: Path, *, access_log: bool = False) -> None:
        self._folder = folder
        self._access_log = access_log
        self._process: ChildProcess | None = None
        self.connection_string = ""
        self.log = folder / "azurite.log"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start it and wait until all three services answer.

        Raises:
            ChildError: node or the package is missing, or it does not start.
        """
        node = shutil.which("node")
        if node is None or not SCRIPT.exists():
            raise ChildError("Azurite needs Node.js on PATH and `npm ci` in this repository (make setup does it)")
        for attempt in range(1, ATTEMPTS + 1):
            ports = _free_ports(len(SERVICES))
            self._process = ChildProcess(
                "azurite", _command(node, ports, access_log=self._access_log), folder=self._folder
            )
            self._process.start()
            if self._answers(ports):
                self.connection_string = emulator_connection_string(*ports)
                return
            # Somebody may have taken a port between our look and Azurite's.
            if attempt == ATTEMPTS or "EADDRINUSE" not in self._process.tail():
                tail = self._process.tail()
                self._process.stop()
                raise ChildError(f"Azurite did not start\n{tail}")
            self._process.stop()

    def stop(self) -> None:
        """End it; what it stored is gone."""
        if self._process is not None:
            self._process.stop(5.0)

    def kill(self) -> None:
        """End it at once, as an outage would."""
        if self._process is not None:
            self._process.kill()

    def _answers(self, ports: list[int]) -> bool:
        deadline = time.monotonic() + START_WITHIN
        waiting = list(ports)
        while waiting and time.monotonic() < deadline:
            if self._process is None or self._process.pid is None:
                return False
            waiting = [port for port in waiting if not _answers_http(port)]
            if waiting:
                time.sleep(POLL)
        # A foreign process on one of the ports would answer too; ours must still be there.
        return not waiting and self._process is not None and self._process.pid is not None


def _command(node: str, ports: list[int], *, access_log: bool) -> list[str]:
    # --skipApiVersionCheck: current SDKs send API versions that Azurite does not know by name.
    switches = ["--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry", "--loose"]
    if not access_log:
        switches.append("--silent")
    places = []
    for service, port in zip(SERVICES, ports, strict=True):
        places += [f"--{service}Host", "127.0.0.1", f"--{service}Port", str(port)]
    return [node, str(SCRIPT), *switches, *places]


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def _answers_http(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        # Any status will do: without a signature it is 403.
        connection.request("GET", f"/{EMULATOR_ACCOUNT}?comp=list")
        connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True
