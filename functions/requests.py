"""The bodies that the API takes, validated; and the errors that name each wrong field.

functions/openapi.py describes the API by these same models: what they refuse is what the document says.
"""

import re
from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from shared.errors import Finding, RequestError

LARGEST_BODY = 64 * 1024
# A policy of the largest size, its line ends and quotes escaped as JSON wants it.
LARGEST_PLAN = 3 * 1024 * 1024

# Blanks around a text go before it is measured, so that a text of blanks is none: the pattern says that to readers.
_WORDS = r"[^\s\x85]"
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.IGNORECASE | re.ASCII)


def _date_time(given: Any) -> Any:
    # pydantic alone would take numbers, and texts of digits, for seconds since 1970.
    if not isinstance(given, str) or not _DATE_TIME.fullmatch(given.strip()):
        raise ValueError("must be a date-time with seconds and offset, such as 2026-12-01T08:00:00+01:00")
    return given


Moment = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(_date_time)]
Reason = Annotated[str, Field(max_length=1000, description="Why, in words for people; it is kept and shown.")]
NamedReason = Annotated[Reason, Field(min_length=1, pattern=_WORDS)]
Value = str | bool | int | float


ClusterName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=400,
        description="The cluster's ARM id.",
        json_schema_extra={"format": "cluster-id"},
    ),
]


class _Body(BaseModel):
    # Strict: "no" and 0 are no booleans where a boolean lets running work be dropped.
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, strict=True, allow_inf_nan=False)


class Install(_Body):
    """An installation by hand."""

    cluster: ClusterName
    profile: (
        Annotated[
            str,
            Field(
                min_length=1,
                max_length=100,
                pattern=_WORDS,
                description="A profile of the policy; without it the rules decide.",
            ),
        ]
        | None
    ) = None
    settings: Annotated[
        dict[str, Value], Field(max_length=100, description="Settings of the extension, over those of the profile.")
    ] = {}
    until: Annotated[Moment | None, Field(description="When the enrolment ends by itself; must lie in the future.")] = (
        None
    )
    reason: Reason = ""
    dryRun: Annotated[bool, Field(description="Say what would be done, and do nothing.")] = False  # noqa: N815  the API's own spelling


class Uninstall(_Body):
    """A removal by hand."""

    reason: NamedReason
    acceptDisruption: Annotated[  # noqa: N815  the API's own spelling
        bool, Field(description="Running jobs and endpoints may be dropped.")
    ] = False


class PauseRequest(_Body):
    """A pause: nothing is written meanwhile."""

    scope: Annotated[
        str,
        Field(
            max_length=600,
            pattern=r"^(fleet|ring/[^/]+|cluster/[A-Za-z0-9_-]+)$",
            description="`fleet`, `ring/<name>` or `cluster/<key>`.",
            json_schema_extra={"format": "pause-scope"},
        ),
    ]
    until: Annotated[Moment, Field(description="When it ends by itself; must lie in the future.")]
    reason: NamedReason


class ApprovalRequest(_Body):
    """A person's yes, or the taking back of one."""

    approve: Annotated[bool, Field(description="false takes an approval back.")]
    reason: NamedReason


# One file of a policy, or several by name. The sum is bounded as that of any policy.
PolicyFiles = Annotated[
    dict[Annotated[str, Field(min_length=1, max_length=200)], str], Field(min_length=1, max_length=100)
]


class PlanRequest(_Body):
    """POST /plans."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=False)  # texts are taken as they are

    policy: str | PolicyFiles | None = None
    cluster: ClusterName | None = None


class RecordingRequest(_Body):
    """POST /recordings."""


class ApplyRequest(_Body):
    """POST /plans/<id>/apply."""

    digest: Annotated[str, Field(max_length=100)] | None = None


class Look(_Body):
    """A look at one cluster. With `resolve` it is given today's values; `false` takes such a wish back."""

    resolve: bool | None = None


def read[B: _Body](kind: type[B], raw: bytes, *, largest: int = LARGEST_BODY) -> B:
    """Read a request's body of at most so many bytes. It is JSON, whatever its Content-Type says.

    Raises:
        RequestError: it is too large, no JSON, or has wrong fields, each of which is named.
    """
    if len(raw) > largest:
        raise RequestError(f"The body is larger than {largest} bytes.")
    try:
        return kind.model_validate_json(raw or b"{}")
    except ValidationError as error:
        raise RequestError("The body does not have the expected form.", findings_of(error)) from error


def findings_of(error: ValidationError) -> tuple[Finding, ...]:
    """What is wrong, field by field."""
    return tuple(
        Finding(".".join(str(part) for part in each["loc"]), each["msg"]) for each in error.errors(include_url=False)
    )


def future(until: datetime | None, now: datetime) -> None:
    """Refuse an end that lies in the past.

    Raises:
        RequestError: it does.
    """
    if until is not None and until <= now:
        raise RequestError("The end lies in the past.", (Finding("until", "must lie in the future"),))
