"""`muster explain`: why a cluster stands as it does, by a fresh reading; nothing is written to it.

The API reads, where one is named (`MUSTER_API_URL`). Else, and under a policy that is only tried, the command reads by
itself, as an administrator who has the application settings and may read what the function app may.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shared.cli.completion import ClusterArgument
from shared.cli.output import Output, OutputOption, told
from shared.cli.show import harmless

if TYPE_CHECKING:
    from shared.composition import House
    from shared.model.decision import Decision
    from shared.model.observation import Observation
    from shared.policy.nearly import Change


def explain(
    cluster: ClusterArgument,
    *,
    output: OutputOption = Output.TEXT,
    policy: Annotated[
        Path | None, typer.Option(help="Explain under this policy's file or directory, not the one in force.")
    ] = None,
) -> int:
    """Say why a cluster stands as it does: facts, rules, failing checks with remedies, settings with origins.

    Returns:
        0 nothing to do, 2 changes or findings, 3 held; 1 where the cluster cannot be read.
    """
    if policy is None and os.environ.get("MUSTER_API_URL"):
        return _by_the_api(cluster, output)
    from shared.cli.live import run
    from shared.report.explanation import exit_code, explanation
    from shared.report.views import decision_view

    seen, decision, changes = run(lambda house: _looked_at(house, cluster, policy))
    if output is Output.JSON:
        told(decision_view(decision, seen) | {"nearly": list(map(str, changes))})
    else:
        print("\n".join(map(harmless, explanation(seen, decision, changes))))
    return exit_code(decision)


def _by_the_api(cluster: str, output: Output) -> int:
    from shared.cli.api import ask, cluster_key, path

    found = ask("GET", path("clusters", cluster_key(cluster)))
    told_in_words = found.pop("explanation")
    if output is Output.JSON:
        told(found)
    else:
        print("\n".join(map(harmless, told_in_words["lines"])))
    return int(told_in_words["code"])


async def _looked_at(
    house: "House", text: str, other: Path | None
) -> "tuple[Observation, Decision, tuple[Change, ...]]":
    from shared.cli.live import named_cluster, policy_for
    from shared.errors import NotAuthorized, RequestError, Unavailable
    from shared.reconcile.preview import nearly, preview

    found, chosen = await named_cluster(house, text), await policy_for(house, other)
    seen, decision = await preview(house.reconciler, found, chosen)
    if seen.gone:
        raise RequestError(f"{seen.id} does not exist.")
    if seen.cluster is None:
        kind = NotAuthorized if seen.refused else Unavailable
        raise kind(f"{seen.id} cannot be read: {decision.reason}")
    return seen, decision, nearly(chosen, seen, house.clock())
