"""Reads the directories in which vLLM profiles are kept, as LLMServingSim 2.0 writes them (github casys-kaist/LLMServingSim, profiler).

| file | columns |
|---|---|
| `dense.csv` | `layer` (the kernel's name), `tokens`, `time_us` |
| `attention.csv` | `prefill_chunk`, `kv_prefill`, `n_decode`, `kv_decode` (mean context), `time_us` |
| `per_sequence.csv` | `layer`, `sequences`, `time_us` |
| `meta.yaml` | `model`, `gpu`, `tp_degrees`; all may be missing |

Times are microseconds of one call; a layer calls each kernel once, `layernorm` twice: before attention and before the feed-forward block
(the format's `sequence` of a llama layer lists it in both places, and the profiler divides its time by two calls). `embedding` and
`final_layernorm` run once an iteration. The correction for unequal contexts (`skew_fit.csv`) is not used.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from simtier.errors import CatalogueError
from simtier.models.llm.profiled import Profile, profile

TWICE = ("layernorm",)
"""Kernels that run twice a layer."""

_US = 1e-6
_AXES = ("prefill_chunk", "kv_prefill", "n_decode", "kv_decode")
_TOP = 10**9

Point = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class ProfileFiles:
    """A profile that was read.

    Attributes:
        dense, per_sequence: seconds of one call, by kernel and tokens or sequences.
        attention: seconds of one call, by new tokens of prompts, tokens before them, decodes and their mean context.
        model, gpu: as the profile names them; empty if it does not.
        tensor: devices that shared each layer.
    """

    dense: Mapping[str, Mapping[int, float]]
    attention: Mapping[Point, float]
    per_sequence: Mapping[str, Mapping[int, float]]
    model: str = ""
    gpu: str = ""
    tensor: int = 1

    def profile(self, layers: int) -> Profile:
        """Return the times of iterations of a model with so many layers; raises CatalogueError if a part of attention was not measured."""
        dense = {
            name: {at: seconds * (2 if name in TWICE else 1) for at, seconds in points.items()}
            for name, points in self.dense.items()
        }
        found = profile(dense, self.attention, self.per_sequence, layers)
        holes = np.argwhere(np.isnan(found.attention))
        if len(holes):
            at = ", ".join(
                f"{name} {axis[place]:g}" for name, axis, place in zip(_AXES, found.axes, holes[0], strict=True)
            )
            raise CatalogueError(
                f"attention.csv: nothing was measured at {at}, nor beside it, and {len(holes) - 1} more such points"
            )
        return found


def read_profile(folder: Path) -> ProfileFiles:
    """Return the profile in `folder`; raises CatalogueError that names file, line and value of what is missing or wrong."""
    if not folder.is_dir():
        raise CatalogueError(
            f"{folder}: no such directory; a profile is one with dense.csv, attention.csv and per_sequence.csv"
        )
    meta = _meta(folder / "meta.yaml")
    return ProfileFiles(
        _by_kernel(folder / "dense.csv", "tokens"),
        _attention(folder / "attention.csv"),
        _by_kernel(folder / "per_sequence.csv", "sequences"),
        str(meta.get("model") or ""),
        str(meta.get("gpu") or ""),
        _tensor(folder / "meta.yaml", meta.get("tp_degrees")),
    )


def _by_kernel(path: Path, axis: str) -> dict[str, dict[int, float]]:
    """Return times by kernel and point; all kernels need two points or more in common, a line to go on beyond the last."""
    found: dict[str, dict[int, float]] = {}
    for place, row in _rows(path, ("layer", axis, "time_us")):
        points = found.setdefault(row["layer"], {})
        at = _whole(place, axis, row[axis], 1)
        if at in points:
            raise CatalogueError(f"{place}: {row['layer']!r} at {at} {axis} stands there twice")
        points[at] = _seconds(place, row["time_us"])
    common = set.intersection(*map(set, found.values()))
    if len(common) < 2:
        raise CatalogueError(
            f"{path}: its kernels have {len(common)} points of {axis} in common, and interpolating takes 2 or more"
        )
    return found


def _attention(path: Path) -> dict[Point, float]:
    found: dict[Point, float] = {}
    for place, row in _rows(path, (*_AXES, "time_us")):
        new, before, decodes, context = (_whole(place, axis, row[axis], 0) for axis in _AXES)
        point = (new, before, decodes, context)
        if point in found:
            raise CatalogueError(f"{place}: {', '.join(_AXES)} = {', '.join(map(str, point))} stands there twice")
        found[point] = _seconds(place, row["time_us"])
    for number, axis in enumerate(_AXES):
        if not any(point[number] for point in found):
            raise CatalogueError(f"{path}: {axis} is 0 in all rows; a profile measures prompts and decodes")
    return found


def _rows(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the rows of a file, each with its place; raises CatalogueError if there are none or a column is missing."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            missing = [column for column in columns if column not in (reader.fieldnames or ())]
            if missing:
                there = ", ".join(reader.fieldnames or ()) or "nothing"
                raise CatalogueError(f"{path}: no column {', '.join(map(repr, missing))}; its first line has {there}")
            empty = True
            for row in reader:
                empty = False
                place = f"{path}:{reader.line_num}"
                short = next((column for column in columns if row[column] is None), None)
                if short is not None:
                    raise CatalogueError(f"{place}: the line ends before {short!r}")
                yield place, row
            if empty:
                raise CatalogueError(f"{path}: no rows below the first line")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else error
        raise CatalogueError(
            f"{path}: {reason}; a profile has dense.csv, attention.csv and per_sequence.csv"
        ) from error


def _whole(place: str, column: str, text: str, least: int) -> int:
    if not (text.isascii() and text.isdigit()) or not least <= int(text) <= _TOP:
        raise CatalogueError(f"{place}: {column} must be a whole number, {least} or more, got {text!r}")
    return int(text)


def _seconds(place: str, text: str) -> float:
    try:
        found = float(text) * _US
    except ValueError:
        found = -1.0
    if not 0 <= found < float("inf"):
        raise CatalogueError(f"{place}: time_us must be a number of microseconds, 0 or more, got {text!r}")
    return found


def _meta(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        found = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise CatalogueError(f"{path} is not YAML: {error}") from error
    if not isinstance(found, dict):
        raise CatalogueError(f"{path}: expected keys and values, such as `model: meta-llama/Llama-3.1-8B`")
    return found


def _tensor(path: Path, written: object) -> int:
    degrees = [1] if written is None else written
    if not (isinstance(degrees, list) and len(degrees) == 1 and isinstance(degrees[0], int) and degrees[0] >= 1):
        raise CatalogueError(f"{path}: tp_degrees must be a list of one whole number, such as [1], got {written!r}")
    return degrees[0]
