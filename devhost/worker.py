"""The official Python worker library, driven as the Functions host drives it over gRPC.

azure-functions-runtime keeps its registry in module globals: one app per process. The library is imported when a worker
starts and not before, so that `--help` and the tests of single doors do not pay for it.
"""

import os
import secrets
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from devhost.bindings import Function, function_from_metadata
from devhost.errors import StartError
from devhost.protocol import Message, ParameterBinding, Protocol, StatusResult, TypedData

__all__ = ["Outcome", "Worker"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one invocation ended.

    Attributes:
        error: `Type: message` of the exception, None on success.
        stack_trace: where it came from, empty on success.
        outputs: values of the output parameters that were set.
        returned: the value of `$return`, None where there is none.
    """

    invocation_id: str
    error: str | None = None
    stack_trace: str = ""
    outputs: Mapping[str, TypedData] = field(default_factory=dict)
    returned: TypedData | None = None

    @property
    def succeeded(self) -> bool:
        """Whether the function ended without an exception."""
        return self.error is None


class Worker:
    """One function app, indexed and ready to be invoked."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._library: Any = None

    async def start(self) -> list[Function]:
        """Index the app in its folder, which becomes the working directory, as in Azure.

        Raises:
            StartError: the app does not index, or has no function; the message holds the worker's own cause.
        """
        import azure_functions_runtime as library

        self._library = library
        sys.path.insert(0, str(self._folder))
        os.chdir(self._folder)
        library.start_threadpool_executor()
        init = Message(capabilities={}, function_app_directory=str(self._folder))
        response = await library.worker_init_request(_request("worker_init_request", init))
        if response.result.status != StatusResult.Success:
            raise _index_error(response.result.exception, self._folder)
        response = await library.functions_metadata_request(_request("functions_metadata_request", Message()))
        if not response.function_metadata_results:
            raise StartError(f"no functions in {self._folder}: function_app.py is absent or registers none")
        functions = []
        for item in response.function_metadata_results:
            functions.append(function_from_metadata(item.name, item.function_id, item.raw_bindings))
            load = Message(function_id=item.function_id, metadata=item)
            await library.function_load_request(_request("function_load_request", load))
        return functions

    async def invoke(
        self,
        function: Function,
        data: TypedData,
        metadata: Mapping[str, TypedData] | None = None,
        *,
        traceparent: str = "",
    ) -> Outcome:
        """Run one function once; whatever it raises is in the outcome."""
        invocation_id = str(uuid.uuid4())
        # Trace context as the host gives it: of the caller where there is one, else a new one.
        trace = traceparent or f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
        message = Message(
            invocation_id=invocation_id,
            function_id=function.function_id,
            input_data=[ParameterBinding(name=function.trigger.parameter, data=data)],
            trigger_metadata=dict(metadata or {}),
            trace_context=Message(trace_parent=trace, trace_state="", attributes={}),
            retry_context=Message(retry_count=0, max_retry_count=0, exception=None),
        )
        response = await self._library.invocation_request(_request("invocation_request", message))
        if response.result.status != StatusResult.Success:
            exception = response.result.exception
            return Outcome(invocation_id, exception.message, exception.stack_trace or "")
        outputs = {binding.name: binding.data for binding in response.output_data if binding.data is not None}
        return Outcome(invocation_id, outputs=outputs, returned=response.return_value)

    def stop(self) -> None:
        """End the threads of functions that are not async; waits for those that run."""
        if self._library is not None:
            self._library.stop_threadpool_executor()


def _request(kind: str, content: Message) -> Message:
    return Message(request=Message(**{kind: content}), properties={"protos": Protocol, "host": "127.0.0.1"})


def _index_error(exception: Message, folder: Path) -> StartError:
    # For an ImportError the library appends its advice and all of sys.path; the cause stands before that.
    cause = str(exception.message).partition(". Cannot find module. Please check")[0]
    trace = str(exception.stack_trace or "")
    places = [line.strip() for line in trace.splitlines() if line.strip().startswith(f'File "{folder}')]
    place = f" ({places[-1]})" if places else ""
    return StartError(f"the app in {folder} does not index: {cause}{place}", details=trace)
