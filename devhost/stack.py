"""The local stack: Azurite, the simulator and one or more devhosts, as processes.

For the demo and the tests. It is synchronous on purpose, so that a plain script or a session fixture can hold it; logs
go to files in one folder; what it started it stops, in reverse, whatever happens in between.
"""

import contextlib
import secrets
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from devhost.azurite import Azurite
from devhost.child import REPOSITORY, ChildError, ChildProcess, clean_environment

__all__ = ["OPERATOR", "READER", "ChildError", "Origin", "Stack"]

READY_WITHIN = 120.0

_ROLES = REPOSITORY / "infra" / "roles"
# What a deployment grants Muster in report mode, and in enforce mode with every optional part and a vault.
READER = (_ROLES / "reader.json",)
OPERATOR = (
    *(_ROLES / f"{name}.json" for name in ("operator", "relay", "verification", "verification-admin", "registration")),
    REPOSITORY / "simulator" / "key-vault-secrets-user.json",
    REPOSITORY / "simulator" / "eventgrid-data-sender.json",
)


@dataclass(slots=True)
class _HostSlot:
    """One devhost of the stack; port 0 until it has started once, then kept over restarts."""

    index: int
    settings: dict[str, str]
    process: ChildProcess | None = None
    port: int = 0


@dataclass(frozen=True, slots=True)
class Origin:
    """What runs a devhost: an interpreter, and a folder in which it finds the package `devhost`."""

    interpreter: Path = Path(sys.executable)
    folder: Path = REPOSITORY


@dataclass(slots=True)
class _Plan:
    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    app: Path = REPOSITORY
    queue_lease: float | None = None
    storage_log: bool = False
    origin: Origin = field(default_factory=Origin)


