"""What a pause covers, in words: its scope names a cluster by its key, which nobody reads."""

from shared.errors import InvalidClusterId
from shared.model.identity import ClusterId


def scope_name(scope: str) -> str:
    """`the fleet`, `ring <name>`, or a cluster's name."""
    kind, _, name = scope.partition("/")
    if kind == "cluster":
        try:
            return ClusterId.from_key(name).name
        except InvalidClusterId:
            return scope
    return {"fleet": "the fleet", "ring": f"ring {name}"}.get(kind, scope)


def scope_key(scope: str) -> str:
    """The key of the cluster that a scope names; "" where it names none."""
    kind, _, key = scope.partition("/")
    return key if kind == "cluster" and scope_name(scope) != scope else ""
