"""Running a function and keeping the books: outputs delivered, failures logged, counts per function."""

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

from azure.core.exceptions import AzureError

from devhost.bindings import Function, QueueOutput, messages_of
from devhost.protocol import TypedData
from devhost.worker import Outcome

__all__ = ["FunctionRunner", "Invoker", "Record"]

logger = logging.getLogger("devhost")


class FunctionRunner(Protocol):
    """What runs a function: the worker, or a stand-in in tests."""

    async def invoke(
        self,
        function: Function,
        data: TypedData,
        metadata: Mapping[str, TypedData] | None = None,
        *,
        traceparent: str = "",
    ) -> Outcome:
        """Run one function once; see `Worker.invoke`."""
        ...


class OutputQueues(Protocol):
    """Where messages of output bindings go."""

    async def put(self, function: Function, output: QueueOutput, body: str | bytes) -> None:
        """Add one message to the queue that the binding names."""
        ...


@dataclass(slots=True)
class Record:
    """Counts of one function since the start; `poisoned` are messages moved to the poison queue."""

    started: int = 0
    succeeded: int = 0
    failed: int = 0
    running: int = 0
    poisoned: int = 0
    last_error: str | None = None
    last_error_at: str | None = None

    def as_json(self) -> dict[str, object]:
        """The fields under JSON's usual names."""
        return {
            "started": self.started,
            "succeeded": self.succeeded,
            "failed": self.failed,
            "running": self.running,
            "poisoned": self.poisoned,
            "lastError": self.last_error,
            "lastErrorAt": self.last_error_at,
        }


class Invoker:
    """The one way to run a function of the app."""

    def __init__(self, runner: FunctionRunner, functions: list[Function], outputs: OutputQueues) -> None:
        self._runner = runner
        self._outputs = outputs
        self._idle = asyncio.Event()
        self._idle.set()
        self.records = {function.name: Record() for function in functions}

    @property
    def running(self) -> int:
        """Invocations under way."""
        return sum(record.running for record in self.records.values())

    async def run(
        self,
        function: Function,
        data: TypedData,
        metadata: Mapping[str, TypedData] | None = None,
        *,
        traceparent: str = "",
    ) -> Outcome:
        """Invoke, then deliver the outputs; a failing delivery fails the invocation, as in the host."""
        record = self.records[function.name]
        record.started += 1
        record.running += 1
        self._idle.clear()
        began = time.monotonic()
        outcome: Outcome | None = None
        try:
            outcome = await self._runner.invoke(function, data, metadata, traceparent=traceparent)
            outcome = await self._deliver(function, outcome)
        finally:
            record.running -= 1
            self._note(function, record, outcome, time.monotonic() - began)
            if not self.running:
                self._idle.set()
        return outcome

    async def wait_idle(self) -> None:
        """Wait until nothing runs."""
        await self._idle.wait()

    def as_json(self) -> dict[str, dict[str, object]]:
        """The records by function, for the admin route."""
        return {name: record.as_json() for name, record in self.records.items()}

    async def _deliver(self, function: Function, outcome: Outcome) -> Outcome:
        if not outcome.succeeded:
            return outcome
        try:
            for output in function.outputs:
                value = outcome.returned if output.parameter == "$return" else outcome.outputs.get(output.parameter)
                for body in messages_of(value):
                    await self._outputs.put(function, output, body)
        except AzureError as error:
            return replace(outcome, error=f"{type(error).__name__}: output {output.parameter}: {error.message}")
        return outcome

    @staticmethod
    def _note(function: Function, record: Record, outcome: Outcome | None, seconds: float) -> None:
        if outcome is not None and outcome.succeeded:
            record.succeeded += 1
            logger.debug("function %s succeeded in %.3f s", function.name, seconds)
            return
        error = outcome.error if outcome is not None else "the invocation was cancelled"
        record.failed += 1
        record.last_error, record.last_error_at = error, datetime.now(UTC).isoformat()
        trace = f"\n{outcome.stack_trace.rstrip()}" if outcome is not None and outcome.stack_trace else ""
        logger.error("function %s failed after %.3f s: %s%s", function.name, seconds, error, trace)
