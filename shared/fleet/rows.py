"""Resource Graph's rows of a fleet, live or recorded, as facts."""

from collections import defaultdict
from collections.abc import Iterable

from shared.azure.resource_graph import read_cluster_row, read_extension_row
from shared.fleet.ports import Rows
from shared.model.cluster import Cluster
from shared.model.extension import Extension
from shared.model.identity import ClusterId


async def fleet_of(rows: Rows, subscriptions: Iterable[str]) -> tuple[list[Cluster], dict[ClusterId, list[Extension]]]:
    """The clusters of some subscriptions, and the Azure Machine Learning extensions on them.

    Raises:
        AzureError: not every row could be read.
    """
    asked = tuple(subscriptions)
    extensions: defaultdict[ClusterId, list[Extension]] = defaultdict(list)
    async for row in rows.extension_rows(asked):
        extension = read_extension_row(row)
        if extension is not None:
            extensions[ClusterId.parse(str(row["cluster"]))].append(extension)
    read = [read_cluster_row(row) async for row in rows.cluster_rows(asked)]
    return [each for each in read if each is not None], dict(extensions)
