"""How wide a number is in each precision, and which precision may stand in for another."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from simtier.errors import CatalogueError, did_you_mean

BYTES_PER_ELEMENT: Mapping[str, float] = MappingProxyType(
    {
        "fp64": 8.0,
        "fp32": 4.0,
        "tf32": 4.0,  # rounded inside the tensor core only, stored as fp32
        "fp16": 2.0,
        "bf16": 2.0,
        "fp8": 1.0,
        "int8": 1.0,
        "int4": 0.5,
    }
)


def bytes_per_element(precision: str) -> float:
    """Return the bytes one stored number takes; raises CatalogueError for an unknown precision."""
    try:
        return BYTES_PER_ELEMENT[precision]
    except KeyError:
        raise CatalogueError(f"unknown precision {precision!r}{did_you_mean(precision, BYTES_PER_ELEMENT)}") from None


def peak_for(precision: str, peaks: Mapping[str, float], device: str) -> float:
    """Return the peak FLOP/s with which `device` computes numbers stored in `precision`.

    A precision that the device lacks is computed in the fastest one it has at or above the same width: int8 runs on fp16
    units, for instance. Integer units never stand in for floating point. Raises CatalogueError when none is wide enough.
    """
    width = bytes_per_element(precision)
    if precision in peaks:
        return peaks[precision]
    able = [
        peak
        for name, peak in peaks.items()
        if bytes_per_element(name) >= width and (precision.startswith("int") or not name.startswith("int"))
    ]
    if not able:
        raise CatalogueError(f"{device} cannot compute in {precision!r}: it knows {', '.join(sorted(peaks))}")
    return max(able)
