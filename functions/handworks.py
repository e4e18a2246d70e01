"""What people do by hand over HTTP: install, uninstall, ask for a look, withdraw their word."""

import difflib
from datetime import datetime

import azure.functions as func

from functions.answers import Conflicting, NotFound, Unprocessable, answer
from functions.requests import Install, Look, Uninstall, future, read
from shared.azureml.body import put_body
from shared.azureml.catalogue import canonicalise, value_findings
from shared.composition import House, house
from shared.errors import Absent, Finding, InvalidClusterId, RequestError
from shared.model.cluster import Cluster
from shared.model.identity import ClusterId
from shared.model.intent import Intent, Word
from shared.model.request import Reason, Request
from shared.policy.model import Policy
from shared.policy.selection import Outcome, select
from shared.report.views import decision_view
from shared.report.words import cluster_word, resolving, withdrawal

_HIDDEN = "***"


async def install_by_hand(raw: bytes, who: str) -> func.HttpResponse:
    """POST /installs."""
    body = read(Install, raw)
    home = await house()
    now = home.clock()
    future(body.until, now)
    cluster_id = named(body.cluster)
    await in_scope(home, cluster_id)
    policy = await home.reconciler.generations.current()
    settings = _checked(policy, body)
    cluster = await _existing(home, cluster_id)
    intent = Intent(
        cluster_id,
        Word.ENROL,
        who,
        body.reason,
        now,
        profile=body.profile,
        settings=settings,
        until=body.until,
        incarnation=cluster.incarnation,
    )
    _not_hands_off(policy, cluster, intent, now)
    if body.dryRun:
        return await _dry_run(home, policy, intent)
    return await _said(home, intent)


async def uninstall_by_hand(cluster: ClusterId, raw: bytes, who: str) -> func.HttpResponse:
    """POST /clusters/<key>/uninstall."""
    body = read(Uninstall, raw)
    home = await house()
    await in_scope(home, cluster)
    now = home.clock()
    facts = await _existing(home, cluster)
    intent = Intent(
        cluster,
        Word.REMOVE,
        who,
        body.reason,
        now,
        accept_disruption=body.acceptDisruption,
        incarnation=facts.incarnation,
    )
    return await _said(home, intent)


async def ask_for_look(cluster: ClusterId, raw: bytes, who: str) -> func.HttpResponse:
    """POST /clusters/<key>/reconcile."""
    body = read(Look, raw)
    home = await house()
    await in_scope(home, cluster)
    now = home.clock()
    if body.resolve is not None:
        await home.audit.put(resolving(cluster, who, now, wanted=body.resolve), cluster)
        await home.table.ask_anew(cluster, now if body.resolve else None)
    return await _asked(home, cluster, now)


async def withdraw_word(cluster: ClusterId, who: str) -> func.HttpResponse:
    """DELETE /clusters/<key>/intent."""
    home = await house()
    await in_scope(home, cluster)
    now = home.clock()
    if await home.intents.of(cluster) is None:
        raise NotFound("Nobody has asked for anything about this cluster.")
    await home.audit.put(withdrawal(cluster, who, now), cluster)
    await home.intents.withdraw(cluster, now)
    return await _asked(home, cluster, now)


def named(text: str) -> ClusterId:
    """The cluster that a request names.

    Raises:
        RequestError: it names none.
    """
    try:
        return ClusterId.parse(text)
    except InvalidClusterId as error:
        raise RequestError("The request names no cluster.", (Finding("cluster", error.message),)) from error


async def _said(home: House, intent: Intent) -> func.HttpResponse:
    """Record a person's word; in the audit first, so that none acts that does not stand there."""
    await home.audit.put(cluster_word(intent), intent.cluster)
    await home.intents.put(intent)
    return await _asked(home, intent.cluster, intent.at)


async def _asked(home: House, cluster: ClusterId, now: datetime) -> func.HttpResponse:
    await home.messages.send(Request(cluster, Reason.MANUAL, now))
    place = f"/api/clusters/{cluster.key}"
    body = {"key": cluster.key, "id": str(cluster), "status": "asked", "href": place}
    return answer(body, status=202, headers={"Location": place})


async def in_scope(home: House, cluster: ClusterId) -> None:
    """Refuse a cluster outside MUSTER_SCOPE.

    Raises:
        Unprocessable: it lies there.
    """
    if not await home.reconciler.scope.contains(cluster.subscription):
        raise Unprocessable(
            "The cluster lies outside MUSTER_SCOPE.",
            (Finding("cluster", "its subscription is not in MUSTER_SCOPE"),),
        )


async def _existing(home: House, cluster: ClusterId) -> Cluster:
    try:
        return await home.reconciler.observer.arm.cluster(cluster)
    except Absent as error:
        raise NotFound("There is no such cluster.", (Finding("cluster", "does not exist"),)) from error


def _checked(policy: Policy, body: Install) -> dict[str, str]:
    findings: list[Finding] = []
    if body.profile is not None and body.profile not in policy.profiles:
        near = difflib.get_close_matches(body.profile, policy.profiles, n=1)
        hint = f"; the nearest is '{near[0]}'" if near else ""
        findings.append(Finding("profile", f"there is no profile '{body.profile}'{hint}"))
    canonical = canonicalise(body.settings)
    findings += [
        Finding(f"settings.{finding.where}", finding.message)
        for finding in (*canonical.findings, *value_findings(canonical.settings))
    ]
    if findings:
        raise Unprocessable("The request names what the policy or the extension does not know.", tuple(findings))
    return canonical.settings


def _not_hands_off(policy: Policy, cluster: Cluster, intent: Intent, now: datetime) -> None:
    selection = select(policy, cluster, intent, now)
    if selection.outcome is Outcome.HANDS_OFF:
        raise Conflicting(f"Hands off: {selection.reason}. A tag goes before a manual install: change it first.")


async def _dry_run(home: House, policy: Policy, intent: Intent) -> func.HttpResponse:
    from shared.reconcile.preview import preview

    seen, decision = await preview(home.reconciler, intent.cluster, policy, assume=intent)
    view = decision_view(decision, seen)
    desired = decision.desired
    if desired is not None:
        view["name"] = decision.extension
        view["body"] = put_body(desired, dict.fromkeys(desired.protected, _HIDDEN))
    return answer(view)
