"""What a function is, what starting an instance of it takes, and what a cold-start model must answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

COMPONENTS = (
    "scheduling",
    "allocating",
    "starting_runtime",
    "deploying_code",
    "deploying_dependencies",
    "initialising",
)
"""What a cold start is made of, in order; each is also the state of the instance while it lasts."""

Times = tuple[float, float, float, float, float, float]
"""Seconds of each of `COMPONENTS`, none negative."""

LAYERS = {"bare": COMPONENTS[:2], "language": COMPONENTS[2:3], "user": COMPONENTS[3:]}
"""Which components an instance must go through to get a layer, from the bottom up."""


@dataclass(frozen=True)
class FunctionSpec:
    """A function, in SI units; see simtier.scenario.platforms for the meaning of each field.

    `shares_core`: an execution has the instance's share of a core, and one core at most (CPU in proportion to memory).
    """

    name: str
    memory_bytes: float
    cores: float = 1.0
    shares_core: bool = False
    runtime: str = ""
    trigger: str = ""
    concurrency: int = 1
    time_limit_s: float = float("inf")
    code_bytes: float = 0.0
    dependency_bytes: float = 0.0
    max_batch: int = 32

    @property
    def cores_each(self) -> float:
        """Cores that an execution uses."""
        return min(1.0, self.cores / self.concurrency) if self.shares_core else self.cores / self.concurrency

    def with_memory(self, memory_bytes: float) -> FunctionSpec:
        """Return the function with another amount of memory; where CPU goes with memory, with the cores that go with it."""
        cores = self.cores * memory_bytes / self.memory_bytes if self.shares_core else self.cores
        return replace(self, memory_bytes=memory_bytes, cores=cores)


@dataclass(frozen=True, slots=True)
class Start:
    """One start of an instance, as a cold-start model sees it.

    Attributes:
        function: whose instance.
        number: how many starts of this function came before it in this run: what is drawn for it is drawn by this number.
        node: name of the node it starts on.
        now_s: simulated time.
        held: topmost layer that is there already ("bare" or "language"), "" if none is: what it spares is taken off the answer.
        under_way: starts of the cell under way now, this one not counted.
    """

    function: FunctionSpec
    number: int
    node: str
    now_s: float
    under_way: int
    held: str = ""


class ColdStart(Protocol):
    """How long instances take to start."""

    def times(self, start: Start) -> Times:
        """Return the seconds of each component of one start; what it holds (pools, caches) changes with the call."""

    def expected(self, function: FunctionSpec) -> Times:
        """Return about what a start of `function` takes, for those who ask before the first: changes nothing."""
