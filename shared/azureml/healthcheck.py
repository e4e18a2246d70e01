"""The extension's own healthcheck: what its reports in configmap arcml-healthcheck say and what to do about it.

ARM only says `pod healthcheck failed`; the code stands in the cluster alone. The job runs before each
install, upgrade, rollback and deletion and writes one report for each, in lines such as
`Status: Failed Name: instancetype ErrorCode: E45006 ErrorMessage: Failed to validate ...`.

Sources: "Troubleshoot Azure Machine Learning extension" (HealthCheck of extension, its table of codes),
AML-Kubernetes docs/troubleshooting.md (older codes, keys, critical or not), and a report in
azure-sdk-for-python #33480.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

# Below are critical codes, which must be mended first; from here on they are diagnostic (AML-Kubernetes).
_DIAGNOSTIC = 45000
_LONGEST_REPORT = 64 * 1024
_LONGEST_MESSAGE = 300
_MOST = 50

_READ_AFTER: Mapping[str, tuple[str, ...]] = {
    "install": ("reports-pre-install", "reports-pre-delete", "reports-test"),
    "update": ("reports-pre-upgrade", "reports-pre-rollback", "reports-test"),
    "delete": ("reports-pre-delete", "reports-test"),
}

# Each pattern steps over a text once: none has a repetition inside a repetition.
_BLOCK = re.compile(r"\bStatus:", re.IGNORECASE)
_CODE = re.compile(r"\bErrorCode:\s{0,20}(E[0-9]{5})\b", re.IGNORECASE)
_NAME = re.compile(r"\bName:\s{0,20}([\w.-]{1,63})", re.IGNORECASE)
_MESSAGE = re.compile(r"\bErrorMessage:", re.IGNORECASE)
_END = re.compile(r"\b(?:TroubleShootingGuide|CorrelationId|Duration|Report):", re.IGNORECASE)
_FAILED = re.compile(r"\s{0,20}(?:failed|error|critical)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class HealthCode:
    """One documented code: the name of the error and what to do."""

    name: str
    remedy: str


@dataclass(frozen=True, slots=True)
class HealthFinding:
    """One failed check of a report.

    Attributes:
        code: E40001 and so on; "" where the report has none.
        name: the error's name (LOAD_BALANCER_NOT_SUPPORT), or the check's where the code is not known.
        critical: whether it has to be mended before the extension can be installed.
        message: the report's words, one line, at most 300 characters.
        remedy: what to do.
    """

    code: str
    name: str
    critical: bool
    message: str
    remedy: str

    def __str__(self) -> str:
        told = " ".join(part for part in (self.code, self.name) if part)
        return f"{told}: {self.message}" if self.message else told


_LOG = "read the log of pod healthcheck in namespace azureml"
_LEGACY = (
    "The router of SDK v1's AKS compute is still there, which the extension does not live beside: delete its "
    "azureml-fe objects as the extension's troubleshooting guide lists them."
)

CODES: Mapping[str, HealthCode] = {
    "E40000": HealthCode("UNKNOWN_ERROR", f"The healthcheck failed for a reason it does not name: {_LOG}."),
    "E40001": HealthCode(
        "LOAD_BALANCER_NOT_SUPPORT",
        "The cluster has no load balancer: set one up, or set inferenceRouterServiceType to nodePort or clusterIP.",
    ),
    "E40002": HealthCode(
        "INSUFFICIENT_NODE",
        "Three router replicas need three healthy nodes that match the nodeSelector: add nodes, correct the "
        "nodeSelector, or set inferenceRouterHA=False.",
    ),
    "E40003": HealthCode(
        "INTERNAL_LOAD_BALANCER_NOT_SUPPORT",
        "An internal load balancer is there for AKS alone, and only as `azure`: drop internalLoadBalancerProvider.",
    ),
    "E40004": HealthCode(
        "AZUREML_FE_DEPLOYMENT_NOT_FOUND",
        "The inference router's deployment is not there: look for what keeps azureml-fe-v2 from being created.",
    ),
    "E40005": HealthCode(
        "AZUREML_FE_SCALE_UP_TIMEOUT",
        "The inference router did not come up in time: look for capacity, taints and images of azureml-fe-v2.",
    ),
    "E40006": HealthCode(
        "AZUREML_FE_UPDATE_REPLICAS_FAILED",
        f"The inference router's replicas could not be changed: {_LOG}.",
    ),
    "E40007": HealthCode(
        "INVALID_SSL_SETTING",
        "Key or certificate is missing, broken or does not match, or the certificate does not cover sslCname: "
        "correct the TLS settings.",
    ),
    "E45001": HealthCode(
        "AGENT_UNHEALTHY",
        f"Some of the extension's workloads in namespace azureml are not healthy: {_LOG}, which names them.",
    ),
    "E45002": HealthCode(
        "PROMETHEUS_CONFLICT",
        "The cluster has a Prometheus operator of its own: set installPromOp=False to reuse it.",
    ),
    "E45003": HealthCode(
        "BAD_NETWORK_CONNECTIVITY",
        "The cluster does not reach Azure Machine Learning: open the outbound endpoints, or mend the private link.",
    ),
    "E45004": HealthCode("AZUREML_FE_ROLE_CONFLICT", _LEGACY),
    "E45005": HealthCode("AZUREML_FE_DEPLOYMENT_CONFLICT", _LEGACY),
    "E45006": HealthCode(
        "INSTANCE_TYPE_INVALID",
        "The instance types of the cluster could not be checked or updated: look at the objects of kind "
        f"InstanceType, and {_LOG}.",
    ),
    "E49999": HealthCode("CHECKER_PANIC", f"The healthcheck itself broke down: {_LOG}."),
}


def read_reports(
    data: Mapping[str, str], *, after: Literal["install", "update", "delete"]
) -> tuple[HealthFinding, ...]:
    """The failed checks that a configmap's reports tell, those of the operation first; never raises.

    Args:
        data: the configmap's data; of each report at most 64 KiB are read.
        after: the operation that failed. The guide says which reports to read: pre-install and pre-delete
            after an install, pre-upgrade and pre-rollback after an update, pre-delete after a deletion.
    """
    found: dict[tuple[str, str], HealthFinding] = {}
    for key in _READ_AFTER[after]:
        for finding in findings_in(data.get(key) or ""):
            found.setdefault((finding.code, finding.name), finding)
    return tuple(found.values())


def findings_in(report: str) -> tuple[HealthFinding, ...]:
    """The failed checks of one report, at most fifty; none where it is not one."""
    found: list[HealthFinding] = []
    for finding in _findings(report[:_LONGEST_REPORT]):
        found.append(finding)
        if len(found) == _MOST:
            break
    return tuple(found)


def critical_first(findings: tuple[HealthFinding, ...]) -> HealthFinding | None:
    """The finding that counts: the first critical one, or the first at all."""
    return next((finding for finding in findings if finding.critical), findings[0] if findings else None)


def _findings(report: str) -> Iterator[HealthFinding]:
    # Words before the first status belong to no check, unless the report has no status at all.
    head, *checks = _BLOCK.split(report)
    starts, blocks = bool(checks), checks or [head]
    for block in blocks:
        code = _CODE.search(block)
        if _FAILED.match(block) if starts else code is not None:
            yield _finding(block, code.group(1).upper() if code else "")


def _finding(block: str, code: str) -> HealthFinding:
    check = _NAME.search(block)
    name = check.group(1) if check else ""
    known = CODES.get(code)
    message = _message(block)
    if known is not None:
        told = f"{name}: {message}" if name and message else message or name
        return HealthFinding(code, known.name, int(code[1:]) < _DIAGNOSTIC, told[:_LONGEST_MESSAGE], known.remedy)
    critical = bool(code) and int(code[1:]) < _DIAGNOSTIC
    return HealthFinding(code, name, critical, message, f"The code is in no table of Microsoft's: {_LOG}.")


def _message(block: str) -> str:
    """The words behind ErrorMessage, on one line and bounded."""
    start = _MESSAGE.search(block)
    if start is None:
        return ""
    end = _END.search(block, start.end())
    words = block[start.end() : end.start() if end else start.end() + 8 * _LONGEST_MESSAGE]
    line = "".join(char if char.isprintable() else " " for char in words[: 8 * _LONGEST_MESSAGE])
    return " ".join(line.split())[:_LONGEST_MESSAGE]
