"""What the text parsers share: decoding, numbers, and errors that name file, line and column."""

from __future__ import annotations

import math
import re

from simtier.errors import TraceError

_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_WHOLE = re.compile(r"-?[0-9]{1,18}")  # 18 digits always fit 64 bits


def wrong(label: str, line: int, column: int, what: str) -> TraceError:
    """Return the error for a place in a file; lines and columns (fields, not characters) count from 1."""
    return TraceError(f"{label}, line {line}, column {column}: {what}")


def decode(label: str, data: bytes) -> str:
    """Return the text of a file, without a byte order mark; raises TraceError when it is empty or not UTF-8."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise TraceError(f"{label}, line {line}: not UTF-8 text (byte {data[error.start]:#04x})") from error
    if not text.strip():
        raise TraceError(f"{label}: the file is empty")
    return text


def number(label: str, line: int, column: int, field: str) -> float:
    """Return a finite number of at least zero, or raise TraceError."""
    value = float(field) if _NUMBER.fullmatch(field) else math.nan
    if not math.isfinite(value):
        raise wrong(label, line, column, f"{field!r} is not a finite number")
    if value < 0:
        raise wrong(label, line, column, f"{field!r} is negative")
    return value


def whole(label: str, line: int, column: int, field: str) -> int:
    """Return a whole number of at least zero, or raise TraceError."""
    if not _WHOLE.fullmatch(field):
        raise wrong(label, line, column, f"{field!r} is not a whole number of at most 18 digits")
    value = int(field)
    if value < 0:
        raise wrong(label, line, column, f"{field!r} is negative")
    return value
