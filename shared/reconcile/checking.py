"""Preflight, as decisions ask for it: the checks over one case, the hold that failed ones make, and what to read first.

Facts that cost a request are read only once a step would otherwise be taken: a decision names them in
`wants`, whoever looks reads them, and `decide` is asked again.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from shared.azureml.preflight import Question, blocking, examine
from shared.model.check import CheckResult, Severity, Verdict
from shared.model.decision import Action, Decision, Want
from shared.model.extension import DesiredExtension
from shared.model.identity import Kind
from shared.model.state import HoldCode
from shared.policy.model import AksAccess, LookFirst, Policy
from shared.reconcile.case import Case

_CERTIFICATES = "Deploy Azure Machine Learning extension; Secure Azure Kubernetes Service online endpoints"
KUBERNETES_CONFIGURATION = "Microsoft.KubernetesConfiguration"
RELAY = "Microsoft.Relay"


def may_look_inside(policy: Policy, kind: Kind) -> bool:
    """Whether the policy gives a way into clusters of this kind."""
    if kind is Kind.AKS:
        return policy.verification.aks is not AksAccess.NONE
    return policy.verification.arc_kubeconfig is not None


def examined(case: Case, settings: Mapping[str, str], certificate: str | None = None) -> tuple[CheckResult, ...]:
    """Every check's answer for settings that would be sent."""
    extension = case.situation.extension
    question = Question(
        cluster=case.cluster,
        settings=settings,
        surroundings=case.seen.surroundings,
        inside=case.seen.inside,
        now=case.now,
        workspace=case.policy.workspace,
        extension_name=extension.name if extension else case.policy.extension.name,
        severities=case.policy.preflight.severities,
    )
    return (*examine(question), *(_certificate_results(case) if certificate else ()))


def _certificate_results(case: Case) -> tuple[CheckResult, ...]:
    """What Key Vault's certificate is worth; one that cannot be read holds, since nothing can be sent without it."""
    reading = case.seen.certificate
    if reading is None:
        return (_certificate(Verdict.NOT_EVALUATED, "the certificate in Key Vault was not looked up"),)
    if reading.findings:
        return tuple(
            CheckResult(found.where, Severity.BLOCK, Verdict.FAILED, found.message, "", _CERTIFICATES)
            for found in reading.findings
        )
    if reading.version is None:
        return (_certificate(Verdict.FAILED, f"the certificate in Key Vault cannot be read: {reading.trouble}"),)
    expires = reading.version.expires_at
    if expires is not None and expires <= case.now:
        return (_certificate(Verdict.FAILED, f"the certificate in Key Vault expired at {expires.isoformat()}."),)
    return (_certificate(Verdict.PASSED, "the certificate in Key Vault can be used"),)


def _certificate(verdict: Verdict, message: str) -> CheckResult:
    remedy = "Put a valid certificate into Key Vault and grant Muster's identity Key Vault Secrets User."
    failed = verdict is Verdict.FAILED
    return CheckResult("tls-certificate", Severity.BLOCK, verdict, message, remedy if failed else "", _CERTIFICATES)


def held_by(case: Case, results: tuple[CheckResult, ...]) -> Decision | None:
    """The hold that failed checks make; None where nothing stands in the way."""
    stopping = blocking(results)
    if not stopping:
        return None
    hold = case.hold(HoldCode.PREFLIGHT, " ".join(str(result) for result in stopping))
    return replace(hold, checks=results)


def warnings_of(results: tuple[CheckResult, ...]) -> tuple[str, ...]:
    """Failed checks that only warn, as advice."""
    return tuple(
        str(result) for result in results if result.verdict is Verdict.FAILED and result.severity is Severity.WARN
    )


def unread(case: Case, desired: DesiredExtension | None) -> frozenset[Want]:
    """What has to be read before anything new is sent to the cluster."""
    seen = case.seen
    wants = set()
    if seen.surroundings is None:
        wants.add(Want.SURROUNDINGS)
    if seen.inside is None and may_look_inside(case.policy, case.cluster.kind) and _looks_first(case, desired):
        wants.add(Want.INSIDE)
    if desired is not None and desired.certificate and (seen.certificate is None or not seen.certificate.checked):
        wants.add(Want.CERTIFICATE)
    # Whoever began to make the relay makes the rest of it as well: asking whether it is there would be for nothing.
    begun = case.memory.relay_begun
    if desired is not None and desired.relay is not None and seen.relay_ready is None and not begun:
        wants.add(Want.RELAY)
    return frozenset(wants)


def _looks_first(case: Case, desired: DesiredExtension | None) -> bool:
    """Whether what stands in the cluster decides about what is sent to it.

    Azure hands out credentials one a second: a look into each of a thousand new clusters takes a quarter of an hour,
    and what it would find the extension's own health check finds before anything is made.
    """
    if case.policy.verification.look_first is LookFirst.ALWAYS or case.memory.attempts or case.memory.sent_at:
        return True
    settings = desired.settings if desired is not None else {}
    return "auto" in case.selection.settings.values() or bool(settings.get("scoringFe.sslSecret"))


def registration(case: Case, desired: DesiredExtension) -> Decision | None:
    """The step that registers a missing resource provider, where the policy allows it; None where none is missing."""
    states = case.seen.surroundings.providers if case.seen.surroundings else None
    if states is None or not case.policy.preflight.register_providers:
        return None
    for provider in (KUBERNETES_CONFIGURATION, *((RELAY,) if desired.relay is not None else ())):
        state = states.get(provider.lower())
        if state is None or state.lower() == "registered":
            continue
        decision = Decision(
            Action.REGISTER_PROVIDER,
            case.state(),
            f"The resource provider {provider} is {state} in the cluster's subscription; it is registered first.",
            provider=provider,
            # Registration takes up to ten minutes (Azure Arc quickstart).
            next_look=case.look_in(max(case.policy.timing.follow_up, timedelta(seconds=15))),
            attempts=case.memory.attempts,
        )
        if state.lower() == "registering":
            return replace(decision, action=Action.WAIT, reason=f"{provider} is being registered.")
        return case.enforced(case.policy.enforcement.install, decision, "Registering a resource provider")
    return None
