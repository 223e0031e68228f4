"""Iterations in nano-batches whose operations run side by side on one accelerator: those bound by arithmetic, by memory and by the network.

A kind of work that would take w alone and has a share R of the accelerator takes w / P(R): P(R) = R for arithmetic, R^0.72 for memory, R^0.5 for
the network, which need few of the cores to come near their full rate. Shares add up to 1. Run together, all kinds end at the same time T:

    c / T + (m / T)^(1 / 0.72) + (n / T)^(1 / 0.5) = 1

with c, m and n what products with matrices and prompts' attention, decodes' attention and element-wise passes, and all-reduces or exchanges take
alone. T is not below what reading the weights and all of m take one after the other. What is not overlapped runs in nano-batches alone, at 0.868 of
its speed; beside other work the gaps that this leaves are filled. Where the whole batch, one operation after the other, is quicker, it is taken.

Source: NanoFlow (Zhu et al., OSDI 2025): section 4 for resource shares and interference, its ablation for 0.868 (nano-batches alone are 13.2 % slower).
The exponents are assumed, near its measured map. Assumptions: any mixture of the three kinds is there to be overlapped at all times (its
automatic search comes near that); fixed times are not overlapped. Applies to large batches on accelerators that run several kernels at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from simtier.models.llm.closed_form import ClosedForm
from simtier.models.llm.efficiency import Devices, Efficiency
from simtier.models.llm.experts import Loads
from simtier.models.llm.shape import LlmShape
from simtier.models.llm.work import Chunk, Floats

ALONE = 0.868
"""Speed of nano-batches one after the other, over that of the whole batch."""
MEMORY, NETWORK = 1 / 0.72, 1 / 0.5
"""Inverse exponents of P."""

_STEPS = 12

Overlap = Literal["nano", "network", "all"]


class Overlapped:
    """Iteration times with overlap; see the module.

    Args:
        shape, devices, at, loads, layers: as for `ClosedForm`.
        overlap: `nano`: nothing, nano-batches alone; `network`: the network beside arithmetic; `all`: memory too.
    """

    def __init__(
        self,
        shape: LlmShape,
        devices: Devices,
        at: Efficiency,
        overlap: Overlap,
        loads: Loads | None = None,
        layers: int | None = None,
    ) -> None:
        self._overlap = overlap
        unlinked, bare = replace(devices, link=None), replace(at, passes=0.0)
        timeless = replace(at, call_s=0.0, layer_s=0.0, iteration_s=0.0, sequence_s=0.0, token_s=0.0)
        self._whole = ClosedForm(shape, devices, at, loads, layers)
        self._unlinked = ClosedForm(shape, unlinked, at, loads, layers)
        self._bare = ClosedForm(shape, unlinked, bare, loads, layers)
        self._quick = ClosedForm(shape, unlinked, replace(timeless, passes=0.0), loads, layers)
        self._read = ClosedForm(shape, replace(unlinked, peak_flop_per_s=1e30), timeless, loads, layers)

    def seconds(self, chunks: Sequence[Chunk], decodes: int, contexts: float) -> float:
        """Return what an iteration takes; see `IterationCost`."""
        return float(self._seconds(chunks, decodes, contexts))

    def line(self, decodes: int) -> None:
        """Return None: shares change with the contexts."""

    def times(self, decodes: int, contexts: float, iterations: int) -> Floats:
        """Return what iterations take one after the other."""
        return np.asarray(self._seconds((), decodes, contexts + decodes * np.arange(iterations, dtype=np.float64)))

    def _seconds(self, chunks: Sequence[Chunk], decodes: int, contexts: Any) -> Any:
        """Return what iterations take with these contexts, a number or several."""
        whole, unlinked, bare, quick, read = (
            cost.seconds(chunks, decodes, contexts)
            for cost in (self._whole, self._unlinked, self._bare, self._quick, self._read)
        )
        attention = self._quick.line(decodes)[1] * contexts if decodes else 0.0
        fixed, network = bare - quick, whole - unlinked
        compute, memory = quick - attention, unlinked - bare + attention
        if self._overlap == "nano":
            return fixed + (compute + memory + network) / ALONE
        if self._overlap == "network":
            return _least(whole, fixed + _together(compute, 0.0 * memory, network) + memory / ALONE)
        return _least(whole, fixed + _most(_together(compute, memory, network), read))


def _together(compute: Any, memory: Any, network: Any) -> Any:
    """Return T of the module's equation: Newton's method in 1 / T, which is convex, from above."""
    x = 1 / _most(_most(compute, memory), _most(network, 1e-300))
    for _ in range(_STEPS):
        over = compute * x + (memory * x) ** MEMORY + (network * x) ** NETWORK - 1
        slope = (
            compute
            + MEMORY * memory * (memory * x) ** (MEMORY - 1)
            + NETWORK * network * (network * x) ** (NETWORK - 1)
        )
        x = x - over / _most(slope, 1e-300)
    return 1 / x


def _most(a: Any, b: Any) -> Any:
    """Return the larger, of numbers or of each pair of several: numpy is slow with single numbers."""
    return np.maximum(a, b) if isinstance(a, np.ndarray) or isinstance(b, np.ndarray) else max(a, b)


def _least(a: Any, b: Any) -> Any:
    """Return the smaller, likewise."""
    return np.minimum(a, b) if isinstance(a, np.ndarray) or isinstance(b, np.ndarray) else min(a, b)
