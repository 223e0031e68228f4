"""What the text parsers share: decoding, numbers, and errors that name file, line and column."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from simtier.errors import TraceError
from simtier.traces.shown import shown

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


class BadJsonError(Exception):
    """Text that is no JSON: why, and where if that is known; line and column count from 1."""

    def __init__(self, why: str, line: int | None = None, column: int | None = None) -> None:
        self.why, self.line, self.column = why, line, column
        super().__init__(why)


def parsed_json(content: str) -> Any:
    """Return what JSON holds; raises BadJsonError also where Python's own reader gives up otherwise."""
    try:
        return json.loads(content)
    except json.JSONDecodeError as error:
        raise BadJsonError(error.msg, error.lineno, error.colno) from error
    except RecursionError as error:
        raise BadJsonError("nested too deeply") from error
    except ValueError as error:
        raise BadJsonError("a number of thousands of digits") from error


def number(label: str, line: int, column: int, field: str) -> float:
    """Return a finite number of at least zero, or raise TraceError."""
    value = float(field) if _NUMBER.fullmatch(field) else math.nan
    if not math.isfinite(value):
        raise wrong(label, line, column, f"{shown(field)} is not a finite number")
    if value < 0:
        raise wrong(label, line, column, f"{shown(field)} is negative")
    return value


def whole(label: str, line: int, column: int, field: str) -> int:
    """Return a whole number of at least zero, or raise TraceError."""
    if not _WHOLE.fullmatch(field):
        raise wrong(label, line, column, f"{shown(field)} is not a whole number of at most 18 digits")
    value = int(field)
    if value < 0:
        raise wrong(label, line, column, f"{shown(field)} is negative")
    return value
