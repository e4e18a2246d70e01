"""The query parameters that the API takes, validated: the same models describe them in /openapi.json."""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from functions.requests import findings_of
from shared.azureml.failures import FailureClass
from shared.errors import Finding, RequestError
from shared.fleet.choosing import FILTERS, GPU, UNMANAGED
from shared.model.identity import Kind
from shared.model.state import Condition, HoldCode, Management, Reachability, Verified

LARGEST_LIMIT = 1000
NONE = "none"

# A key may come as a parameter, and the host passes it on.
_OF_THE_HOST = frozenset({"code", "clientId"})
_SUBSCRIPTION = r"^([0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})?$"


def _among(words: Iterable[str]) -> Callable[[str], str]:
    known = {word.lower(): word for word in words}

    def checked(given: str) -> str:
        if given.lower() not in known:
            raise ValueError(f"must be one of {', '.join(filter(None, known.values()))}")
        return known[given.lower()]

    return checked


def _words(kind: type[StrEnum], *more: str) -> list[str]:
    """The words of an enumeration; the empty one asks for all."""
    return ["", *(each.value for each in kind), *more]


def _filter(words: list[str], what: str) -> tuple[AfterValidator, Any]:
    return AfterValidator(_among(words)), Field(description=what, json_schema_extra={"enum": list(words)})


def _whole(given: Any) -> Any:
    if isinstance(given, str) and not re.fullmatch(r"[0-9]{1,9}", given):
        raise ValueError(f"a whole number from 1 to {LARGEST_LIMIT}")
    return given


_Continuation = Annotated[
    str,
    Field(
        max_length=900,
        description="Where to go on: `continuation` of the page before.",
        json_schema_extra={"format": "continuation"},
    ),
]


class _Query(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ClusterQuery(_Query):
    """GET /clusters. Words are compared without case; an empty one asks for all."""

    id: Annotated[
        str,
        Field(
            max_length=400,
            description="An ARM id: one cluster, as GET /clusters/{key} answers it; the other parameters are ignored.",
            json_schema_extra={"format": "cluster-id"},
        ),
    ] = ""
    management: Annotated[
        str, *_filter(_words(Management, UNMANAGED), "Whose business the cluster is; `unmanaged`: all but Managed.")
    ] = ""
    condition: Annotated[str, *_filter(_words(Condition), "How the extension fares.")] = ""
    hold: Annotated[str, *_filter(_words(HoldCode, NONE), "What holds it; `none`: nothing does.")] = ""
    reachability: Annotated[str, *_filter(_words(Reachability), "Whether its agents answer Azure.")] = ""
    verified: Annotated[str, *_filter(_words(Verified), "How far the installation was verified.")] = ""
    profile: Annotated[str, Field(max_length=100, description="A profile's name; `none`: those without one.")] = ""
    kind: Annotated[str, *_filter(_words(Kind), "AKS or Azure Arc.")] = ""
    subscription: Annotated[str, Field(pattern=_SUBSCRIPTION, description="A subscription's id.")] = ""
    ring: Annotated[str, Field(max_length=100, description="A ring of the rollout, by name.")] = ""
    region: Annotated[str, Field(max_length=100, description="Azure's name of a region.")] = ""
    failure: Annotated[str, *_filter(_words(FailureClass, NONE), "The class of its failure.")] = ""
    version: Annotated[str, Field(max_length=100, description="The extension's version; `none`: none runs.")] = ""
    owner: Annotated[str, Field(max_length=100, description="What its tag `aml-owner` says.")] = ""
    gpu: Annotated[str, *_filter(["", *GPU.values()], "Whether it has GPUs; `unknown`: nobody says.")] = ""
    q: Annotated[str, Field(max_length=400, description="A part of the ARM id.")] = ""
    limit: Annotated[int, Field(ge=1, le=LARGEST_LIMIT, description="Items to a page."), BeforeValidator(_whole)] = 100
    continuation: _Continuation = ""

    def filters(self) -> dict[str, str]:
        """What clusters are chosen by."""
        return {name: getattr(self, name) for name in {*FILTERS, "q"}}


class ComplianceQuery(_Query):
    """GET /compliance."""

    format: Annotated[
        str, *_filter(["json", "csv", "html"], "JSON, one line per cluster as CSV, or the overview in one HTML file.")
    ] = "json"
    view: Annotated[
        str,
        *_filter(
            ["", "attention", "needs"],
            "`attention`: only clusters that somebody has to mend or decide about (failing, or held by a check or "
            "for a reason that only people end), by pages; `needs`: also what only people can end, by kind.",
        ),
    ] = ""
    limit: Annotated[
        int, Field(ge=1, le=LARGEST_LIMIT, description="Items to a page of `attention`."), BeforeValidator(_whole)
    ] = 100
    continuation: _Continuation = ""


class ApprovalsQuery(_Query):
    """GET /approvals."""

    limit: Annotated[
        int, Field(ge=1, le=LARGEST_LIMIT, description="Clusters that wait, to a page."), BeforeValidator(_whole)
    ] = 100
    continuation: _Continuation = ""


class PlanQuery(_Query):
    """GET /plans/<id>."""

    limit: Annotated[int, Field(ge=1, le=LARGEST_LIMIT, description="Items to a page."), BeforeValidator(_whole)] = 100
    continuation: _Continuation = ""


class RecordingQuery(_Query):
    """GET /recordings/<id>."""

    format: Annotated[str, *_filter(["json", "gzip"], "How it stands, or the recording itself, once it is ready.")] = (
        "json"
    )


class AuditQuery(_Query):
    """GET /audit."""

    day: Annotated[
        str,
        Field(pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$", description="A day (UTC): its lines, as they stand there."),
    ] = ""
    continuation: Annotated[
        str, Field(pattern=r"^([0-9]{1,12})?$", description="Where to go on: `continuation` of the page before.")
    ] = ""


def read_query[Q: _Query](kind: type[Q], params: Mapping[str, str]) -> Q:
    """Read the parameters of a list. A misspelt one is refused: left aside, it would show another list.

    Raises:
        RequestError: wrong or unknown parameters, each of which is named.
    """
    given = {name: value for name, value in params.items() if name not in _OF_THE_HOST}
    unknown = [name for name in given if name not in kind.model_fields]
    if unknown:
        raise RequestError("The query cannot be used.", tuple(_unknown(name, kind) for name in unknown[:20]))
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        raise RequestError("The query cannot be used.", findings_of(error)) from error


def _unknown(name: str, kind: type[_Query]) -> Finding:
    near = difflib.get_close_matches(name[:50], kind.model_fields, n=1)
    hint = f"; the nearest is '{near[0]}'" if near else ""
    return Finding(name[:50], f"there is no such parameter{hint}")
