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


@dataclass(frozen=True)
class Seconds:
    """A number of `ns` nanoseconds each, as whole nanoseconds; exact if it has no exponent and no digit below one, else to 15 digits."""

    ns: int = NS

    def values(self, text: Any) -> tuple[Any, list[Fault]]:
        """See `Kind.values`."""
        digits = len(str(self.ns)) - len(str(self.ns).rstrip("0"))
        try:
            return _far_marked(*_exactly(text, digits, self.ns // 10**digits), [])
        except pa.ArrowInvalid:
            plain = pc.match_substring_regex(text, rf"^[-+]?[0-9]{{1,19}}(\.[0-9]{{0,{digits}}})?$")
        exact, far = _exactly(pc.if_else(plain, text, "0"), digits, self.ns // 10**digits)
        others, more, faults = self._nearly(pc.if_else(plain, "0", text))
        return _far_marked(pc.if_else(plain, exact, others), far | more, faults)

    def _nearly(self, text: Any) -> tuple[Any, Any, list[Fault]]:
        """Return numbers of any form, a mask of those too large, and the faults."""
        numbers, faults = Number(least=None).values(text)
        finite = np.nan_to_num(numbers.to_numpy(zero_copy_only=False), nan=0.0, posinf=0.0, neginf=0.0)
        far = np.abs(finite) >= 9e18 / self.ns
        near = np.where(far, 0.0, finite)
        whole = np.floor(near)
        rest = np.rint((near - whole) * self.ns)
        return pa.array(whole.astype(np.int64) * self.ns + rest.astype(np.int64)), far, faults


def _exactly(text: Any, digits: int, times: int) -> tuple[Any, Any]:
    """Return decimal numbers times 10^`digits` times `times`, and a mask of those that do not fit 64 bits.

    Raises ArrowInvalid if one is no number, or has more digits after the point than `digits`.
    """
    numbers = text.cast(pa.decimal128(38, digits))
    halves = np.frombuffer(numbers.buffers()[1], np.int64).reshape(-1, 2)[numbers.offset :][: len(numbers)]
    low, high = halves[:, 0], halves[:, 1]  # a decimal is a whole number of 128 bits
    most = (2**63 - 1) // times
    far = (high != low >> 63) | (low > most) | (low < -most)
    return pa.array(np.where(far, 0, low) * times), far


def _far_marked(values: Any, far: Any, faults: list[Fault]) -> tuple[Any, list[Fault]]:
    return values, [*faults, ("beyond 292 years", pa.array(far))] if far.any() else faults


@dataclass(frozen=True)
class Stamp:
    """`YYYY-MM-DD HH:MM:SS` with at most 9 digits of fraction and an optional offset from UTC, as nanoseconds since 1970.

    All of a file have an offset, or none has: mixed, nothing says what the bare ones mean.

    Attributes:
        zoned: whether they have; None: the first says it.
    """

    zoned: bool | None = None

    def values(self, text: Any) -> tuple[Any, list[Fault]]:
        """See `Kind.values`."""
        zoned = bool(self.settled(text).zoned)
        try:
            if (pc.min(pc.utf8_length(text)).as_py() or 0) < _SHORTEST_STAMP:
                raise pa.ArrowInvalid("Arrow reads 2024-05-10 as a time")  # noqa: TRY301 - takes the careful way below
            kind = pa.timestamp("ns", "UTC") if zoned else pa.timestamp("ns")
            return text.cast(kind).cast(pa.int64()), []
        except pa.ArrowInvalid:
            return _slowly(text, zoned=zoned)

    def settled(self, text: Any) -> Stamp:
        """Return what the stamps after the first of `text` are read as."""
        if self.zoned is not None:
            return self
        first = next((match for field in text if (match := _STAMP.fullmatch(field.as_py()))), None)
        return self if first is None else Stamp(zoned=first[8] is not None)


def settled(kind: Kind, text: Any) -> Kind:
    """Return what a column is read as from these fields on, the first of which may say something of all."""
    return kind.settled(text) if isinstance(kind, Stamp) else kind


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
    seconds = days * 86400 + hour * 3600 + minute * 60 + second - _offset_s(match[8])
    instant = seconds * NS + int((match[7] or "").ljust(9, "0"))
    if abs(instant) >= 2**63:
        raise ValueError("the year is beyond what 64 bits of nanoseconds hold")
    return instant


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
