"""Child processes of the local stack: own process group, one log file each, stopped for sure."""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["REPOSITORY", "ChildError", "ChildProcess", "clean_environment"]

REPOSITORY = Path(__file__).resolve().parent.parent
POLL = 0.02
# A developer's own settings must not leak into a stack that is meant to be closed.
FOREIGN_PREFIXES = ("MUSTER_", "AZURE_", "AzureWebJobs", "AzureFunctionsJobHost__", "IDENTITY_", "MSI_")
PROXIES = frozenset({"http_proxy", "https_proxy", "all_proxy"})


class ChildError(RuntimeError):
    """A process of the stack did not start, or died; the message ends with the tail of its log."""


def clean_environment() -> dict[str, str]:
    """This process's environment without anything that would lead a child out of the local stack."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(FOREIGN_PREFIXES) and name.lower() not in PROXIES
    }
    return kept | {"PYTHONUNBUFFERED": "1"}


class ChildProcess:
    """One process; output and errors go to `<folder>/<name>.log`, appended at each start."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str] | None = None,
        cwd: Path = REPOSITORY,
    ) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self._command, self._cwd = list(command), cwd
        self._environment = dict(environment) if environment is not None else clean_environment()
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    def pid(self) -> int | None:
        """Its id while it runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self) -> None:
        """Start it in a process group of its own, from its folder (the repository's root by default)."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._log_start = log.tell()
            self._process = subprocess.Popen(  # noqa: S603  the command is built here, no shell reads it
                self._command,
                cwd=self._cwd,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_ready(self, keys: Sequence[str], seconds: float) -> dict[str, Any]:
        """Wait for its first line that is a JSON object with these keys.

        Raises:
            ChildError: it died before, or said nothing in time.
        """
        deadline = time.monotonic() + seconds
        while True:
            # Asked before reading, so that the last words of a dying process are not missed.
            alive = self.pid is not None
            if (ready := self._ready_line(keys)) is not None:
                return ready
            if not alive:
                raise ChildError(f"{self.name} ended before it was ready\n{self.tail()}")
            if time.monotonic() > deadline:
                raise ChildError(f"{self.name} was not ready within {seconds:.0f} s\n{self.tail()}")
            time.sleep(POLL)

    def terminate(self) -> None:
        """Ask it to end; does not wait."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once, as a crash would, and wait for that."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()

    def stop(self, seconds: float = 12.0) -> int | None:
        """Ask it to end, insist after so many seconds; gives its exit code."""
        if self._process is None:
            return None
        self.terminate()
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return self._process.returncode

    def tail(self, lines: int = 40) -> str:
        """The end of what it wrote since its last start."""
        return "\n".join(self._written().splitlines()[-lines:])

    def _signal(self, number: int) -> None:
        # The group is named by its leader's id, which stays ours until the process has been waited for.
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    def _written(self) -> str:
        if not self.log.exists():
            return ""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def _ready_line(self, keys: Sequence[str]) -> dict[str, Any] | None:
        for line in self._written().splitlines(keepends=True):
            if line.startswith("{") and line.endswith("\n"):
                with contextlib.suppress(ValueError):
                    document = json.loads(line)
                    if all(key in document for key in keys):
                        return dict(document)
        return None
