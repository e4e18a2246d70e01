"""The tables of Resource Graph and the lag with which changes reach them.

Every change is kept in a journal and becomes a row only after `lag`; until then a query answers
from the old state, as the service does (Resource Graph is told of a change and then reads the
resource; 95 % of changes show within 30 seconds, without an upper bound: Azure/azure-dev#540).
The rows live in DuckDB and are brought up to date by what changed, not per query.
"""

import json
from collections import deque
from collections.abc import Callable, Collection
from typing import Any, Final, NamedTuple

import duckdb

TABLES: Final = ("resources", "kubernetesconfigurationresources", "resourcecontainers")

_TEXT: Final = (
    "id",
    "name",
    "type",
    "tenantId",
    "kind",
    "location",
    "resourceGroup",
    "subscriptionId",
    "managedBy",
)
_DYNAMIC: Final = ("sku", "plan", "properties", "tags", "identity", "zones", "extendedLocation")
# The columns of Microsoft's table reference; all three tables have the same.
COLUMNS: Final = (*_TEXT, *_DYNAMIC)


class _Change(NamedTuple):
    at: float
    table: str
    key: str
    values: tuple[str | None, ...] | None  # key, subscription, the columns; None = the resource is gone


class Tables:
    """What Resource Graph holds, as of `lag` seconds ago."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._journal: deque[_Change] = deque()
        self.lag = 0.0
        self._frozen = False
        self._subscriptions: frozenset[str] | None = None
        self._ancestors: dict[str, frozenset[str]] | None = None
        self._scope: frozenset[str] | None = None
        # The database sees no file and no extension: queries come from outside.
        self.connection = duckdb.connect(
            ":memory:",
            config={
                "enable_external_access": "false",
                "threads": "1",
                "autoinstall_known_extensions": "false",
            },
        )
        self.connection.execute("SET TimeZone='UTC'")
        self.connection.execute("CREATE TABLE scope (subscription VARCHAR)")
        types = ", ".join(f'"{name}" {"JSON" if name in _DYNAMIC else "VARCHAR"}' for name in COLUMNS)
        shown = ", ".join(f'"{name}"' for name in COLUMNS)
        for table in TABLES:
            self.connection.execute(f"CREATE TABLE all_{table} (key VARCHAR, subscription VARCHAR, {types})")
            self.connection.execute(
                f"CREATE VIEW {table} AS SELECT {shown} FROM all_{table}"  # noqa: S608  names are ours
                " WHERE subscription IN (SELECT subscription FROM scope)"
            )

    def record(self, table: str, resource_id: str, row: dict[str, Any] | None) -> None:
        """Note that a resource now looks like `row`, or is gone.

        Keys that are not columns of the table (say `systemData`) are left out; the type is written
        in lower case. The row is copied: later changes to it are not seen.

        Raises:
            KeyError: there is no such table.
        """
        if table not in TABLES:
            raise KeyError(table)
        key = resource_id.lower()
        values = None if row is None else (key, *_values(row))
        self._journal.append(_Change(self._clock(), table, key, values))

    def freeze(self) -> None:
        """Show no further change, however old, until `thaw`."""
        self.advance()
        self._frozen = True

    def thaw(self) -> None:
        """End `freeze`; what is older than the lag shows at once."""
        self._frozen = False

    def advance(self) -> None:
        """Move every change that is old enough from the journal into the tables."""
        if self._frozen:
            return
        horizon = self._clock() - self.lag
        latest: dict[str, dict[str, tuple[str | None, ...] | None]] = {}
        while self._journal and self._journal[0].at <= horizon:
            change = self._journal.popleft()
            latest.setdefault(change.table, {})[change.key] = change.values
        for table, rows in latest.items():
            self._write(table, rows)
        if latest:
            self._subscriptions = None
            self._ancestors = None

    def _write(self, table: str, rows: dict[str, tuple[str | None, ...] | None]) -> None:
        self.connection.execute(
            f"DELETE FROM all_{table} WHERE key IN (SELECT unnest(?::VARCHAR[]))",  # noqa: S608  names are ours
            [list(rows)],
        )
        columns = [list(column) for column in zip(*filter(None, rows.values()), strict=True)]
        if columns:
            lists = ", ".join("unnest(?::VARCHAR[])" for _ in columns)
            self.connection.execute(f"INSERT INTO all_{table} SELECT {lists}", columns)

    def subscriptions(self) -> frozenset[str]:
        """The subscriptions that have a row, in lower case; "" stands for rows outside of any."""
        if self._subscriptions is None:
            union = " UNION ".join(f"SELECT subscription FROM all_{table}" for table in TABLES)  # noqa: S608  ours
            self._subscriptions = frozenset(row[0] for row in self.connection.execute(union).fetchall())
        return self._subscriptions

    def below(self, groups: Collection[str]) -> frozenset[str]:
        """The subscriptions with one of the named management groups among their ancestors."""
        if self._ancestors is None:
            found = self.connection.execute(
                "SELECT subscription, properties FROM all_resourcecontainers"
                " WHERE type = 'microsoft.resources/subscriptions'"
            ).fetchall()
            self._ancestors = {subscription: _ancestors(properties) for subscription, properties in found}
        wanted = {group.lower() for group in groups}
        return frozenset(one for one, ancestors in self._ancestors.items() if ancestors & wanted)

    def narrow(self, subscriptions: frozenset[str]) -> None:
        """Let the following queries see the rows of these subscriptions only."""
        if subscriptions == self._scope:
            return
        self.connection.execute("DELETE FROM scope")
        self.connection.execute("INSERT INTO scope SELECT unnest(?::VARCHAR[])", [sorted(subscriptions)])
        self._scope = subscriptions


def _values(row: dict[str, Any]) -> tuple[str | None, ...]:
    """The subscription's key and the row's columns, dynamic ones as JSON text."""
    # Resource Graph answers "" where ARM has no text
    texts = {name: str(row.get(name) or "") for name in _TEXT}
    texts["type"] = texts["type"].lower()
    dynamic = (None if row.get(name) is None else json.dumps(row[name]) for name in _DYNAMIC)
    return (texts["subscriptionId"].lower(), *texts.values(), *dynamic)


def _ancestors(properties: str | None) -> frozenset[str]:
    chain = (json.loads(properties) if properties else {}).get("managementGroupAncestorsChain") or []
    return frozenset(str(group.get("name", "")).lower() for group in chain)
