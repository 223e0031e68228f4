"""What a column of text is read as: whole numbers, numbers, time stamps, labels. Blank is not zero.

Each kind turns an Arrow array of strings into its values and says which fields it cannot take, and why, in the words that
messages and counts of drops use.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

NS = 1_000_000_000
_WHOLE = r"^-?[0-9]{1,18}$"  # 18 digits always fit 64 bits
_NUMBER = r"^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?$"
_SHORTEST_STAMP = len("2024-05-10 00:00:00")
_ZONE = r"(Z|[-+][0-9]{2}:?[0-9]{2})$"
_STAMP = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[ T]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?(Z|[-+][0-9]{2}:?[0-9]{2})?"
)

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
        endless = pc.invert(pc.fill_null(pc.is_finite(numbers), fill_value=True))
        if pc.any(endless).as_py():
            faults.append(("not a finite number", endless))
        faults += _checked(numbers, least=self.least)
        return _scaled(numbers, self.scale), faults


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


NUMBERS = (Whole, Number, Count)
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


def _whole_ns(text: Any, ns: int) -> Any:
    """Return whole numbers times `ns`, to the last digit; null for all that is none, or none that fits 64 bits."""
    try:
        numbers = pc.if_else(pc.match_substring_regex(text, r"^-?[0-9]{1,19}$"), text, pa.scalar(None, pa.string()))
        return pc.multiply_checked(numbers.cast(pa.int64()), ns)
    except pa.ArrowInvalid:
        return pa.nulls(len(text), pa.int64())


@dataclass(frozen=True)
class Seconds:
    """A number of `ns` nanoseconds each, as whole nanoseconds; exact for whole numbers, and to 15 digits for others."""

    ns: int = NS

    def values(self, text: Any) -> tuple[Any, list[Fault]]:
        """See `Kind.values`."""
        whole = _whole_ns(text, self.ns)
        if whole.null_count == 0:
            return whole, []
        broken, faults = self._broken(text)
        return pc.coalesce(whole, broken), faults

    def _broken(self, text: Any) -> tuple[Any, list[Fault]]:
        """Return numbers with a point or an exponent, and the faults."""
        numbers, faults = Number(least=None).values(text)
        finite = np.nan_to_num(numbers.to_numpy(zero_copy_only=False), nan=0.0, posinf=0.0, neginf=0.0)
        whole = np.floor(finite)
        rest = finite - whole
        far = np.abs(whole) >= 9e18 / self.ns
        if far.any():
            faults.append(("beyond 292 years", pa.array(far)))
            whole = np.where(far, 0.0, whole)
        return pa.array(whole.astype(np.int64) * self.ns + np.rint(rest * self.ns).astype(np.int64)), faults


@dataclass(frozen=True)
class Stamp:
    """`YYYY-MM-DD HH:MM:SS` with at most 9 digits of fraction and an optional offset from UTC, as nanoseconds since 1970.

    All of a file have an offset, or none has: mixed, nothing says what the bare ones mean.
    """

    def values(self, text: Any) -> tuple[Any, list[Fault]]:
        """See `Kind.values`."""
        zoned = len(text) > 0 and re.search(_ZONE, str(text[0].as_py())) is not None
        try:
            if (pc.min(pc.utf8_length(text)).as_py() or 0) < _SHORTEST_STAMP:
                raise pa.ArrowInvalid("Arrow reads 2024-05-10 as a time")  # noqa: TRY301 - takes the careful way below
            kind = pa.timestamp("ns", "UTC") if zoned else pa.timestamp("ns")
            return text.cast(kind).cast(pa.int64()), []
        except pa.ArrowInvalid:
            return _slowly(text, zoned=zoned)


def _slowly(text: Any, *, zoned: bool) -> tuple[Any, list[Fault]]:
    """Read stamps one by one, to know which of them are none."""
    values, bad, mixed = [], [], []
    for field in text.to_pylist():
        try:
            values.append(nanoseconds(field))
            bad.append(False)
        except ValueError:
            values.append(0)
            bad.append(True)
        mixed.append(not bad[-1] and (re.search(_ZONE, field) is not None) != zoned)
    faults: list[Fault] = []
    if any(bad):
        faults.append((f"not a time stamp ({STAMP_FORM})", pa.array(bad)))
    if any(mixed):
        faults.append(("stamps with and without a UTC offset in one file", pa.array(mixed)))
    return pa.array(values, pa.int64()), faults


STAMP_FORM = "YYYY-MM-DD HH:MM:SS with at most 9 digits of fraction and an optional UTC offset"


def nanoseconds(stamp: str) -> int:
    """Return a stamp as nanoseconds since 1970 in UTC (without an offset: as written); raises ValueError for anything else."""
    match = _STAMP.fullmatch(stamp)
    if not match:
        raise ValueError(f"expected {STAMP_FORM}")
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError("hour, minute or second is out of range")
    days = date(year, month, day).toordinal() - date(1970, 1, 1).toordinal()
    if not -106_000 < days < 106_000:
        raise ValueError("the year is beyond what 64 bits of nanoseconds hold")
    seconds = days * 86400 + hour * 3600 + minute * 60 + second - _offset_s(match[8])
    return seconds * NS + int((match[7] or "").ljust(9, "0"))


def _offset_s(zone: str | None) -> int:
    if zone is None or zone == "Z":
        return 0
    size = int(zone[1:3]) * 3600 + int(zone[-2:]) * 60
    return -size if zone[0] == "-" else size


def told(value: object, reason: str) -> str:
    """Return what is wrong with a value as a message says it: "'x' is not a finite number", "-1: negative number"."""
    return f"{value!r} is {reason}" if reason.startswith(("not", "beyond")) else f"{value!r}: {reason}"


def bad_rows(faults: list[Fault], rows: int) -> Iterator[tuple[str, Any]]:
    """Yield (reason, mask as a NumPy array) so that each bad row is counted for its first reason only."""
    seen = np.zeros(rows, dtype=bool)
    for reason, mask in faults:
        marked = pc.fill_null(mask, fill_value=False).to_numpy(zero_copy_only=False) & ~seen
        if marked.any():
            seen |= marked
            yield reason, marked
