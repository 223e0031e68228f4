"""What a reader did to a file, counted: nothing is dropped, moved or assumed without a word."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal, NoReturn

from simtier.errors import TraceError

OnError = Literal["fail", "drop"]


@dataclass
class Ledger:
    """The account of one reading of one trace.

    Attributes:
        on_error: "fail" ends the reading at the first bad row, "drop" leaves bad rows out and counts them.
        rows_read: data rows seen so far, without header and blank lines.
        unfolded: rows given out beyond one for each row read, where a row holds the numbers of many functions; may be negative.
            Always: rows_read + unfolded = rows given out + rows dropped.
        dropped: rows left out, by reason.
        notes: what the reader changed or assumed, one sentence each.
        facts: what the file says of itself beyond its rows, by name: `origin`, `period_s`, `metric`, `block_tokens`, ...
        inversions: rows whose time lay before the time in the row above them; they were sorted, stably.
        ended: whether the whole file was read.
        reorder_rows: how many rows are held back to sort those that are out of order.
    """

    on_error: OnError = "fail"
    reorder_rows: int = 100_000
    rows_read: int = 0
    unfolded: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)
    inversions: int = 0
    ended: bool = False

    @property
    def tolerant(self) -> bool:
        """Whether bad rows are dropped and counted."""
        return self.on_error == "drop"

    def drop(self, reason: str, rows: int = 1) -> None:
        """Count `rows` rows left out for `reason`, a few plain words: "text in a number"."""
        if rows:
            self.dropped[reason] += rows

    def note(self, sentence: str) -> None:
        """Remember what was changed or assumed; the same sentence once."""
        if sentence not in self.notes:
            self.notes.append(sentence)


def refuse(label: str, line: int | None, column: str | int | None, what: str) -> NoReturn:
    """Raise the TraceError for a place in a file; lines, and columns given as numbers, count from 1."""
    place = (
        label + (f", line {line}" if line is not None else "") + (f", column {column}" if column is not None else "")
    )
    raise TraceError(f"{place}: {what}")
