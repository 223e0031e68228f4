"""What no iteration can be faster than: its operations at the peak, and what it must read at the full bandwidth, on all accelerators at once.

Counted are products with matrices, attention (half of a prompt's square, as causal kernels do), one reading of the weights that a single token
meets, and one of the keys and values before. It holds for every cost model, whatever its efficiencies.
"""

from __future__ import annotations

from collections.abc import Sequence

from simtier.models.llm.efficiency import Devices
from simtier.models.llm.shape import LlmShape
from simtier.models.llm.work import Chunk


def least_s(shape: LlmShape, devices: Devices, chunks: Sequence[Chunk], decodes: int, contexts: float) -> float:
    """Return the physical bound of an iteration in seconds; for the arguments see `IterationCost`."""
    tokens, sequences = sum(new for new, _ in chunks) + decodes, len(chunks) + decodes
    pairs = sum(new * before + new * new / 2 for new, before in chunks) + contexts
    held = sum(before for _, before in chunks) + contexts
    lookups = (1 if shape.tied else 2) * shape.embedding_parameters
    met = shape.active_parameters - lookups
    attention = 4.0 * shape.heads * (shape.head_width + shape.rope / 2)
    flop = 2 * met * tokens + 2 * shape.embedding_parameters * sequences + shape.layers * attention * pairs
    read = (met + shape.embedding_parameters) * devices.weight_bytes + held * shape.kv_bytes(devices.kv_bytes)
    number = devices.number * devices.data
    return max(flop / devices.peak_flop_per_s, read / devices.bandwidth_bytes_per_s) / number
