"""Results as a table on the terminal and as JSON."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

type Cell = str | int | float | None


@dataclass(frozen=True, slots=True)
class Table:
    """One benchmark's results.

    Attributes:
        name: its name in bench.json and for `--only`.
        title: one line for people.
        columns: heads; the first column names the rows.
        remarks: how to read it.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    remarks: tuple[str, ...] = field(default=())

    def plain(self) -> dict[str, object]:
        """As JSON: each row an object by the columns' heads."""
        return {
            "title": self.title,
            "rows": [dict(zip(self.columns, row, strict=True)) for row in self.rows],
            "remarks": list(self.remarks),
        }


def shown(cell: Cell) -> str:
    """A cell as text: three significant digits for what is small, thousands apart for what is large."""
    if cell is None:
        return "-"
    if isinstance(cell, str):
        return cell
    if isinstance(cell, int) or abs(cell) >= 100:
        return f"{cell:,.0f}"
    return f"{cell:.3g}"


def rendered(tables: Iterable[Table]) -> str:
    """Tables for a terminal, columns aligned."""
    return "\n\n".join(_one(table) for table in tables)


def _one(table: Table) -> str:
    cells = [table.columns, *(tuple(map(shown, row)) for row in table.rows)]
    widths = [max(len(row[index]) for row in cells) for index in range(len(table.columns))]
    lines = [f"{table.title} ({table.name})", _line(cells[0], widths), "  ".join("-" * width for width in widths)]
    lines += [_line(row, widths) for row in cells[1:]]
    lines += [f"  {remark}" for remark in table.remarks]
    return "\n".join(lines)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = row
    aligned = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))]
    return "  ".join(aligned).rstrip()


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    rank = max(1, -(-len(ordered) * round(share * 1000) // 1000))
    return ordered[rank - 1]
