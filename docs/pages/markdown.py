"""Small helpers that write Markdown."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Sequence

NOTE = "<!-- Written by docs/generate.py from the source: change the source, then run `python docs/generate.py`. -->"
_ITEM = re.compile(r"^ {4}(\w+): (.*)$")


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; a `|` inside a cell is escaped."""
    lines = [headings, ["---"] * len(headings), *([cell(each) for each in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cell(text: str) -> str:
    """Return `text` as one cell."""
    return " ".join(text.split()).replace("|", "\\|")


def code(text: object) -> str:
    """Return `text` in code type, or a dash for nothing."""
    return f"`{text}`" if text not in (None, "") else "-"


def anchor(heading: str) -> str:
    """Return the anchor that a heading gets: lower case, punctuation dropped, spaces as hyphens."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def docstring(text: str | None) -> str:
    """Return a docstring as paragraphs; the lists under `Args:`, `Attributes:` and `Raises:` become bullets."""
    lines = []
    for line in inspect.cleandoc(text or "").splitlines():
        item = _ITEM.match(line)
        if line in ("Args:", "Attributes:", "Raises:"):
            lines += [line, ""]
        elif item:
            lines.append(f"- `{item[1]}`: {item[2]}")
        else:
            lines.append(line.strip() if line.startswith(" " * 8) else line)
    return "\n".join(lines)


def document(*parts: str) -> str:
    """Return a page of `parts`, the generator's note on top."""
    return "\n\n".join([NOTE, *(part.strip() for part in parts if part.strip())]) + "\n"
