"""How installations fail: what a failure's text means, and what to do next.

ARM wraps almost everything into `ExtensionOperationFailed`; what happened stands in the inner text only,
and for the extension's own healthcheck not even there but in a configmap of the cluster. Texts nobody
has seen yet are `unknown` and get the limited number of attempts that the policy gives.

Families are tried in a fixed order, the cause before the symptom: first what the subscription, the
identity or Azure itself refuses, then the cluster's agents, admission, Helm and the healthcheck, last
the symptoms that many causes share. docs/failures.md lists them in that order.
"""

from collections.abc import Mapping
from dataclasses import replace

from shared.azureml.failure_families import SERVICE_FAMILIES, Failure, FailureClass, Family, Step
from shared.azureml.failure_families_cluster import CLUSTER_FAMILIES, HEALTHCHECK, TIMED_OUT
from shared.azureml.healthcheck import HealthFinding, critical_first, findings_in

__all__ = ["CODE_STEPS", "FAMILIES", "UNKNOWN", "Failure", "FailureClass", "Step", "classify", "with_report"]

FAMILIES: tuple[Family, ...] = SERVICE_FAMILIES + CLUSTER_FAMILIES

UNKNOWN = Failure(
    "unknown",
    FailureClass.UNKNOWN,
    "Read the error message and the healthcheck report (configmap arcml-healthcheck in namespace azureml).",
    Step.SEND_AGAIN,
)

# Azure's messages have a few thousand characters. Of longer ones the beginning and the end are read,
# where the code and the innermost error stand.
_HEAD, _TAIL = 48 * 1024, 16 * 1024

_P, _O = FailureClass.PERMANENT, FailureClass.OPERATOR

# What a code of the healthcheck is good for: settings that can be sent otherwise, or a person's work.
CODE_STEPS: Mapping[str, tuple[FailureClass, Step]] = {
    "E40000": (_O, Step.NONE),
    "E40001": (_P, Step.PATCH),
    "E40002": (_P, Step.PATCH),
    "E40003": (_P, Step.PATCH),
    "E40004": (_O, Step.NONE),
    "E40005": (_O, Step.SEND_AGAIN),
    "E40006": (_O, Step.SEND_AGAIN),
    "E40007": (_P, Step.PATCH),
    "E45001": (_O, Step.NONE),
    "E45002": (_P, Step.PATCH),
    "E45003": (_O, Step.NONE),
    "E45004": (_O, Step.NONE),
    "E45005": (_O, Step.NONE),
    "E45006": (_O, Step.NONE),
    "E49999": (_O, Step.SEND_AGAIN),
}


def classify(code: str, message: str) -> Failure:
    """What kind of failure an error code with its message is; never raises, unseen texts are UNKNOWN."""
    text = f"{code} {message}"
    if len(text) > _HEAD + _TAIL:
        text = f"{text[:_HEAD]}\n{text[-_TAIL:]}"
    lowered = text.lower()
    failure = next((family.failure for family in FAMILIES if family.tells(lowered)), UNKNOWN)
    return with_report(failure, findings_in(text)) if failure.family == HEALTHCHECK else failure


def with_report(failure: Failure, findings: tuple[HealthFinding, ...]) -> Failure:
    """A failure, told more exactly by the healthcheck's report from inside the cluster.

    A failed healthcheck becomes the report's first critical code, or where there is none the first one.
    A time-out or an unknown text keeps its class: the report may be older than the failure, so that it is
    only told. All others say more than a report does and stay as they are.
    """
    found = critical_first(findings)
    if found is None:
        return failure
    if failure.family == HEALTHCHECK:
        klass, step = CODE_STEPS.get(found.code, (failure.klass, failure.step))
        name = f"{HEALTHCHECK}-{found.code}" if found.code else HEALTHCHECK
        return replace(
            failure, family=name, klass=klass, step=step, remedy=f"The healthcheck found {found}. {found.remedy}"
        )
    if failure.family in {TIMED_OUT, UNKNOWN.family}:
        return replace(failure, remedy=f"{failure.remedy} The healthcheck reported {found}. {found.remedy}")
    return failure
