"""The bodies that the API takes, validated; and the errors that name each wrong field."""

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from shared.errors import Finding, RequestError

LARGEST_BODY = 64 * 1024
# A policy of the largest size, its line ends and quotes escaped as JSON wants it.
LARGEST_PLAN = 3 * 1024 * 1024

Reason = Annotated[str, Field(max_length=1000)]
Value = str | bool | int | float


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Install(_Body):
    """POST /installs."""

    cluster: Annotated[str, Field(min_length=1, max_length=400)]
    profile: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    settings: Annotated[dict[str, Value], Field(max_length=100)] = {}
    until: AwareDatetime | None = None
    reason: Reason = ""
    dryRun: bool = False  # noqa: N815  the API's own spelling


class Uninstall(_Body):
    """POST /clusters/<key>/uninstall."""

    reason: Annotated[Reason, Field(min_length=1)]
    acceptDisruption: bool = False  # noqa: N815  the API's own spelling


class PauseRequest(_Body):
    """POST /pauses."""

    scope: Annotated[str, Field(max_length=600, pattern=r"^(fleet|ring/[^/]+|cluster/[A-Za-z0-9_-]+)$")]
    until: AwareDatetime
    reason: Annotated[Reason, Field(min_length=1)]


class ApprovalRequest(_Body):
    """POST /approvals/<id>."""

    approve: bool
    reason: Annotated[Reason, Field(min_length=1)]


# One file of a policy, or several by name. The sum is bounded as that of any policy.
PolicyFiles = Annotated[
    dict[Annotated[str, Field(min_length=1, max_length=200)], str], Field(min_length=1, max_length=100)
]


class PlanRequest(_Body):
    """POST /plans."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=False)  # texts are taken as they are

    policy: str | PolicyFiles | None = None
    cluster: Annotated[str, Field(min_length=1, max_length=400)] | None = None


class ApplyRequest(_Body):
    """POST /plans/<id>/apply."""

    digest: Annotated[str, Field(max_length=100)] | None = None


class Look(_Body):
    """POST /clusters/<key>/reconcile."""


def read[B: _Body](kind: type[B], raw: bytes, *, largest: int = LARGEST_BODY) -> B:
    """Read a request's body of at most so many bytes.

    Raises:
        RequestError: it is too large, no JSON, or has wrong fields, each of which is named.
    """
    if len(raw) > largest:
        raise RequestError(f"The body is larger than {largest} bytes.")
    try:
        return kind.model_validate_json(raw or b"{}")
    except ValidationError as error:
        findings = tuple(
            Finding(".".join(str(part) for part in each["loc"]), each["msg"])
            for each in error.errors(include_url=False)
        )
        raise RequestError("The body does not have the expected form.", findings) from error


def future(until: datetime | None, now: datetime) -> None:
    """Refuse an end that lies in the past.

    Raises:
        RequestError: it does.
    """
    if until is not None and until <= now:
        raise RequestError("The end lies in the past.", (Finding("until", "must lie in the future"),))
