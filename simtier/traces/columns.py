"""What a column of text is read as: whole numbers, numbers, durations, labels (times: see `times`). Blank is not zero.

Each kind turns an Arrow array of strings into its values and says which fields it cannot take, and why, in the words that
messages and counts of drops use.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from simtier.traces.shown import shown

BEYOND = "beyond 292 years"
LONGEST_S = 9_223_372_036.0
"""What 64 bits of nanoseconds hold, in whole seconds: 292 years."""
_WHOLE = r"^-?[0-9]{1,18}$"  # 18 digits always fit 64 bits
_NUMBER = r"^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?$"

Fault = tuple[str, Any]
"""Why fields cannot be taken, and a mask of those."""


class Kind(Protocol):
    """What a column is read as."""

    def values(self, text: Any) -> tuple[Any, list[Fault]]:
        """Return the values of an array of strings, with any value in place of those that a fault marks; and the faults."""


def _blank(text: Any, *, allowed: bool) -> tuple[Any, list[Fault]]:
    """Return the array with blanks as nulls, and the fault if they are not allowed."""
    blank = pc.equal(text, "")
    if not pc.any(blank).as_py():
        return text, []
    kept = pc.if_else(blank, pa.scalar(None, pa.string()), text)
    return kept, [] if allowed else [("blank", blank)]


def _checked(values: Any, *, least: float | None) -> list[Fault]:
    """Return the faults of numbers below `least`."""
    if least is None:
        return []
    low = pc.fill_null(pc.less(values, least), fill_value=False)
    return [("negative number" if least == 0 else f"number below {least:g}", low)] if pc.any(low).as_py() else []


def _matching(text: Any, pattern: str, reason: str) -> tuple[Any, list[Fault]]:
    """Return the array with nulls where it does not match, and that fault."""
    good = pc.fill_null(pc.match_substring_regex(text, pattern), fill_value=True)
    if pc.all(good).as_py():
        return text, []
    return pc.if_else(good, text, pa.scalar(None, pa.string())), [(reason, pc.invert(good))]


@dataclass(frozen=True)
class Whole:
    """A whole number of at most 18 digits; `least`: the smallest that may be; `blank`: whether a blank stands for null."""

    least: int | None = 0
    blank: bool = False

    def values(self, text: Any) -> tuple[Any, list[Fault]]:
        """See `Kind.values`."""
        filled, faults = _blank(text, allowed=self.blank)
        try:
            odd = pc.or_(pc.match_substring(filled, "x", ignore_case=True), pc.greater(pc.binary_length(filled), 18))
            if pc.any(odd).as_py():
                raise pa.ArrowInvalid("Arrow reads 0x1F, and 19 digits")  # noqa: TRY301 - takes the careful way below
            numbers = filled.cast(pa.int64())
        except pa.ArrowInvalid:
            matched, more = _matching(filled, _WHOLE, "not a whole number of at most 18 digits")
            numbers, faults = matched.cast(pa.int64()), faults + more
        return numbers, faults + _checked(numbers, least=self.least)


@dataclass(frozen=True)
class Number:
    """A finite number, times `scale`; `least`: the smallest that may be; `blank`: whether a blank stands for null."""

    scale: float = 1.0
    least: float | None = 0.0
    blank: bool = False

    def values(self, text: Any) -> tuple[Any, list[Fault]]:
        """See `Kind.values`."""
        filled, faults = _blank(text, allowed=self.blank)
        try:
            numbers = filled.cast(pa.float64())
        except pa.ArrowInvalid:
            matched, more = _matching(filled, _NUMBER, "not a finite number")
            numbers, faults = matched.cast(pa.float64()), faults + more
        scaled = _scaled(numbers, self.scale)
        endless = pc.invert(pc.fill_null(pc.is_finite(scaled), fill_value=True))
        if pc.any(endless).as_py():
            faults.append(("not a finite number", endless))
        return scaled, faults + _checked(numbers, least=self.least)


def _scaled(numbers: Any, scale: float) -> Any:
    """Return numbers times `scale`; as a quotient where that is the exact one, so that 18 ms are 0.018 s and not the float next to it."""
    if scale == 1:
        return numbers
    divisor = float(round(1 / scale))
    return pc.divide(numbers, divisor) if divisor and 1 / divisor == scale else pc.multiply(numbers, scale)


@dataclass(frozen=True)
class Count:
    """A number of things, perhaps written with a point ("2595.0"), as a float; `blank`: whether a blank stands for null."""

    blank: bool = False

    def values(self, text: Any) -> tuple[Any, list[Fault]]:
        """See `Kind.values`."""
        numbers, faults = Number(blank=self.blank).values(text)
        parted = pc.fill_null(pc.not_equal(numbers, pc.round(numbers)), fill_value=False)
        return numbers, [*faults, ("not a whole number", parted)] if pc.any(parted).as_py() else faults


@dataclass(frozen=True)
class Duration:
    """A number that, times `scale`, is seconds, of at most 292 years; `blank`: whether a blank stands for null."""

    scale: float = 1.0
    blank: bool = False

    def values(self, text: Any) -> tuple[Any, list[Fault]]:
        """See `Kind.values`."""
        seconds, faults = Number(self.scale, blank=self.blank).values(text)
        far = pc.fill_null(pc.greater(seconds, LONGEST_S), fill_value=False)
        return seconds, [*faults, (BEYOND, far)] if pc.any(far).as_py() else faults


NUMBERS = (Whole, Number, Count, Duration)
"""Kinds that read each field by itself, so that many columns of one kind may be read as one."""


@dataclass(frozen=True)
class Label:
    """Text that repeats; `blank`: whether a blank stands for null."""

    blank: bool = False

    def values(self, text: Any) -> tuple[Any, list[Fault]]:
        """See `Kind.values`."""
        filled, faults = _blank(text, allowed=self.blank)
        return filled.dictionary_encode(), faults


@dataclass(frozen=True)
class Text:
    """Text that hardly repeats; `blank`: whether a blank stands for null."""

    blank: bool = False

    def values(self, text: Any) -> tuple[Any, list[Fault]]:
        """See `Kind.values`."""
        return _blank(text, allowed=self.blank)


def told(value: object, reason: str) -> str:
    """Return what is wrong with a value as a message says it: "'x' is not a finite number", "-1: negative number"."""
    return f"{shown(value)} is {reason}" if reason.startswith(("not", "beyond")) else f"{shown(value)}: {reason}"


def bad_rows(faults: list[Fault], rows: int) -> Iterator[tuple[str, Any]]:
    """Yield (reason, mask as a NumPy array) so that each bad row is counted for its first reason only."""
    seen = np.zeros(rows, dtype=bool)
    for reason, mask in faults:
        marked = pc.fill_null(mask, fill_value=False).to_numpy(zero_copy_only=False) & ~seen
        if marked.any():
            seen |= marked
            yield reason, marked
