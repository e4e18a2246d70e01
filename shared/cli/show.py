"""What a terminal shows: plain lines and tables, and nothing in them that it would take as an order."""

import re
from collections.abc import Iterable, Sequence


def harmless(text: object) -> str:
    """One line, without control characters: tags, settings and reasons are anybody's words."""
    from shared.fleet.policy_text import visible

    return visible(re.sub(r"[\r\n\t]+", " ", str(text)))


def line(text: str) -> None:
    """Print one line."""
    print(harmless(text))


def table(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; none where there is no row."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(*titles, box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        shown.add_row(*(Text(harmless(cell)) for cell in row))
    if shown.row_count:
        # On a terminal lines are folded at its width; in a file or a pipe nothing is cut off.
        console = Console(highlight=False)
        console.print(shown, width=None if console.is_terminal else 1000, crop=False)
