"""Batches that are full, or have waited long enough."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from simtier.contract import Batching, Hold, Limits, RequestView
from simtier.units import Seconds


class SizeOrTimeout(Batching):
    """Run a batch when `size` requests wait or the oldest has waited for `timeout`, whichever comes first.

    The dynamic batcher of NVIDIA Triton (`preferred_batch_size`, `max_queue_delay_microseconds`) and of TensorFlow Serving
    (`max_batch_size`, `batch_timeout_micros`: Olston et al., 2017); Clipper (Crankshaw et al., NSDI 2017), section 4.3.
    """

    sees_only_own: ClassVar[bool] = True
    keeps_apart: ClassVar[bool] = True
    size: Annotated[int, Field(ge=1)] = 8
    """Requests that make a batch full; the executor's own `max_batch` if that is less."""
    timeout: Seconds = 0.01
    """Longest wait of the oldest request for others to join it; 0 runs whatever waits."""

    def form(self, queue: Sequence[RequestView], limits: Limits) -> Sequence[RequestView] | Hold:
        """Return the first requests of `queue`, or when the oldest will have waited long enough."""
        full = min(self.size, limits.max_batch)
        # The same sum is compared and answered: at that very instant, in floating point too, the batch runs.
        until_s = limits.oldest_s + self.timeout
        if len(queue) >= full or limits.now_s >= until_s:
            return queue[:full]
        return Hold(until_s)
