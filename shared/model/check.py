"""One preflight check's answer about one cluster, in words for people."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """What a failed check does: hold the cluster, be told as a warning, or nothing at all."""

    BLOCK = "block"
    WARN = "warn"
    OFF = "off"


class Verdict(StrEnum):
    """How a check came out. What could not be looked up is `not evaluated`, never passed."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_EVALUATED = "not evaluated"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The answer of one check.

    Attributes:
        id: the check's name in policies and documents: `service-principal`.
        severity: as the policy left it.
        message: what was found, or which fact is missing.
        remedy: what to do about it; "" where nothing is wrong.
        source: the document or interface that the rule comes from.
    """

    id: str
    severity: Severity
    verdict: Verdict
    message: str
    remedy: str = ""
    source: str = ""

    @property
    def blocks(self) -> bool:
        """Whether it holds the cluster."""
        return self.verdict is Verdict.FAILED and self.severity is Severity.BLOCK

    def __str__(self) -> str:
        return f"{self.id}: {self.message}" + (f" {self.remedy}" if self.remedy else "")
