"""What a terminal shows: plain lines and tables, and nothing in them that it would take as an order."""

import os
import re
from collections.abc import Iterable, Sequence

# Wider than any line that is meant to be read by a program; rich cuts what is wider than its console.
_ENDLESS = 100_000


def harmless(text: object) -> str:
    """One line, without control characters: tags, settings and reasons are anybody's words."""
    from shared.fleet.policy_text import visible

    return visible(re.sub(r"[\r\n\t]+", " ", str(text)))


def line(text: str) -> None:
    """Print one line."""
    print(harmless(text))


def table(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table after an empty line; none where there is no row."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in titles:
        shown.add_column(title, overflow="fold")
    for row in rows:
        shown.add_row(*(Text(harmless(cell)) for cell in row))
    if shown.row_count:
        # Lines are folded at the terminal's width, or at COLUMNS; else in a file or a pipe nothing is cut or folded.
        console = Console(highlight=False)
        if not console.is_terminal and not os.environ.get("COLUMNS"):
            console = Console(highlight=False, width=_ENDLESS)
        with console.capture() as drawn:
            console.print(shown, crop=False)
        print("\n".join(["", *(each.rstrip() for each in drawn.get().splitlines() if each.strip())]))
