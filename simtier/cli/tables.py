"""Tables as the command line prints them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

_WIDTH = 140


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], text: Sequence[str] = ()) -> Table:
    """Return a table; the first column and those named in `text` stand to the left, the others to the right."""
    made = Table(title=title, title_justify="left", title_style="bold")
    for number, column in enumerate(columns):
        made.add_column(
            column, justify="left" if number == 0 or column in text else "right", no_wrap=number == 0, overflow="fold"
        )
    for row in rows:
        made.add_row(*row)
    return made


def console() -> Console:
    """Return the console for results, on stdout, with names printed as they are; wide where no terminal sets the width."""
    made = Console(markup=False, highlight=False)
    if not made.is_terminal:
        made.width = _WIDTH
    return made
