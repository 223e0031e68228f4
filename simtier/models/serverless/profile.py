"""What an execution takes by the number of its requests and the memory of its instance, without running any."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simtier.models.serverless.function import Function


def execution_s(function: Function, batch: int, memory_bytes: float) -> float:
    """Return the seconds that so many mean requests take together, of the slowest stage known; NaN if none is."""
    spec = function.spec.with_memory(memory_bytes)
    instance: Any = function.new_probe()
    instance.cores_each, instance.times = spec.cores_each, {}
    longest = 0.0
    for timer in function.timers:
        slower = 1.0 / spec.cores_each if spec.shares_core and not timer.by_cores else 1.0
        longest = max(longest, timer.typical_s(instance, batch) * slower)
    return longest if function.timers else float("nan")
