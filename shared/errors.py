"""One tree of errors; each class says whether, and when, to try again.

    MusterError
    ├── InputError              somebody asked for something that cannot be; never retried
    │   ├── InvalidClusterId    not the ARM id of an AKS or Arc cluster
    │   ├── PolicyError         a policy document that does not validate (carries every finding)
    │   ├── SettingsError       settings of the extension that the official CLI refuses, or unknown keys
    │   └── RequestError        an HTTP request with wrong fields
    ├── ConfigurationError      an application setting is missing or wrong; a person must act
    ├── AzureError              Azure answered no, or not at all
    │   ├── NotAuthorized       403: a role is missing; looked at again, it may be granted any time
    │   ├── Absent              404: there is no such resource
    │   ├── Throttled           429: too many requests; retry_after says when
    │   │   └── Paced           not sent: it would have been too many; retry_after says when it is its turn
    │   ├── Unavailable         408, 5xx, time-out, connection lost: try again later
    │   ├── Refused             4xx: the request as it stands will be refused again
    │   └── InProgress          409: another operation runs on the resource; try again later
    ├── StorageError            our own tables, queues or blobs did not answer; try again later
    │   ├── LeaseBusy           somebody else works on this cluster; try again within a minute
    │   ├── LeaseLost           the lease ran out while we held it; nothing more may be written
    │   └── IntentsUnreadable   what people asked for cannot be read; nothing may be written to any cluster
    └── ScopeUnknown            the members of a management group have not been read yet; try again soon

`retry` is the advice: NEVER (the input must change first), LATER (with growing delay) or
SOON (within a minute). `retry_after` is the number of seconds that Azure asked for, where it did.
Messages are written for people; they never hold secrets, tokens or bodies.
"""

from enum import StrEnum

__all__ = [
    "Absent",
    "AzureError",
    "ConfigurationError",
    "Finding",
    "InProgress",
    "InputError",
    "IntentsUnreadable",
    "InvalidClusterId",
    "LeaseBusy",
    "LeaseLost",
    "MusterError",
    "NotAuthorized",
    "Paced",
    "PolicyError",
    "Refused",
    "RequestError",
    "Retry",
    "ScopeUnknown",
    "SettingsError",
    "StorageError",
    "Throttled",
    "Unavailable",
]

from dataclasses import dataclass


class Retry(StrEnum):
    """Whether trying the same thing again makes sense, and when."""

    NEVER = "never"
    SOON = "soon"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: where it stands and what to do about it."""

    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


class MusterError(Exception):
    """The root: anything that Muster itself can name."""

    retry = Retry.LATER

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after = retry_after


class InputError(MusterError):
    """Somebody asked for something that cannot be; the input must change first."""

    retry = Retry.NEVER


class InvalidClusterId(InputError):
    """The text is not the ARM id of an AKS or Azure Arc Kubernetes cluster."""


class PolicyError(InputError):
    """A policy document does not validate; `findings` names every place."""

    def __init__(self, message: str, findings: tuple[Finding, ...] = ()) -> None:
        super().__init__(message)
        self.findings = findings


class SettingsError(InputError):
    """Settings that the extension's rules refuse; `findings[i].where` is the setting's key."""

    def __init__(self, message: str, findings: tuple[Finding, ...] = ()) -> None:
        super().__init__(message)
        self.findings = findings


class RequestError(InputError):
    """An HTTP request that cannot be served as it stands; `findings[i].where` is the field."""

    def __init__(self, message: str, findings: tuple[Finding, ...] = ()) -> None:
        super().__init__(message)
        self.findings = findings


class ConfigurationError(MusterError):
    """An application setting is missing or wrong."""

    retry = Retry.NEVER


class AzureError(MusterError):
    """Azure answered no, or not at all.

    `code` is Azure's own error code, where it gave one; `details` are the codes that stand below it.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        status: int = 0,
        retry_after: float | None = None,
        details: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message, retry_after=retry_after)
        self.code = code
        self.status = status
        self.details = details


class NotAuthorized(AzureError):
    """403: the identity lacks a role."""


class Absent(AzureError):
    """404: there is no such resource."""


class Throttled(AzureError):
    """429: too many requests."""


class Paced(Throttled):
    """Not sent, since Azure would have refused it: our own allowance is used up for now."""


class Unavailable(AzureError):
    """408, 5xx, a time-out or a lost connection.

    After a write this is ambiguous: the request may have taken effect.
    """


class Refused(AzureError):
    """400 and its kin: the request as it stands will be refused again."""

    retry = Retry.NEVER


class InProgress(AzureError):
    """409: another operation runs on the resource."""


class StorageError(MusterError):
    """Our own tables, queues or blobs did not answer."""


class LeaseBusy(StorageError):
    """Somebody else works on this cluster."""

    retry = Retry.SOON


class LeaseLost(StorageError):
    """The lease ran out, or was taken over, while we held it."""

    retry = Retry.SOON


class IntentsUnreadable(StorageError):
    """What people asked for cannot be read, so nothing may be written to any cluster."""


class ScopeUnknown(MusterError):
    """The members of a management group have not been read yet."""

    retry = Retry.SOON
