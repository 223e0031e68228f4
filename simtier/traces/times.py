"""What a column of times is read as, seconds or date-times: whole nanoseconds, as a float does not hold a date-time's."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from simtier.errors import TraceError
from simtier.traces.columns import BEYOND, Fault, Kind, Number

NS = 1_000_000_000
STAMP_FORM = "YYYY-MM-DD HH:MM:SS with at most 9 digits of fraction and an optional UTC offset"
OUT_OF_RANGE = "beyond 1677-09-21 to 2262-04-11, which 64 bits of nanoseconds hold"
_SHORTEST_STAMP = len("2024-05-10 00:00:00")
_ZONE = r"(Z|[-+][0-9]{2}:?[0-9]{2})$"
_STAMP = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[ T]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?(Z|[-+][0-9]{2}:?[0-9]{2})?"
)


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
    return values, [*faults, (BEYOND, pa.array(far))] if far.any() else faults


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
    values, bad, far, mixed = [], [], [], []
    for field in text.to_pylist():
        try:
            values.append(nanoseconds(field))
            read = True
        except ValueError as error:
            values.append(0)
            read = False
            far.append(isinstance(error, OutOfRangeError))
        else:
            far.append(False)
        bad.append(not read and not far[-1])
        mixed.append(read and (re.search(_ZONE, field) is not None) != zoned)
    reasons = (
        (f"not a time stamp ({STAMP_FORM})", bad),
        (OUT_OF_RANGE, far),
        ("stamps with and without a UTC offset in one file", mixed),
    )
    return pa.array(values, pa.int64()), [(reason, pa.array(mask)) for reason, mask in reasons if any(mask)]


class OutOfRangeError(ValueError):
    """A time stamp, but of a year that 64 bits of nanoseconds do not hold."""


def nanoseconds(stamp: str) -> int:
    """Return a stamp as nanoseconds since 1970 in UTC (without an offset: as written).

    Raises OutOfRangeError for a year that 64 bits do not hold, and ValueError for what is no stamp.
    """
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
        raise OutOfRangeError(OUT_OF_RANGE)
    return instant


def _offset_s(zone: str | None) -> int:
    if zone is None or zone == "Z":
        return 0
    size = int(zone[1:3]) * 3600 + int(zone[-2:]) * 60
    return -size if zone[0] == "-" else size


def begins(label: str, ends: Any, durations: Any) -> Any:
    """Return when what ended at `ends` (int64 nanoseconds) and took `durations` (seconds, at most 292 years) began.

    Raises TraceError if 64 bits of nanoseconds do not hold one of the times.
    """
    took = np.rint(durations * NS).astype(np.int64)
    began = ends - took
    if (began > ends).any():  # it went below the smallest number, and round
        raise TraceError(
            f"{label}: something began more than 292 years before time zero: are times and durations in seconds?"
        )
    return began
