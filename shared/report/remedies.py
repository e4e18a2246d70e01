"""One line for each hold and each class of failure: what a person does about it. docs/operations.md says more."""

from collections.abc import Mapping

from shared.azureml.failures import FailureClass
from shared.model.state import HoldCode

HOLDS: Mapping[HoldCode, str] = {
    HoldCode.PREFLIGHT: "Do what the failing check says; looks come at growing intervals, or when asked for.",
    HoldCode.GUARDRAIL: "Change the profile, the tag or the guardrail: what would be sent is forbidden.",
    HoldCode.FACTS_UNKNOWN: "Arc: wait up to ten minutes after it connected; for GPUs set the tag aml-gpu.",
    HoldCode.TAG_INVALID: "Write into the tag what the reason says.",
    HoldCode.WINDOW: "Nothing: it goes on when its window opens.",
    HoldCode.RING: "Nothing while the rings before it go on; where the rollout is stopped, mend what failed.",
    HoldCode.BUDGET: "Nothing: it goes on when a place is free, or raise the limit in the policy.",
    HoldCode.PAUSE: "End the pause, or wait for its end.",
    HoldCode.APPROVAL: "Read the change and approve it, or change the policy.",
    HoldCode.BREAKER: "Find the cause that the failing clusters share; repair goes on when the share has halved.",
    HoldCode.CONTESTED: "Find out who changes it; approve one more revert, or say by policy or tag what is wanted.",
    HoldCode.QUARANTINE: "Mend the cause that the reason names, then ask for another try.",
    HoldCode.PROTECTED_VALUES: "Take the wish out of the profile, or have Muster install the extension anew.",
    HoldCode.NO_RULE: "Add a rule to the policy that takes the cluster, or take its tag away.",
    HoldCode.BUSY: "Wait until the cluster is idle, or give Muster a way to look inside.",
    HoldCode.MASS_SELECTION: "Take the tags away, or approve mass-selection.",
}

FAILURES: Mapping[FailureClass, str] = {
    FailureClass.TRANSIENT: "Nothing: it is tried again after a pause.",
    FailureClass.WAIT: "Wait for what has to end first (an agent that is away, a Helm operation): tried again later.",
    FailureClass.PERMANENT: "Change the cluster or the profile: the same settings fail again.",
    FailureClass.OPERATOR: "Mend the cluster, its network or its subscription as the reason says.",
    FailureClass.UNKNOWN: "Read Azure's words in the reason; the catalogue does not know them.",
}
