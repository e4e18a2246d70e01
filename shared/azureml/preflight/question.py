"""What a preflight check is asked, and what it answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from shared.azureml.catalogue import AUTO
from shared.model.check import Severity, Verdict
from shared.model.cluster import Cluster
from shared.model.identity import Kind
from shared.model.inside import Inside
from shared.model.surroundings import Surroundings


@dataclass(frozen=True, slots=True)
class Question:
    """Everything that is known when a write is considered.

    Attributes:
        cluster: the cluster's own facts.
        settings: what would be sent, under canonical names, derived ones included where they are known
            already; empty where no settings have been chosen.
        surroundings: what subscription and region say; None where they were not looked up.
        inside: what the cluster's API server says; None where it was not asked.
        now: the time.
        workspace: ARM id of the workspace, where the policy names one.
        extension_name: name of the extension, which is the Helm release's name.
        severities: check -> its severity, where the policy lowers it.
    """

    cluster: Cluster
    settings: Mapping[str, str]
    surroundings: Surroundings | None
    inside: Inside | None
    now: datetime
    workspace: str | None = None
    extension_name: str = "azureml"
    severities: Mapping[str, Severity] = field(default_factory=dict)

    @property
    def aks(self) -> bool:
        """Whether it is about an AKS cluster."""
        return self.cluster.kind is Kind.AKS

    def value(self, key: str) -> str:
        """A setting in lower case; "" where it is not set."""
        return self.settings.get(key, "").strip().lower()

    def on(self, key: str) -> bool:
        """Whether a switch is set to true."""
        return self.value(key) == "true"

    def off(self, key: str) -> bool:
        """Whether a switch is set, to something else than true or `auto`."""
        return self.value(key) not in {"", "true", AUTO}

    def undecided(self, key: str) -> bool:
        """Whether a setting still says `auto`, as it does until facts have decided it."""
        return self.value(key) == AUTO

    @property
    def training(self) -> bool:
        """Whether jobs are wanted."""
        return self.on("enableTraining")

    @property
    def inference(self) -> bool:
        """Whether endpoints are wanted."""
        return self.on("enableInference")

    @property
    def derived(self) -> bool:
        """Whether the settings are complete; every derivation adds the cluster's id."""
        return "cluster_name" in self.settings


@dataclass(frozen=True, slots=True)
class Answer:
    """What a check found. `at_most` is for what is milder than the check's severity: a warning for test clusters."""

    verdict: Verdict
    message: str
    remedy: str = ""
    at_most: Severity = Severity.BLOCK


@dataclass(frozen=True, slots=True)
class Check:
    """One rule.

    Attributes:
        id: its name in policies and documents.
        severity: what it does unless the policy lowers it.
        lowest: the lowest severity that a policy may set. `block` where what it stops cannot succeed.
        source: where the rule is written down.
        summary: what has to hold, for the list of checks.
        answer: the rule itself; pure, and total over every question.
        needed: whether ARM always tells its facts, so that it holds the cluster where they are missing.
    """

    id: str
    severity: Severity
    lowest: Severity
    source: str
    summary: str
    answer: Callable[[Question], Answer]
    needed: bool = False


def passed(message: str) -> Answer:
    """What the check asks for was seen to hold."""
    return Answer(Verdict.PASSED, message)


def failed(message: str, remedy: str, *, at_most: Severity = Severity.BLOCK) -> Answer:
    """What the check asks for was seen not to hold."""
    return Answer(Verdict.FAILED, message, remedy, at_most)


def unknown(fact: str) -> Answer:
    """A fact is missing; the words name it: `the node pools`."""
    return Answer(Verdict.NOT_EVALUATED, f"not known: {fact}.")


def no_concern(why: str) -> Answer:
    """The check does not concern this kind of cluster or these settings."""
    return Answer(Verdict.NOT_APPLICABLE, why)


ARC_ONLY = no_concern("concerns Azure Arc clusters only.")
AKS_ONLY = no_concern("concerns AKS clusters only.")


def not_asked(question: Question, why: str) -> Answer:
    """The settings do not ask for what the check is about, or have not been chosen at all."""
    return no_concern(why) if question.settings else unknown("the settings that would be sent")


def no_inference(question: Question) -> Answer:
    """Inference is not switched on."""
    return not_asked(question, "concerns inference only, which is not switched on.")


def nothing_on(question: Question) -> Answer:
    """Neither training nor inference is switched on."""
    return not_asked(question, "neither training nor inference is switched on.")


def unread_inside(question: Question, part: str, words: str) -> Answer:
    """A fact that only the cluster's API server tells; `part`, or else `access`, is its name in `Inside.trouble`."""
    if question.inside is None:
        return unknown(f"{words}; the cluster's API server was not asked")
    why = question.inside.trouble.get(part) or question.inside.trouble.get("access")
    return unknown(f"{words}; {why}" if why else f"{words}; it could not be read from the cluster's API server")


def unread_surroundings(question: Question, part: str, words: str) -> Answer:
    """A fact that only subscription or region tell; `part` is its name in `Surroundings.trouble`."""
    if question.surroundings is None:
        return unknown(f"{words}; it was not looked up")
    why = question.surroundings.trouble.get(part)
    return unknown(f"{words}; {why}" if why else f"{words}; Azure did not tell")
