"""What went wrong in a policy, short enough to be read by whatever wrote the policy."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from pathlib import Path

_FRAMES = 5
_LONGEST = 500
_MODULE = re.compile(r"simtier_file_[0-9a-f]{12}_(\w+):")
"""How a policy's file is called as a module."""


def blamed(error: BaseException, file: str | None) -> tuple[str, list[str]]:
    """Return the error in one line, and the last frames in the policy's file, innermost last.

    Args:
        error: what was raised; of the chain of its causes the first that went through the file is told, else all of it.
        file: the policy's file, if it is known.
    """
    chain = list(_causes(error))
    inside = [each for each in chain if _frames(each, file)]
    root = inside[-1] if inside else error
    return _clipped(_line(root)), _frames(root, file)[-_FRAMES:]


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the error, what caused it, what caused that, and so on."""
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        yield found
        found = found.__cause__ or (None if found.__suppress_context__ else found.__context__)


def _frames(error: BaseException, file: str | None) -> list[str]:
    if isinstance(error, SyntaxError) and error.filename is not None:
        return [f"{Path(error.filename).name}:{error.lineno}: {(error.text or '').strip()}"]
    return [
        f"{Path(frame.filename).name}:{frame.lineno} in {frame.name}: {frame.line}"
        for frame in traceback.extract_tb(error.__traceback__)
        if file is not None and Path(frame.filename) == Path(file)
    ]


def _line(error: BaseException) -> str:
    told = _MODULE.sub(r"\1.py:", " ".join(str(error).split()))
    return f"{type(error).__name__}: {told}" if told else type(error).__name__


def _clipped(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
