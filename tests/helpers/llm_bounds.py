"""What no iteration can be faster than: its operations at the peak, and what it must read at the full bandwidth."""

from __future__ import annotations

from collections.abc import Sequence

from simtier.models.llm.efficiency import Devices
from simtier.models.llm.shape import LlmShape
from simtier.models.llm.work import Chunk


def least_s(shape: LlmShape, devices: Devices, chunks: Sequence[Chunk], decodes: int, contexts: float) -> float:
    """Return the physical bound of an iteration; counted anew, without the code of any cost model."""
    tokens, sequences = sum(new for new, _ in chunks) + decodes, len(chunks) + decodes
    # Pairs of a token and one before it or itself; half of a chunk's own square, as causal kernels do.
    pairs = sum(new * before + new * new / 2 for new, before in chunks) + contexts
    held = sum(before for _, before in chunks) + contexts
    per_token, touched = 0.0, 0.0
    matrices = 3 if shape.gated else 2
    for layer in range(shape.layers):
        experts = shape.experts
        if experts is None or layer < experts.dense_layers:
            block = matrices * shape.hidden * shape.feed_forward
        else:  # each token goes to `active` of them: so many are read at the least
            block = matrices * shape.hidden * experts.width * (experts.active + experts.shared)
        per_token += shape.attention_parameters + block
        touched += shape.attention_parameters + block
    output = shape.vocabulary * shape.hidden
    scores = 2 * shape.heads * (shape.head_width + shape.rope)
    sums = 2 * shape.heads * shape.head_width
    flop = 2 * per_token * tokens + 2 * output * sequences + shape.layers * (scores + sums) * pairs
    read = (touched + output) * devices.weight_bytes + held * shape.kv_bytes(devices.kv_bytes)
    number = devices.number * devices.data
    peak, bandwidth = number * devices.peak_flop_per_s, number * devices.bandwidth_bytes_per_s
    return max(flop / peak, read / bandwidth)
