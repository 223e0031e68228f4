"""A frozen stand-in for every view of `simtier.contract.function_views`; the views' docstrings say what each attribute means."""

from __future__ import annotations

import math
from dataclasses import dataclass

from simtier.testing.fakes import FakeReplica


@dataclass(frozen=True, kw_only=True)
class FakeFunction:
    """A function; satisfies `FunctionView`. `ready` and `idle` are numbers of their own: they need not agree with `replicas`."""

    name: str = "resize"
    platform: str = "faas"
    replicas: tuple[FakeInstance, ...] = ()
    ready: int = 1
    idle: int = 1
    starting: int = 0
    queued: int = 0
    in_flight: int = 0
    concurrency: int = 1
    busy_slot_s: float = 0.0
    work_s: float = 0.1
    memory_bytes: float = 128e6
    runtime: str = "python3"
    trigger: str = ""
    layer_s: tuple[float, float, float] = (0.25, 0.25, 0.5)
    arrivals: int = 0
    last_arrival_s: float = math.nan
    buffered: int = 0

    def execution_s(self, batch: int, memory_bytes: float) -> float:
        """Return three quarters of `work_s` and a quarter for each request, on a core for each 1,792 MiB of memory, one at most."""
        return self.work_s * (0.75 + 0.25 * batch) / min(1.0, memory_bytes / 1_879_048_192)

    @property
    def cold_s(self) -> float:
        """The sum of `layer_s`."""
        return sum(self.layer_s)


@dataclass(frozen=True, kw_only=True)
class FakeInstance(FakeReplica):
    """An instance, idle since time zero and used once; satisfies `InstanceView`."""

    service: str = "faas"
    state: str = "idle"
    function: FakeFunction = FakeFunction()
    layer: str = "user"
    memory_bytes: float = 128e6
    uses: int = 1
    idle_since_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class FakeCell(FakeReplica):
    """A cell with one warm instance of the function; satisfies `CellView`."""

    service: str = "faas"
    function: FakeFunction = FakeFunction()
    warm: int = 1


@dataclass(frozen=True, kw_only=True)
class FakeExecution:
    """An execution that has run for a second on its own two cores, and used one; satisfies `ExecutionView`."""

    id: int = 0
    function: FakeFunction = FakeFunction()
    allocated_cores: float = 2.0
    share: float = 2.0
    used_cores: float = 1.0
    started_s: float = 0.0
    running_s: float = 1.0


@dataclass(frozen=True, kw_only=True)
class FakePool:
    """A full pool of which nothing was taken yet; satisfies `PoolView`."""

    platform: str = "faas"
    name: str = "128 MB"
    available: int = 2
    size: int = 2
    taken: int = 0
    missed: int = 0
