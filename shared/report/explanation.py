"""Why a cluster stands as it does, as lines of plain text: what needs a person comes first."""

from collections.abc import Iterable, Iterator

from shared.model.check import CheckResult, Severity, Verdict
from shared.model.cluster import Cluster
from shared.model.decision import Action, Decision
from shared.model.inside import Verification
from shared.model.observation import Observation
from shared.model.state import FAILING, Condition, Hold, Management

# Conditions that somebody has to know of, although no step follows from them.
_AILING = FAILING | {Condition.DRIFTED}


def explanation(seen: Observation, decision: Decision, changes: Iterable[object] = ()) -> Iterator[str]:
    """The lines about one cluster, by a fresh reading of it; `changes` of its tags would give it another profile."""
    state = decision.state
    yield f"{seen.id}"
    if seen.cluster is not None:
        yield f"  {_facts(seen.cluster)}"
    yield ""
    held = f", held: {state.hold.code.value}" if state.hold else ""
    # Of one that is none of Muster's business extensions are not read.
    unread = state.management is not Management.MANAGED and state.condition is Condition.UNKNOWN
    condition = "" if unread else f", {state.condition.value}"
    yield f"State      {state.management.value}{condition}{held}; {state.reachability.value}"
    yield f"Verified   {state.verified.value}{_verification(decision.verification or seen.memory.verification)}"
    if state.hold is not None:
        yield from _hold(state.hold)
    yield f"Decision   {_action(decision)}"
    yield f"           {decision.reason}"
    yield f"Profile    {decision.profile or 'none'}{f' by rule {decision.rule}' if decision.rule else ''}"
    yield from _section("Rules, in the order they were asked", decision.why)
    yield from _section("With other tags", list(changes))
    yield from _checks(decision.checks)
    yield from _section(
        "Differences (installed -> wanted)",
        [f"{key}: {_set(there)} -> {_set(wanted)}" for key, (there, wanted) in sorted(decision.changes.items())],
    )
    if decision.desired is not None:
        origins = decision.desired.origins
        sent = (decision.intended or decision.action).writes
        yield from _section(
            f"Settings {'that would be sent' if sent else 'as they should be'}, and where each comes from",
            [f"{key} = {value}{_origin(origins.get(key))}" for key, value in sorted(decision.desired.settings.items())],
        )
        yield from _section("Protected settings, fetched when they are sent", decision.desired.protected)
    yield from _section("Advice", decision.advice)


def _set(value: str | None) -> str:
    return "(not set)" if value is None else value


def _origin(origin: object) -> str:
    """Where a value comes from, in parentheses; kind and name apart."""
    return f"  ({str(origin).replace(':', ': ', 1)})" if origin is not None else ""


def _facts(cluster: Cluster) -> str:
    known = {
        "kind": cluster.kind.value,
        "region": cluster.location,
        "state": cluster.provisioning_state,
        "power": cluster.power_state,
        "connectivity": cluster.connectivity,
        "nodes": cluster.nodes,
        "gpu": cluster.gpu,
        "kubernetes": cluster.kubernetes_version,
        "distribution": cluster.distribution,
    }
    return ", ".join(f"{name} {value}" for name, value in known.items() if value is not None)


def _verification(found: Verification | None) -> str:
    if found is None:
        return ""
    told = "; ".join(found.faults) or found.trouble
    return f", looked into at {found.at.isoformat()} (work: {found.activity.value}){f': {told}' if told else ''}"


def _hold(hold: Hold) -> Iterator[str]:
    since = f" since {hold.since.isoformat()}" if hold.since else ""
    until = f", until {hold.until.isoformat()}" if hold.until else ""
    following = f", next look {hold.next.isoformat()}" if hold.next else ""
    yield f"Held       {hold.code.value}{since}{until}{following}"


def _action(decision: Decision) -> str:
    intended = decision.intended or decision.action
    if intended is decision.action:
        return decision.action.value
    return f"{decision.action.value} (would {intended.value})"


def _checks(results: tuple[CheckResult, ...]) -> Iterator[str]:
    failed = [result for result in results if result.verdict is Verdict.FAILED and result.severity is not Severity.OFF]
    failed.sort(key=lambda result: result.severity is not Severity.BLOCK)
    lines = []
    for result in failed:
        lines.append(f"[{result.severity.value}] {result.id}: {result.message}")
        lines += [f"    remedy: {result.remedy}"] if result.remedy else []
        lines += [f"    source: {result.source}"] if result.source else []
    yield from _section("Preflight checks that fail", lines)
    unknown = [result for result in results if result.verdict is Verdict.NOT_EVALUATED]
    yield from _section("Preflight checks not evaluated", [f"{result.id}: {result.message}" for result in unknown])
    if results:
        passed = sum(result.verdict is Verdict.PASSED for result in results)
        yield ""
        yield f"{passed} of {len(results)} preflight checks passed."


def _section(title: str, lines: object) -> Iterator[str]:
    listed = [str(line) for line in lines] if isinstance(lines, list | tuple) else []
    if listed:
        yield ""
        yield f"{title}:"
        yield from (f"  {line}" for line in listed)


def exit_code(decision: Decision) -> int:
    """0 nothing to do, 2 changes or findings, 3 held (the command line's exit codes)."""
    if decision.action is Action.HOLD:
        return 3
    intended = decision.intended or decision.action
    failing = any(
        result.verdict is Verdict.FAILED and result.severity is not Severity.OFF for result in decision.checks
    )
    ailing = decision.state.management is Management.MANAGED and decision.state.condition in _AILING
    return 2 if intended.writes or decision.changes or failing or ailing else 0
