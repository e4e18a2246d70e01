"""What a pause covers, in words."""

import pytest

from shared.model.identity import ClusterId
from shared.report.scopes import scope_key, scope_name

KEY = ClusterId.parse(
    "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.ContainerService"
    "/managedClusters/aks-one"
).key


@pytest.mark.parametrize(
    ("scope", "name", "key"),
    [
        ("fleet", "the fleet", ""),
        ("ring/pilot", "ring pilot", ""),
        (f"cluster/{KEY}", "aks-one", KEY),
        ("cluster/nonsense", "cluster/nonsense", ""),
        ("word of tomorrow", "word of tomorrow", ""),
    ],
)
def test_nobody_has_to_read_a_key(scope: str, name: str, key: str) -> None:
    """A cluster goes by its name, with its key for a link; what is not understood stays as it is."""
    assert (scope_name(scope), scope_key(scope)) == (name, key)
