"""Iteration times in closed form: a roofline with a smooth corner, attention apart, and fixed costs.

An iteration of T tokens takes

    sum over layers of [ |(compute, weights)|_p + passes + attention of chunks + attention of decodes + calls + all-reduce + layer_s ]
    + |(compute, weights)|_p of the output matrix + iteration_s + sequence_s sequences + token_s T

- compute = 2 P T / (peak e_c), P the parameters a token meets; weights = bytes of the parameters that any of the tokens meets, over
  bandwidth e_w. |(x, y)|_p = (x^p + y^p)^(1/p) is the maximum with a rounded corner. Where both are of one size neither roof is reached.
- attention of a chunk of q tokens behind p others: 4 w (q p + q^2 / 2) operations, w the width of all heads; or reading the keys and values
  of the p at full bandwidth, if that takes longer.
- attention of decodes: keys and values of their contexts, read once; or, where a latent is kept in their place, the operations on it with
  all heads, if these take longer.
- the output matrix: for each sequence that may get a token.
- experts: T tokens meet E (1 - (1 - k/E)^T) of E, each going to k of them, all equally likely.

All of it is divided among the devices, which all-reduce the hidden states twice a layer. Of several groups (`data`) each does its part of the batch
in this way, with weights of its own; routed experts are spread over all of them where there are `loads`: then such a layer takes

    attention and shared experts as above, one all-reduce + experts of the busiest device + two all-to-alls (tokens there, answers back in 16 bit).

Source: DistServe (Zhong et al., OSDI 2024, appendix A) for the terms, Vidur (Agrawal et al., MLSys 2024) for what an iteration is made of.
Assumptions: what one iteration does is done one after the other; devices are equal; routing of tokens to experts is independent; a batch is divided
evenly among groups, up to one token.
Applies to one replica; fitted to Vidur's times for Llama-2-7B on an A100 it is within 5 % of each, within 2.1 % on average.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from simtier.models.llm.efficiency import Devices, Efficiency
from simtier.models.llm.experts import Loads
from simtier.models.llm.shape import LlmShape
from simtier.models.llm.work import Chunk, Floats

COMBINED_BYTES = 2.0
"""Of one element of what experts answer: 16 bits also where the tokens went there in 8."""


class ClosedForm:
    """Iteration times of a model on devices; see the module.

    Args:
        shape: the model.
        devices: which share each layer.
        at: how near they come to their peaks.
        loads: of the devices over which routed experts are spread; None: each expert is divided among the devices.
        layers: only so many of the layers count, a stage of a pipeline; None for all.
    """

    def __init__(
        self, shape: LlmShape, devices: Devices, at: Efficiency, loads: Loads | None = None, layers: int | None = None
    ) -> None:
        self._shape, self._devices, self._at, self._loads = shape, devices, at, loads
        all_layers = layers if layers is not None else shape.layers
        dense = shape.experts.dense_layers if shape.experts is not None else shape.layers
        self._layers = all_layers
        self._dense_layers = dense * all_layers / shape.layers
        self._sparse_layers = all_layers - self._dense_layers
        together = devices.number * devices.data
        self._chunk_s = (
            all_layers * _attention_flop(shape) / (devices.peak_flop_per_s * at.prefill_attention * together)
        )
        # Heads of keys and values are divided among the devices as far as there are any; a latent is kept whole on each.
        holders = (1 if shape.latent else min(devices.number, shape.kv_heads)) * devices.data
        kv_bytes = shape.kv_bytes(devices.kv_bytes) * (all_layers / shape.layers)
        self._read_s = kv_bytes / (devices.bandwidth_bytes_per_s * holders)
        self._context_s = max(
            self._read_s / at.decode_attention,
            all_layers * _decode_flop(shape) / (devices.peak_flop_per_s * at.prefill_attention * together),
        )
        self._flop_per_s = devices.peak_flop_per_s * at.compute * devices.number
        self._bytes_per_s = devices.bandwidth_bytes_per_s * at.weights * devices.number
        reduce_s, reduce_token_s = self._reduces()
        self._token_s = at.token_s + all_layers * self._passes_s() + reduce_token_s
        self._fixed_s = at.iteration_s + all_layers * at.layer_s + reduce_s
        self._call_s = all_layers * at.call_s
        self._of_tokens: dict[int, float] = {}
        self._of_sequences: dict[int, float] = {}

    def seconds(self, chunks: Sequence[Chunk], decodes: int, contexts: float) -> float:
        """Return what an iteration takes; see `IterationCost`."""
        tokens, attention_s = decodes, 0.0
        for new, before in chunks:
            tokens += new
            attention_s += max(self._chunk_s * new * (before + 0.5 * new), self._read_s * before)
        found = self._tokens_s(tokens) + self._sequences_s(len(chunks) + decodes)
        if chunks:
            found += self._call_s + attention_s
        if decodes:
            found += self._call_s + self._context_s * contexts
        return found

    def line(self, decodes: int) -> tuple[float, float]:
        """Return (a, b): decodes take a + b contexts."""
        return self.seconds((), decodes, 0.0), self._context_s

    def times(self, decodes: int, contexts: float, iterations: int) -> Floats:
        """Return what iterations take one after the other."""
        a, b = self.line(decodes)
        return np.asarray(a + b * (contexts + decodes * np.arange(iterations)))

    def _tokens_s(self, tokens: int) -> float:
        """Return what everything takes that depends on the number of tokens alone."""
        found = self._of_tokens.get(tokens)
        if found is None:
            own = -(-tokens // self._devices.data)
            found = self._of_tokens[tokens] = self._fixed_s + self._token_s * own + self._matrices_s(tokens, own)
        return found

    def _matrices_s(self, tokens: int, own: int) -> float:
        """Return what the matrices of all layers take, for all tokens, of which each group has `own`."""
        shape, experts = self._shape, self._shape.experts
        plain = shape.attention_parameters + shape.feed_forward_parameters(shape.feed_forward)
        found = self._dense_layers * self._smooth_s(plain, plain, own) if self._dense_layers else 0.0
        if experts is None:
            return found
        each = shape.feed_forward_parameters(experts.width)
        if self._loads is None:
            missed = (1 - experts.active / experts.number) ** tokens
            touched = shape.attention_parameters + (experts.shared + experts.number * (1 - missed)) * each
            met = shape.attention_parameters + (experts.shared + experts.active) * each
            return found + self._sparse_layers * self._smooth_s(met, touched, own)
        common = shape.attention_parameters + experts.shared * each
        return found + self._sparse_layers * (
            self._smooth_s(common, common, own) + self._spread_s(self._loads, each, tokens)
        )

    def _spread_s(self, loads: Loads, each: float, tokens: int) -> float:
        """Return what routed experts of a layer take that are spread, on the busiest device, and sending tokens there and answers back."""
        devices = self._devices
        visits = loads.visits * tokens
        # The rates are those of `number` devices, and the busiest is one.
        found = self._smooth_s(loads.visits * each * devices.number, loads.met(tokens) * each * devices.number, tokens)
        if devices.link is not None:
            fixed_s, byte_s = devices.link.all_to_all(loads.devices)
            found += 2 * fixed_s + byte_s * visits * self._shape.hidden * (devices.activation_bytes + COMBINED_BYTES)
        return found

    def _sequences_s(self, sequences: int) -> float:
        """Return what the output matrix and the sampling take."""
        found = self._of_sequences.get(sequences)
        if found is None:
            output, own = self._shape.embedding_parameters, -(-sequences // self._devices.data)
            found = self._smooth_s(output, output, own) + self._at.sequence_s * own
            self._of_sequences[sequences] = found
        return found

    def _smooth_s(self, met: float, touched: float, tokens: int) -> float:
        """Return what a product with matrices takes: each token meets `met` parameters, and any of them `touched`."""
        compute = 2 * met * tokens / self._flop_per_s
        weights = touched * self._devices.weight_bytes / self._bytes_per_s
        larger, smaller = max(compute, weights), min(compute, weights)
        if self._at.corner == math.inf or larger == 0.0:
            return larger
        corner = self._at.corner
        rounded: float = larger * (1 + (smaller / larger) ** corner) ** (1 / corner)
        return rounded

    def _passes_s(self) -> float:
        """Return what a token takes in a layer for element-wise passes of its hidden state."""
        state_bytes = self._shape.hidden * self._devices.activation_bytes
        return self._at.passes * state_bytes / self._devices.bandwidth_bytes_per_s

    def _reduces(self) -> tuple[float, float]:
        """Return what all-reduces of all layers take: fixed, and for each token."""
        devices = self._devices
        if devices.number == 1 or devices.link is None:
            return 0.0, 0.0
        fixed_s, byte_s = devices.link.all_reduce(devices.number)
        times = 2 * self._layers - (self._sparse_layers if self._loads is not None else 0)
        return times * fixed_s, times * byte_s * self._shape.hidden * devices.activation_bytes


def _attention_flop(shape: LlmShape) -> float:
    """Return the operations of attention for one pair of tokens in one layer: scores and weighted sums, of all heads."""
    return 4.0 * shape.heads * (shape.head_width + shape.rope / 2)


def _decode_flop(shape: LlmShape) -> float:
    """Return the operations of attention for one token of context in one layer, of one decode.

    On a latent they are done with it as it is, which is wider than a head, rather than with keys and values made from it anew.
    """
    return 4.0 * shape.heads * (shape.latent + shape.rope / 2) if shape.latent else _attention_flop(shape)
