"""What the memory of accelerators leaves for keys and values."""

from __future__ import annotations

from dataclasses import dataclass

from simtier.models.llm.parallel import Stage, stages
from simtier.models.llm.shape import LlmShape


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """The memory of the equal accelerators of one replica.

    Attributes:
        device_bytes: of one.
        devices: how many share each layer (tensor parallelism).
        data: groups of so many, each with its own sequences; all have all weights but those of routed experts.
        pipeline: stages of such groups, each with some of the layers.
        spread: whether routed experts lie whole on one accelerator each, of all groups; else each is divided among the devices of a group.
        redundant: further copies of experts of a layer that are spread.
        share: of the memory, how much is used at all.
        reserved_bytes: on each, for activations and the runtime.
        weight_bytes, kv_bytes: of one element of the parameters, and of keys and values.

    Assumption: sequences are divided among the groups so that the blocks of all of them count.
    """

    device_bytes: float
    devices: int = 1
    data: int = 1
    pipeline: int = 1
    spread: bool = False
    redundant: int = 0
    share: float = 0.9
    reserved_bytes: float = 0.0
    weight_bytes: float = 2.0
    kv_bytes: float = 2.0

    def left_bytes(self, shape: LlmShape) -> float:
        """Return what all of the fullest stage leave beside the weights; below zero if these do not fit."""
        return min(self._left_bytes(shape, stage) for stage in stages(shape, self.pipeline))

    def weights(self, shape: LlmShape) -> float:
        """Return the bytes of weights on all accelerators together, copies included."""
        return sum(self._weights(shape, stage) for stage in stages(shape, self.pipeline))

    def blocks(self, shape: LlmShape, tokens: int) -> int:
        """Return how many blocks of so many tokens fit, each on all stages; 0 if none does."""
        of_token = self.token_bytes(shape) * tokens
        fit = (
            self._left_bytes(shape, stage) / (of_token * (stage.layers / shape.layers))
            for stage in stages(shape, self.pipeline)
        )
        return max(0, int(min(fit)))

    def token_bytes(self, shape: LlmShape) -> float:
        """Return what one token takes on all of its group: heads that are fewer than devices are kept on several, a latent on each."""
        holders = 1 if shape.latent else min(self.devices, shape.kv_heads)
        return shape.kv_bytes(self.kv_bytes) * self.devices / holders

    def _left_bytes(self, shape: LlmShape, stage: Stage) -> float:
        usable = self.devices * self.data * (self.device_bytes * self.share - self.reserved_bytes)
        return usable - self._weights(shape, stage)

    def _weights(self, shape: LlmShape, stage: Stage) -> float:
        """Return the bytes of weights of a stage, on all its accelerators."""
        parameters, experts = stage.own_parameters(shape) * self.data, shape.experts
        if experts is not None:
            number, over = experts.number, self.devices * self.data
            if self.spread:  # the fullest accelerator counts
                number = -(-(number + self.redundant) // over) * over
            parameters += stage.sparse * number * shape.feed_forward_parameters(experts.width)
        return parameters * self.weight_bytes