class Stack:
    """A running stack; made by `start` or `start_azurite_only`, ended by `stop` or the end of a `with`.

    Attributes:
        simulator_url: address of the simulated Azure; empty without one.
        ca_file: the simulator's CA; None without one.
        key: the key of every devhost.
        page_url: address of the page at the first devhost, with the token that opens it.
        storage_connection_string: of Azurite.
        environment: what a host process got on top of the cleaned environment, by the last start.
    """

    def __init__(self, plan: _Plan) -> None:
        self._plan = plan
        self._azurite = Azurite(plan.folder, access_log=plan.storage_log)
        self._simulator: ChildProcess | None = None
        self._simulator_environment: dict[str, str] = {}
        self._slots: list[_HostSlot] = []
        self.simulator_url = ""
        self.ca_file: Path | None = None
        self.key = secrets.token_urlsafe(24)
        self.page_url = ""
        self.environment: dict[str, str] = {}

    @classmethod
    def start(  # noqa: PLR0913  each is one switch of the stack
        cls,
        folder: Path,
        *,
        settings: Mapping[str, str],
        roles: Sequence[Path] = OPERATOR,
        hosts: int = 1,
        queue_lease: float | None = None,
        simulator_arguments: Sequence[str] = (),
        app: Path | None = None,
        simulator: bool = True,
        storage_log: bool = False,
        origin: Origin | None = None,
    ) -> "Stack":
        """Start everything and wait until it serves.

        Args:
            folder: where the logs go; made where it is missing.
            settings: application settings of the hosts, above those that the simulator gives.
            roles: role definition files; the simulator refuses the rest. None at all: nothing is refused.
            hosts: number of devhosts; the first one holds the timers, as one of them would in Azure.
            queue_lease: seconds, see `--queue-lease`.
            simulator_arguments: more for its command line.
            app: folder of the function app; this repository by default.
            simulator: False starts none.
            storage_log: True has Azurite write one line per request to its log.
            origin: what runs the devhosts; this interpreter and this repository by default.

        Raises:
            ChildError: something did not start; all that did is stopped, the tail of its log is in the message.
        """
        app = (app or REPOSITORY).resolve()
        plan = _Plan(folder.resolve(), dict(settings), app, queue_lease, storage_log, origin or Origin())
        stack = cls(plan)
        with contextlib.ExitStack() as undo:
            undo.callback(stack.stop)
            if simulator:
                # The simulator and Azurite start side by side: each takes a second or two.
                stack._begin_simulator(roles, simulator_arguments)
            stack._azurite.start()
            if simulator:
                stack._await_simulator()
            stack._slots = [_HostSlot(index, dict(settings)) for index in range(hosts)]
            for slot in stack._slots:
                stack._begin_host(slot)
            for slot in stack._slots:
                stack._await_host(slot)
            undo.pop_all()
        return stack

    @classmethod
    def start_azurite_only(cls, folder: Path) -> "Stack":
        """Start storage and nothing else."""
        return cls.start(folder, settings={}, hosts=0, simulator=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def host_urls(self) -> list[str]:
        """Addresses of the hosts, in order; they stay over restarts."""
        return [f"http://127.0.0.1:{slot.port}" for slot in self._slots]

    @property
    def storage_connection_string(self) -> str:
        """The connection string of Azurite."""
        return self._azurite.connection_string

    def restart_host(self, index: int, settings: Mapping[str, str] | None = None) -> None:
        """Stop a host (unless it is dead) and start it anew on its port.

        Args:
            index: which one.
            settings: merged over those it had; they stay for later restarts.
        """
        slot = self._slots[index]
        slot.settings |= settings or {}
        if slot.process is not None:
            slot.process.stop()
        self._begin_host(slot)
        self._await_host(slot)

    def kill_host(self, index: int) -> None:
        """End a host with SIGKILL: no clean stop, leases stay."""
        if (process := self._slots[index].process) is not None:
            process.kill()

    def stop_host(self, index: int) -> int | None:
        """End a host with SIGTERM; gives its exit code."""
        process = self._slots[index].process
        return process.stop() if process is not None else None

    def kill_storage(self) -> None:
        """End Azurite with SIGKILL; what it stored is gone."""
        self._azurite.kill()

    def stop(self) -> None:
        """Stop all that was started, hosts first; safe to call twice."""
        running = [slot.process for slot in self._slots if slot.process is not None]
        for process in running:
            process.terminate()
        for process in running:
            process.stop()
        if self._simulator is not None:
            self._simulator.stop(5.0)
        self._azurite.stop()

    def logs(self) -> dict[str, Path]:
        """The log files by process: azurite, simulator, host-0 and on."""
        children = [slot.process for slot in self._slots] + [self._simulator]
        found = {child.name: child.log for child in children if child is not None}
        return found | {"azurite": self._azurite.log}

    def client_environment(self) -> dict[str, str]:
        """What a process other than a host needs to reach the simulator and storage of this stack."""
        return {**self._simulator_environment, "AzureWebJobsStorage": self.storage_connection_string}

    def host_pid(self, index: int) -> int | None:
        """The process id of a host while it runs."""
        process = self._slots[index].process
        return process.pid if process is not None else None

    def log_tail(self, name: str, lines: int = 40) -> str:
        """The end of one of the logs, for a message about a failure."""
        path = self.logs()[name]
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else ""

    def _begin_simulator(self, roles: Sequence[Path], arguments: Sequence[str]) -> None:
        command = [sys.executable, "-m", "simulator", "--port", "0", "--json"]
        for role in roles:
            command += ["--role", str(role.resolve())]
        self._simulator = ChildProcess("simulator", [*command, *arguments], folder=self._plan.folder)
        self._simulator.start()

    def _await_simulator(self) -> None:
        if self._simulator is not None:
            ready = self._simulator.wait_ready(("url", "ca_file", "environment"), READY_WITHIN)
            self.simulator_url = ready["url"]
            self.ca_file = Path(ready["ca_file"])
            self._simulator_environment = dict(ready["environment"])

    def _begin_host(self, slot: _HostSlot) -> None:
        self.environment = self.client_environment() | slot.settings
        # With "=": a key may begin with a dash.
        interpreter = str(self._plan.origin.interpreter)
        command = [interpreter, "-m", "devhost", "--json", "--app", str(self._plan.app), f"--key={self.key}"]
        # An empty settings file, so that a developer's own local.settings.json stays out of it.
        no_settings = self._plan.folder / "no.settings.json"
        no_settings.write_text('{"Values": {}}\n')
        command += ["--port", str(slot.port), "--settings", str(no_settings)]
        if self._plan.queue_lease is not None:
            command += ["--queue-lease", str(self._plan.queue_lease)]
        if slot.index:
            command.append("--no-timers")
        slot.process = ChildProcess(
            f"host-{slot.index}",
            command,
            folder=self._plan.folder,
            environment=clean_environment() | self.environment,
            cwd=self._plan.origin.folder,
        )
        slot.process.start()

    def _await_host(self, slot: _HostSlot) -> None:
        if slot.process is not None:
            ready = slot.process.wait_ready(("url", "key", "page"), READY_WITHIN)
            slot.port = urlsplit(ready["url"]).port or 0
            if slot.index == 0:
                self.page_url = str(ready["page"])
