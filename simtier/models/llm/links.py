"""What accelerators of one replica send each other, and how long it takes.

With n accelerators on links of B bytes/s in each direction and latency a:

    all-reduce of S bytes (a ring)     2 (n - 1) / n  S / B + 2 (n - 1) a
    all-to-all, S bytes from each      (n - 1) / n  S / B + a        (all messages are under way together)
    sending on S bytes                 S / B + a

Source: Thakur, Rabenseifner, Gropp, IJHPCA 19(1), 2005, sections 3 and 4 (alpha-beta costs; the ring). Assumptions: every accelerator has a link
of its own into a fabric that does not block; links reach their nominal rate; nothing else uses them; arithmetic of a reduction is free.
Applies to accelerators of one node, or of one fabric.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Link:
    """What joins an accelerator to the others of its replica.

    Attributes:
        bytes_per_s: in one direction.
        latency_s: of one message.

    Raises ValueError for a rate that is not positive, or a latency that is negative or not finite.
    """

    bytes_per_s: float
    latency_s: float = 0.0

    def __post_init__(self) -> None:
        if not self.bytes_per_s > 0:
            raise ValueError(f"bytes_per_s must be positive, got {self.bytes_per_s!r}")
        if not 0 <= self.latency_s < float("inf"):
            raise ValueError(f"latency_s must be 0 or more and finite, got {self.latency_s!r}")

    def all_reduce(self, number: int) -> tuple[float, float]:
        """Return (a, b): an all-reduce among `number` takes a + b S seconds for S bytes."""
        return 2 * (number - 1) * self.latency_s, 2 * (number - 1) / number / self.bytes_per_s

    def all_to_all(self, number: int) -> tuple[float, float]:
        """Return (a, b): an exchange among `number` in which none sends or gets more than S bytes takes a + b S seconds."""
        return (self.latency_s if number > 1 else 0.0), (number - 1) / number / self.bytes_per_s
