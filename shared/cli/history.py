"""`muster history`: what happened to a cluster, newest first, as the API tells it."""

from shared.cli.api import ask, cluster_key, path
from shared.cli.completion import ClusterArgument
from shared.cli.output import Output, OutputOption, told
from shared.cli.show import line, table


def history(
    cluster: ClusterArgument,
    *,
    output: OutputOption = Output.TEXT,
) -> int:
    """Tell what Muster decided and did about a cluster, by whose word and under which policy."""
    found = ask("GET", path("clusters", cluster_key(cluster)))
    events = found["history"]
    if output is Output.JSON:
        told(events)
        return 0
    line(found["id"])
    rows = [
        (
            each["at"][:19],
            each["action"],
            each["outcome"],
            each["condition"],
            each.get("generation", ""),
            each.get("who", ""),
            each["reason"],
        )
        for each in events
    ]
    table(("at (UTC)", "action", "outcome", "condition", "policy", "who", "why"), rows)
    if not rows:
        line("Nothing has happened yet.")
    return 0
