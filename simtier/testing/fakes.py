"""A frozen stand-in for every view of `simtier.contract.views`; the views' docstrings say what each attribute means."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, kw_only=True)
class FakeRequest:
    """A request; satisfies `RequestView`."""

    id: int = 0
    app: str = "app"
    workload: str = "workload"
    source: str = "device-0"
    at: str = "device-0"
    stage: str = "infer"
    arrival_s: float = 0.0
    queued_s: float = math.nan
    deadline_s: float = math.inf
    priority: float = 0.0
    work_s: float = 0.01
    size_bytes: float = 1000.0
    prompt_tokens: int = 0
    prefix: tuple[int, ...] = ()
    prefix_tokens: int = 0
    first_by_s: float = math.inf
    token_target_s: float = math.inf


@dataclass(frozen=True, kw_only=True)
class FakeOutcome:
    """A finished request; satisfies `OutcomeView`."""

    request: FakeRequest = FakeRequest()
    outcome: str = "ok"
    latency_s: float = 0.1
    first_token_s: float = math.nan
    token_s: float = math.nan


@dataclass(frozen=True, kw_only=True)
class FakeNode:
    """A node; satisfies `NodeView`."""

    name: str = "edge-0"
    tier: str = "edge"
    cores: float = 8.0
    cores_free: float = 8.0
    memory_bytes: float = 16e9
    memory_free_bytes: float = 16e9
    accelerators: int = 0
    replicas: int = 0


@dataclass(frozen=True, kw_only=True)
class FakeReplicaSpec:
    """What a replica needs; satisfies `ReplicaSpecView`."""

    service: str = "detect"
    cores: float = 1.0
    memory_bytes: float = 1e9
    accelerator: bool = False


@dataclass(frozen=True, kw_only=True)
class FakeReplica:
    """A replica; satisfies `ReplicaView`."""

    id: int = 0
    service: str = "detect"
    node: FakeNode = FakeNode()
    state: str = "ready"
    queued: int = 0
    running: int = 0
    in_flight: int = 0
    concurrency: int = 1


@dataclass(frozen=True, kw_only=True)
class FakeService:
    """A service; satisfies `ServiceView`. `ready` is a number of its own: it need not agree with `replicas`."""

    name: str = "detect"
    replicas: tuple[FakeReplica, ...] = ()
    ready: int = 1
    starting: int = 0
    queued: int = 0
    in_flight: int = 0
    concurrency: int = 1
    busy_slot_s: float = 0.0
    work_s: float = 0.01


@dataclass
class FakeClock:
    """The time of a `FakeSite`: tests set `now_s`, policies only read it."""

    now_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class FakeSite:
    """A site; satisfies `SiteView`. All pairs of nodes are 10 ms and 10 MB/s apart unless `latencies` says otherwise."""

    clock: FakeClock = field(default_factory=FakeClock)
    nodes: Mapping[str, FakeNode] = field(default_factory=lambda: MappingProxyType({}))
    services: Mapping[str, FakeService] = field(default_factory=lambda: MappingProxyType({}))
    latencies: Mapping[tuple[str, str], float] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def now_s(self) -> float:
        """Simulated time."""
        return self.clock.now_s

    def latency_s(self, a: str, b: str) -> float:
        """Return the latency set for `a` and `b`, else 0 within a node and 10 ms between two."""
        return self.latencies.get((a, b), 0.0 if a == b else 0.01)

    def rate_bytes_per_s(self, a: str, b: str) -> float:
        """Return 10 MB/s between two nodes, infinity within one."""
        return math.inf if a == b else 1e7

    def transfer_s(self, a: str, b: str, nbytes: float) -> float:
        """Return latency plus bytes over rate."""
        return self.latency_s(a, b) + nbytes / self.rate_bytes_per_s(a, b)


@dataclass(frozen=True, kw_only=True)
class FakeHop:
    """A way between two nodes, by default to itself; satisfies `HopView`."""

    latency_s: float = 0.0
    rate_bytes_per_s: float = math.inf
    joules_per_byte: float = 0.0


@dataclass(frozen=True, kw_only=True)
class FakeTier:
    """A place where layers can run; satisfies `TierView`."""

    tier: str = "device"
    service: str = "detect"
    node: str = "device-0"
    layer_s: tuple[float, ...] = ()
    active_w: float = 1.0
    queued: int = 0


@dataclass(frozen=True, kw_only=True)
class FakeSplit:
    """The choice before a partitioning policy; satisfies `SplitView`."""

    tiers: tuple[FakeTier, ...]
    hops: tuple[FakeHop, ...]
    returns: tuple[FakeHop, ...]
    crossing_bytes: tuple[float, ...]
