"""Pipelines: which layers each stage has, and how long iterations take through all of them.

Layers are divided as evenly as they go. A stage passes the hidden states of an iteration on to the next, then begins the next iteration.
Assumptions: stages are equal accelerators; the fixed time of an iteration falls on each stage; sending is not hidden behind computing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from simtier.models.llm.shape import LlmShape
from simtier.models.llm.work import Chunk, Floats, IterationCost


@dataclass(frozen=True, slots=True)
class Stage:
    """What one stage of a pipeline has of a model.

    Attributes:
        layers: how many.
        sparse: of these, those with experts.
        embeddings: matrices of embeddings: tokens in, logits out.
    """

    layers: int
    sparse: int
    embeddings: int

    def own_parameters(self, shape: LlmShape) -> float:
        """Return the parameters that every group of accelerators has for itself: all but routed experts."""
        experts = shape.experts
        blocks = (self.layers - self.sparse) * shape.feed_forward_parameters(shape.feed_forward)
        if experts is not None:
            blocks += self.sparse * experts.shared * shape.feed_forward_parameters(experts.width)
        return self.layers * shape.attention_parameters + blocks + self.embeddings * shape.embedding_parameters


def stages(shape: LlmShape, number: int) -> tuple[Stage, ...]:
    """Return the stages of a pipeline: layers as evenly as they go, the first stages one more; raises ValueError for more stages than layers."""
    if not 1 <= number <= shape.layers:
        raise ValueError(f"{shape.layers} layers cannot be divided among {number} stages")
    each, more = divmod(shape.layers, number)
    dense = shape.layers if shape.experts is None else shape.experts.dense_layers
    found: list[Stage] = []
    for place in range(number):
        layers = each + (place < more)
        dense_here = min(dense, layers)
        dense -= dense_here
        first, last = place == 0, place == number - 1
        embeddings = (1 if shape.tied else 2) if number == 1 else int(first) + int(last)
        found.append(Stage(layers, layers - dense_here, embeddings))
    return tuple(found)


class Added:
    """Iteration times of another cost, and `fixed_s` more for each iteration, `token_s` more for each of its tokens."""

    def __init__(self, cost: IterationCost, fixed_s: float, token_s: float) -> None:
        self._cost, self._fixed_s, self._token_s = cost, fixed_s, token_s

    def seconds(self, chunks: Sequence[Chunk], decodes: int, contexts: float) -> float:
        """Return what an iteration takes; see `IterationCost`."""
        tokens = decodes + sum(new for new, _ in chunks)
        return self._cost.seconds(chunks, decodes, contexts) + self._fixed_s + self._token_s * tokens

    def line(self, decodes: int) -> tuple[float, float] | None:
        """Return the other cost's line, lifted."""
        line = self._cost.line(decodes)
        return None if line is None else (line[0] + self._fixed_s + self._token_s * decodes, line[1])

    def times(self, decodes: int, contexts: float, iterations: int) -> Floats:
        """Return what iterations take one after the other."""
        more_s = self._fixed_s + self._token_s * decodes
        return np.asarray(self._cost.times(decodes, contexts, iterations) + more_s)


class Part:
    """A share of the iteration times of another cost: what one stage takes where only the whole was measured."""

    def __init__(self, cost: IterationCost, share: float) -> None:
        self._cost, self._share = cost, share

    def seconds(self, chunks: Sequence[Chunk], decodes: int, contexts: float) -> float:
        """Return what an iteration takes; see `IterationCost`."""
        return self._cost.seconds(chunks, decodes, contexts) * self._share

    def line(self, decodes: int) -> tuple[float, float] | None:
        """Return the same share of the other cost's line."""
        line = self._cost.line(decodes)
        return None if line is None else (line[0] * self._share, line[1] * self._share)

    def times(self, decodes: int, contexts: float, iterations: int) -> Floats:
        """Return what iterations take one after the other."""
        return np.asarray(self._cost.times(decodes, contexts, iterations) * self._share)


class Pipelined(Added):
    """Iteration times through all stages of a pipeline, one after the other, and the sending between them.

    Args:
        cost: what all layers take together.
        stage: what the slowest stage takes.
        stages: how many there are.
        send_s, token_send_s: what it takes to pass an iteration on: fixed, and for each of its tokens.

    Attributes:
        stages: how many there are.
        stage: iteration times of the slowest stage, which passes on what it computed before it begins anew: every so often an iteration can follow
            another.
    """

    def __init__(
        self, cost: IterationCost, stage: IterationCost, stages: int, send_s: float, token_send_s: float
    ) -> None:
        super().__init__(cost, (stages - 1) * send_s, (stages - 1) * token_send_s)
        self.stages = stages
        self.stage: IterationCost = Added(stage, send_s, token_send_s) if stages > 1 else stage
