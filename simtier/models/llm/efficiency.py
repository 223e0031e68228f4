"""How near devices come to their peaks, and what they are: what closed-form iteration times depend on besides the model."""

from __future__ import annotations

from dataclasses import dataclass, fields

from simtier.models.llm.links import Link

_SHARES = ("compute", "weights", "prefill_attention", "decode_attention")


@dataclass(frozen=True, slots=True, kw_only=True)
class Efficiency:
    """How near a device comes to its peaks, and what an iteration costs besides.

    The defaults are fitted to iteration times of Llama-2-7B on one A100 that Vidur predicts (Agrawal et al., MLSys 2024).

    Attributes:
        compute, weights: of dense matrices, shares of the peak and of the bandwidth, in (0, 1].
        corner: exponent p of the smooth maximum of the two, 1 or more; infinity is the sharp roofline.
        prefill_attention, decode_attention: share of the peak, and of the bandwidth, in (0, 1].
        passes: how often a token's hidden state goes through memory in a layer, for element-wise work.
        call_s: seconds of each attention call of a layer: one for chunks, one for decodes.
        layer_s, iteration_s: seconds of each layer and each iteration, besides.
        sequence_s, token_s: seconds for each sequence, and each token, of an iteration.

    Raises ValueError for a share outside (0, 1], a corner below 1, or a time that is negative or not finite.
    """

    compute: float = 0.672
    weights: float = 0.810
    corner: float = 1.83
    prefill_attention: float = 0.517
    decode_attention: float = 0.878
    passes: float = 27.3
    call_s: float = 29.8e-6
    layer_s: float = 15.9e-6
    iteration_s: float = 0.42e-3
    sequence_s: float = 0.0
    token_s: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in _SHARES and not 0 < value <= 1:
                raise ValueError(f"{field.name} must be in (0, 1], got {value!r}")
            if field.name == "corner" and not value >= 1:
                raise ValueError(f"corner must be 1 or more, got {value!r}")
            if field.name not in (*_SHARES, "corner") and not 0 <= value < float("inf"):
                raise ValueError(f"{field.name} must be 0 or more and finite, got {value!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Devices:
    """The equal devices of a replica that work on each layer together.

    Attributes:
        peak_flop_per_s, bandwidth_bytes_per_s: of one, at the precision in use.
        number: how many share each layer (tensor parallelism).
        data: groups of `number` devices, each with its own sequences and weights; only routed experts are spread over all of them.
        link: what joins them; None: what they send each other takes no time.
        weight_bytes, activation_bytes, kv_bytes: of one element of the parameters, of hidden states, and of keys and values.
    """

    peak_flop_per_s: float
    bandwidth_bytes_per_s: float
    number: int = 1
    data: int = 1
    link: Link | None = None
    weight_bytes: float = 2.0
    activation_bytes: float = 2.0
    kv_bytes: float = 2.0
