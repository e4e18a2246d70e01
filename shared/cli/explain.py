"""`muster explain`: why a cluster stands as it does, by a fresh reading; nothing is written."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from shared.composition import House
    from shared.model.decision import Decision
    from shared.model.observation import Observation


def explain(
    cluster: Annotated[str, typer.Argument(help="The cluster's ARM id, or its name where only one has it.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="The same as JSON, as the API gives it.")] = False,
) -> int:
    """Say why a cluster stands as it does: facts, rules, failing checks with remedies, settings with origins."""
    from shared.cli.live import run
    from shared.errors import RequestError
    from shared.report.explanation import exit_code, explanation
    from shared.report.views import decision_view

    seen, decision = run(lambda house: _looked_at(house, cluster))
    if seen.gone:
        raise RequestError(f"{seen.id} does not exist.")
    if as_json:
        print(json.dumps(decision_view(decision, seen), indent=2, ensure_ascii=False))
    else:
        print("\n".join(explanation(seen, decision)))
    return exit_code(decision)


async def _looked_at(house: "House", text: str) -> "tuple[Observation, Decision]":
    from shared.cli.live import named_cluster
    from shared.reconcile.preview import preview

    found = await named_cluster(house, text)
    return await preview(house.reconciler, found, await house.reconciler.generations.current())
