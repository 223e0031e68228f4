"""Reads measured times of iterations to fit to: a profile's directory, or a JSON file.

The JSON file has milliseconds by what an iteration computed:

    {"prefill": {"512": 35.6}, "decode": {"B32_L1024": 19.7}, "mixed": {"B16_L1024+prefill256": 30.1}}

B is the number of decodes, L the context of each; other keys are not read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from simtier.errors import CatalogueError
from simtier.models.llm.fitting import Point
from simtier.models.llm.profile_files import ProfileFiles
from simtier.models.llm.profiled import Profiled

_MS = 1e-3
_FORMS = {
    "prefill": (re.compile(r"(?P<new>[1-9]\d*)"), "a number of tokens, such as 512"),
    "decode": (re.compile(r"B(?P<batch>[1-9]\d*)_L(?P<context>[1-9]\d*)"), "decodes and context, such as B32_L1024"),
    "mixed": (
        re.compile(r"B(?P<batch>[1-9]\d*)_L(?P<context>[1-9]\d*)\+prefill(?P<new>[1-9]\d*)"),
        "decodes, context and tokens, such as B16_L1024+prefill256",
    ),
}
_MIXED = 100
"""Iterations with prompts and decodes that are taken from a profile at most: it has thousands, and about a hundred of each other sort, and
each sort should weigh alike."""


def read_times(path: Path) -> tuple[Point, ...]:
    """Return the iterations of a JSON file; raises CatalogueError that names file, key and value of what is wrong."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CatalogueError(f"{path}: no such file") from error
    except (OSError, ValueError, RecursionError) as error:
        raise CatalogueError(f"{path} is not JSON: {error}") from error
    if not isinstance(content, dict) or not any(form in content for form in _FORMS):
        raise CatalogueError(f"{path}: expected an object with prefill, decode or mixed")
    return tuple(point for form in _FORMS for point in _points(path, form, content.get(form, {})))


def _points(path: Path, form: str, times: object) -> Iterator[Point]:
    pattern, wanted = _FORMS[form]
    if not isinstance(times, Mapping):
        raise CatalogueError(f"{path}: {form} must be an object, got {times!r}")
    for key, value in times.items():
        match = pattern.fullmatch(key)
        if match is None:
            raise CatalogueError(f"{path}: {form}: {key!r} is not {wanted}")
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < float("inf"):
            raise CatalogueError(f"{path}: {form}: {key}: must be a positive number of milliseconds, got {value!r}")
        told = {name: int(number) for name, number in match.groupdict().items()}
        chunks = ((told["new"], 0),) if "new" in told else ()
        batch = told.get("batch", 0)
        yield Point(chunks, batch, float(batch * told.get("context", 0)), value * _MS)


def profile_times(files: ProfileFiles, layers: int, most: float = float("inf")) -> tuple[Point, ...]:
    """Return the iterations that a profile tells: all with prompts alone or decodes alone, and up to 100 with both, evenly taken.

    Left out are those with more tokens or sequences than its tables have, or fewer, and those whose sequences have more than `most` tokens, which
    do not fit in the memory: profiles of one layer measure them too.
    """
    profile = files.profile(layers)
    cost = Profiled(profile)
    pure: list[Point] = []
    mixed: list[Point] = []
    for new, before, decodes, context in sorted(files.attention):
        tokens, sequences = new + decodes, (1 if new else 0) + decodes
        tables = ((tokens, profile.tokens), (sequences, profile.sequences))
        held = new + before + decodes * context
        if (decodes and not context) or held > most or not all(axis[0] <= at <= axis[-1] for at, axis in tables):
            continue
        chunks = ((new, before),) if new else ()
        seconds = cost.seconds(chunks, decodes, float(decodes * context))
        (mixed if new and decodes else pure).append(Point(chunks, decodes, float(decodes * context), seconds))
    step = -(-len(mixed) // _MIXED) or 1
    return (*pure, *mixed[::step])
