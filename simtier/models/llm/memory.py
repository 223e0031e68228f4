"""What the memory of accelerators leaves for keys and values."""

from __future__ import annotations

from dataclasses import dataclass

from simtier.models.llm.shape import LlmShape


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """The memory of the equal accelerators of one replica.

    Attributes:
        device_bytes: of one.
        devices: how many.
        share: of it, how much is used at all.
        reserved_bytes: on each, for activations and the runtime.
        weight_bytes, kv_bytes: of one element of the parameters, and of keys and values.
    """

    device_bytes: float
    devices: int = 1
    share: float = 0.9
    reserved_bytes: float = 0.0
    weight_bytes: float = 2.0
    kv_bytes: float = 2.0

    def left_bytes(self, shape: LlmShape) -> float:
        """Return what all of them leave beside the weights; below zero if these do not fit."""
        usable = self.devices * (self.device_bytes * self.share - self.reserved_bytes)
        return usable - shape.parameters * self.weight_bytes

    def blocks(self, shape: LlmShape, tokens: int) -> int:
        """Return how many blocks of so many tokens fit; 0 if none does."""
        return max(0, int(self.left_bytes(shape) / (self.token_bytes(shape) * tokens)))

    def token_bytes(self, shape: LlmShape) -> float:
        """Return what one token takes on all of them: heads that are fewer than devices are kept on several, a latent on each."""
        holders = 1 if shape.latent else min(self.devices, shape.kv_heads)
        return shape.kv_bytes(self.kv_bytes) * self.devices / holders
