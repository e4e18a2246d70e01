"""One KQL query over the tables, with the limits that Resource Graph puts on the language.

The translation is duckdb-kql's. What that library does not take is refused as an invalid query,
so a client written against this simulator uses a subset of what the service takes.
"""

import dataclasses
import json
import random
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

import duckdb
import duckdb_kql
from duckdb_kql import ir
from duckdb_kql.errors import KqlError, KqlSyntaxError
from duckdb_kql.lower import lower

from simulator.graph_tables import COLUMNS, TABLES, Tables

# Query language support, Microsoft's "Understanding the Azure Resource Graph query language".
MAX_JOINS: Final = 3
MAX_UNION_LEGS: Final = 3
MAX_MV_EXPAND: Final = 3
MAX_MV_EXPAND_ROWS: Final = 400

_LIMITING: Final = (ir.Take, ir.Top)
_ORDERING: Final = (ir.Sort, ir.Top)
_UNORDERING: Final = (ir.Summarize, ir.Distinct, ir.Join, ir.Lookup, ir.Union, ir.Count)

_STATEMENTS: Final = re.compile(r"\s*(?:\.|(?:let|set|declare|alias|restrict|pattern)\b)", re.IGNORECASE)
_TABLE_NAMES: Final = re.compile(rf"\b(?:{'|'.join(TABLES)})\b", re.IGNORECASE)


class InvalidQuery(Exception):
    """The service answers this query with 400; `details` are the service's own entries."""

    def __init__(self, *details: dict[str, Any]) -> None:
        super().__init__("; ".join(str(detail.get("message")) for detail in details))
        self.details = details


@dataclasses.dataclass(frozen=True, slots=True)
class Result:
    """All rows of a query, still as the database gives them."""

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    limited: bool  # the query limits its rows itself

    @property
    def pageable(self) -> bool:
        """Whether the service gives a $skipToken: `id` is projected and nothing limits the rows."""
        return "id" in self.columns and not self.limited

    def objects(self, start: int, stop: int) -> list[dict[str, Any]]:
        """Rows as JSON objects, dynamic values decoded."""
        return [dict(zip(self.columns, values, strict=True)) for values in self.arrays(start, stop)]

    def arrays(self, start: int, stop: int) -> list[list[Any]]:
        """Rows as JSON arrays in the order of the columns, dynamic values decoded."""
        return [
            [_json(value, kind) for value, kind in zip(row, self.types, strict=True)] for row in self.rows[start:stop]
        ]


def run(tables: Tables, query: str, *, now: float, seed: str) -> Result:
    """Evaluate `query` on what the tables show.

    Rows that the query does not order come in an order that depends on `seed`: without `order by`
    the service's order is random and not repeatable (Microsoft's "Working with large data sets").

    Raises:
        InvalidQuery: it does not parse, names what is not there or exceeds a limit of the service.
    """
    if _STATEMENTS.match(query):
        raise _refused("A query starts with a table; let, set, declare and control commands are not supported.")
    try:
        tree = lower(query)
        _check_limits(tree)
        spellings = {*TABLES, *_TABLE_NAMES.findall(query)}  # table names are compared without case
        schema = {spelling: list(COLUMNS) for spelling in spellings}
        _check_source(tree, spellings)
        moment = datetime.fromtimestamp(now, UTC)
        sql = duckdb_kql.to_sql(query, schema=schema, query_now=moment, allow_write=False)
        cursor = tables.connection.execute(str(sql), sql.parameters or None)
    except KqlSyntaxError as error:
        raise InvalidQuery(*_syntax_details(error)) from error
    except (KqlError, duckdb.Error) as error:
        raise _refused(str(error).partition("\n")[0]) from error
    described = cursor.description or []
    rows = cursor.fetchall()
    if not _ordered(tree):
        random.Random(seed).shuffle(rows)  # noqa: S311  an order, not a secret
    limited = any(isinstance(operator, _LIMITING) for operator in tree.operators)
    return Result(
        tuple(column[0] for column in described), tuple(str(column[1]) for column in described), rows, limited
    )


def _json(value: Any, kind: str) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if kind == "JSON":
        return json.loads(value)
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"
    return value if isinstance(value, str | list | dict) else str(value)


def _ordered(tree: ir.Query) -> bool:
    ordered = False
    for operator in tree.operators:
        if isinstance(operator, _ORDERING):
            ordered = True
        elif isinstance(operator, _UNORDERING):
            ordered = False
    return ordered


def _nodes(value: Any) -> Iterator[Any]:
    if isinstance(value, list | tuple):
        for item in value:
            yield from _nodes(item)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield value
        for field in dataclasses.fields(value):
            yield from _nodes(getattr(value, field.name))


def _check_limits(tree: ir.Query) -> None:
    nodes = list(_nodes(tree))
    if sum(isinstance(node, ir.Join | ir.Lookup) for node in nodes) > MAX_JOINS:
        raise _refused(f"A query may join at most {MAX_JOINS} times.")
    expansions = [node for node in nodes if isinstance(node, ir.MvExpand)]
    if len(expansions) > MAX_MV_EXPAND:
        raise _refused(f"A query may use mv-expand at most {MAX_MV_EXPAND} times.")
    if any((node.limit or 0) > MAX_MV_EXPAND_ROWS for node in expansions):
        raise _refused(f"mv-expand takes a limit of at most {MAX_MV_EXPAND_ROWS}.")
    if any(isinstance(node, ir.Union) and len(node.branches) + 1 > MAX_UNION_LEGS for node in nodes):
        raise _refused(f"A union may have at most {MAX_UNION_LEGS} legs.")


def _check_source(tree: ir.Query, known: set[str]) -> None:
    for node in _nodes(tree):
        if isinstance(node, ir.Source) and not (isinstance(node, ir.TableRef) and node.qualified in known):
            raise _refused(f"'{getattr(node, 'qualified', 'this source')}' is not a table that can be queried.")


def _refused(message: str) -> InvalidQuery:
    return InvalidQuery(_INVALID, {"code": "Default", "message": message})


_INVALID: Final = {
    "code": "InvalidQuery",
    "message": (
        "Query is invalid. Please refer to the documentation for the Azure Resource Graph service"
        " and fix the error before retrying."
    ),
}


def _syntax_details(error: KqlSyntaxError) -> list[dict[str, Any]]:
    """The shape seen in Azure/aztfexport#485."""
    return [
        _INVALID,
        *(
            {
                "code": "ParserFailure",
                "message": "ParserFailure",
                "line": diagnostic.span.line,
                "characterPositionInLine": diagnostic.span.column,
                "token": diagnostic.message,
            }
            for diagnostic in error.diagnostics
        ),
    ]
