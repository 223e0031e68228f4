"""The bytes of a comma-separated file as Arrow takes them apart, and what it found as text."""

from __future__ import annotations

import codecs
import re
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from simtier.traces.columns import Fault

SUBSTITUTE = "\x1a"
"""What ASCII has for a character that is none."""
_NO_TEXT = re.compile("[\udc80-\udcff]")


class Watched:
    """A stream as Arrow reads it, watched for quotes: without any, no field holds a line end.

    With `mended`, bytes that are no text become SUBSTITUTE: Arrow can drop no row in which they are, and prints that it cannot.
    """

    closed = False

    def __init__(self, stream: BinaryIO, *, mended: bool) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape") if mended else None
        self.quotes = False

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes; none only at the end."""
        data = self._stream.read(size) if self._decoder is None else self._mended(self._decoder, size)
        self.quotes = self.quotes or b'"' in data
        return data

    def _mended(self, decoder: codecs.IncrementalDecoder, size: int) -> bytes:
        while True:
            data = self._stream.read(
                max(size - len(decoder.getstate()[0]), 1)
            )  # it holds back what may be half a character
            text = decoder.decode(data, final=not data)
            if text or not data:
                break
        try:
            return text.encode()
        except UnicodeEncodeError:
            return _NO_TEXT.sub(SUBSTITUTE, text).encode()


def decoded(column: Any, *, mended: bool) -> tuple[Any, list[Fault]]:
    """Return an array of bytes as text, and the fault of what is none, or was none before it was mended."""
    try:
        text = column.cast(pa.string())
    except pa.ArrowInvalid:
        bad = pa.array([not _is_text(field) for field in column.to_pylist()])
        return pc.if_else(bad, b"", column).cast(pa.string()), [("not UTF-8 text", bad)]
    bad = pc.match_substring(text, SUBSTITUTE) if mended else None
    return text, [("not UTF-8 text", bad)] if mended and pc.any(bad).as_py() else []


def _is_text(field: bytes) -> bool:
    try:
        field.decode()
    except UnicodeDecodeError:
        return False
    return True
