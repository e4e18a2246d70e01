"""Stand-ins for the messages of the Functions worker protocol.

The host and the Python worker exchange protobuf messages over gRPC (azure-functions-language-worker-protobuf,
FunctionRpc.proto). In one process no wire is needed: the worker library only builds messages from keywords, reads
their fields and asks `WhichOneof`. These classes do just that. A field that nobody set reads as None; an unknown name
with a capital raises AttributeError, because the library tells message classes and messages apart that way.
"""

from typing import Any

__all__ = [
    "BindingInfo",
    "Message",
    "ParameterBinding",
    "Protocol",
    "RpcHttp",
    "RpcHttpCookie",
    "StatusResult",
    "TypedData",
]

DATA_KINDS = ("string", "json", "bytes", "stream", "http", "int", "double")


class Message:
    """Any message: fields by keyword."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name[0].isupper():
            raise AttributeError(name)
        return None

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in self.__dict__.items())
        return f"{type(self).__name__}({fields})"


class TypedData(Message):
    """One value in one of the protocol's kinds; at most one field is set."""

    def WhichOneof(self, _group: str) -> str | None:  # noqa: N802  protobuf's own name
        """The kind of the value, None where there is none."""
        return next((kind for kind in DATA_KINDS if self.__dict__.get(kind) is not None), None)


class ParameterBinding(Message):
    """A named value handed to a function or received from one."""

    def WhichOneof(self, _group: str) -> str | None:  # noqa: N802  protobuf's own name
        """Always `data`: shared memory is not used here."""
        return "data" if self.__dict__.get("data") is not None else None


class RpcHttp(Message):
    """An HTTP request or response; `status_code` of a response is a string."""


class BindingInfo(Message):
    """A binding as the worker describes it."""

    undefined = 0
    out = 1
    inout = 2


class StatusResult(Message):
    """How a request to the worker ended."""

    Failure = 0
    Success = 1


class _SameSite:
    Lax = "Lax"
    Strict = "Strict"
    ExplicitNone = "None"


# The protocol's enum has a member named None, which no Python class body can spell.
setattr(_SameSite, "None", "")


class RpcHttpCookie(Message):
    """One cookie of a response; its fields but name and value are messages with a `value`."""

    SameSite = _SameSite


class Protocol:
    """The namespace that the worker library receives as `protos`."""

    BindingInfo = BindingInfo
    FunctionEnvironmentReloadResponse = Message
    FunctionLoadResponse = Message
    FunctionMetadataResponse = Message
    NullableBool = Message
    NullableDouble = Message
    NullableString = Message
    NullableTimestamp = Message
    ParameterBinding = ParameterBinding
    RpcException = Message
    RpcFunctionMetadata = Message
    RpcHttp = RpcHttp
    RpcHttpCookie = RpcHttpCookie
    RpcRetryOptions = Message
    StatusResult = StatusResult
    Timestamp = Message
    TypedData = TypedData
    WorkerInitResponse = Message
    WorkerMetadata = Message

    class InvocationResponse(Message):
        """What a function gave back; `output_data` is a list even where the worker sets none."""

        def __init__(self, **fields: Any) -> None:
            super().__init__(**{"output_data": [], **fields})
