"""A generated little world that a policy is asked about: the same for the same seed, everywhere."""

from __future__ import annotations

import math
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from simtier.contract import Limits
from simtier.streams import Streams
from simtier.testing.engine_replica_fakes import some_engine_replicas, some_prompt
from simtier.testing.engine_situations import EngineSituations
from simtier.testing.fakes import (
    FakeHop,
    FakeNode,
    FakeReplica,
    FakeReplicaSpec,
    FakeRequest,
    FakeService,
    FakeSite,
    FakeSplit,
    FakeTier,
)
from simtier.testing.function_fakes import FakeExecution, FakeFunction, FakeInstance, FakePool
from simtier.testing.job_fakes import JobSituations

TIERS = ("device", "edge", "cloud")


class World(EngineSituations, JobSituations):
    """Makes the situations: method `choose` returns the arguments of a policy's `choose`, and so on.

    Numbers are drawn from small sets on purpose: ties are where policies go wrong.
    """

    def __init__(self, seed: int) -> None:
        self._rng = Streams(seed).stream("testing/world")
        self._busy_slot_s = 0.0
        self._step_s = 0.0
        self._taken = 0
        self._arrivals: dict[str, int] = {}
        self._begun = 0
        self._executions: dict[str, dict[int, FakeExecution]] = {}
        nodes = [
            FakeNode(name=f"{tier}-{number}", tier=tier, cores=4.0 * (1 + TIERS.index(tier)))
            for tier in TIERS
            for number in range(3)
        ]
        self.site = FakeSite(
            nodes=MappingProxyType({node.name: node for node in nodes}),
            services=MappingProxyType({"detect": FakeService()}),
            latencies=MappingProxyType({(a.name, b.name): self._latency(a, b) for a in nodes for b in nodes}),
        )

    def advance(self) -> None:
        """Let no time pass, or a little, or a lot."""
        self._step_s = self._one_of(0.0, 0.001, 0.01, 1.0, 15.0)
        self.site.clock.now_s += self._step_s

    def split(self) -> tuple[FakeRequest, FakeSplit]:
        """Return a request and a path of the tiers device, edge and cloud for a network of 6 to 9 layers."""
        layers = self._one_of(6, 7, 8, 9)
        tiers = tuple(
            FakeTier(
                tier=tier,
                node=f"{tier}-0",
                layer_s=tuple(self._one_of(0.0, 0.001, 0.004) for _ in range(layers)),
                active_w=self._one_of(2.0, 30.0),
                queued=self._one_of(0, 1, 5),
            )
            for tier in TIERS
        )
        hops = (FakeHop(), *(self._hop() for _ in TIERS[1:]))
        crossing = tuple(self._one_of(0.0, 1e3, 1e5, 1e6) for _ in range(layers + 1))
        return self._request(0), FakeSplit(
            tiers=tiers, hops=hops, returns=tuple(self._hop() for _ in TIERS), crossing_bytes=crossing
        )

    def place(self) -> tuple[FakeReplicaSpec, tuple[FakeNode, ...]]:
        """Return a replica to place and one or more nodes with room for it."""
        return FakeReplicaSpec(cores=self._one_of(0.5, 1.0)), self._some(
            [self._node(node) for node in self.site.nodes.values()]
        )

    def choose(self) -> tuple[FakeRequest, tuple[FakeReplica, ...]]:
        """Return a request and one or more ready replicas, every other time such that run a language model."""
        if self._one_of(False, True):
            return some_prompt(self._one_of, self._request(0), self.site.now_s), self._some(
                some_engine_replicas(self._one_of, list(self.site.nodes.values()))
            )
        return self._request(0), self._replicas()

    def rank(self) -> tuple[FakeRequest]:
        """Return a request that joins a queue."""
        return (self._request(0, queued_s=self.site.now_s),)

    def pick(self) -> tuple[tuple[FakeRequest, ...]]:
        """Return a queue."""
        return (self._queue(),)

    def form(self) -> tuple[tuple[FakeRequest, ...], Limits]:
        """Return a queue and the limits of a batch."""
        queue = self._queue()
        limits = Limits(self.site.now_s, self._one_of(1, 4, 16), min(request.queued_s for request in queue))
        return queue, limits

    def memory(self) -> tuple[FakeFunction]:
        """Return the function that a batching policy stands in front of."""
        return (self._function(),)

    def target(self) -> tuple[FakeService]:
        """Return a service whose slots have been busy for some of the time since last seen."""
        ready, concurrency = self._one_of(0, 1, 2, 5), 2
        self._busy_slot_s += self._step_s * ready * concurrency * self._one_of(0.0, 0.5, 0.7, 1.0)
        return (self._service(ready, concurrency, self._busy_slot_s),)

    def admit(self) -> tuple[FakeRequest, FakeService]:
        """Return a request and the service it would enter."""
        if self._one_of(False, True):
            engines = tuple(some_engine_replicas(self._one_of, list(self.site.nodes.values())[:2]))
            return some_prompt(self._one_of, self._request(0), self.site.now_s), replace(
                self._service(2, 1, 0.0), replicas=engines
            )
        return self._request(0), self._service(self._one_of(0, 1, 3), 1, 0.0)

    def idle_for(self) -> tuple[FakeInstance]:
        """Return an instance that has fallen idle now."""
        return (self._instance(),)

    def prewarm(self) -> tuple[FakeFunction]:
        """Return the function of an instance that has fallen idle."""
        return (self._function(),)

    def worth(self) -> tuple[FakeInstance]:
        """Return an idle instance."""
        return (self._instance(),)

    def ended(self) -> tuple[FakeInstance, str]:
        """Return an instance that goes, and how."""
        return self._instance(), self._one_of("expired", "evicted", "reused")

    def pool_size(self) -> tuple[FakePool]:
        """Return a pool, from which some were taken."""
        self._taken += self._one_of(0, 0, 1, 5)
        return (FakePool(available=self._one_of(0, 2), size=self._one_of(2, 5), taken=self._taken),)

    def shares(self) -> tuple[FakeNode, tuple[FakeExecution, ...]]:
        """Return a node and what runs there: one more than before, and each has had and used something else since."""
        node = self._one_of(*list(self.site.nodes.values())[:2])
        begun = self._execution()
        here = self._executions.setdefault(node.name, {})
        for number in here:
            share = self._one_of(0.5, 1.0, 2.0, 4.0)
            here[number] = replace(
                here[number],
                share=share,
                used_cores=share * self._one_of(0.25, 0.8, 1.0),
                running_s=self.site.now_s - here[number].started_s,
            )
        here[begun.id] = begun
        while len(here) > 6:
            del here[next(iter(here))]
        return node, tuple(here.values())

    def look_in(self) -> tuple[FakeNode]:
        """Return a node."""
        return (self._one_of(*list(self.site.nodes.values())[:2]),)

    def finished(self) -> tuple[FakeExecution]:
        """Return an execution that has ended."""
        running = [execution for here in self._executions.values() for execution in here.values()]
        execution = self._one_of(*running) if running else self._execution()
        for here in self._executions.values():
            here.pop(execution.id, None)
        return (execution,)

    def _execution(self) -> FakeExecution:
        self._begun += 1
        cores = self._one_of(1.0, 1.0, 2.0, 0.5)
        name = self._one_of("resize", "notify")
        return FakeExecution(
            id=self._begun,
            function=FakeFunction(name=name),
            allocated_cores=cores,
            share=cores,
            used_cores=0.0,
            started_s=self.site.now_s,
            running_s=0.0,
        )

    def _function(self) -> FakeFunction:
        name = self._one_of("resize", "notify", "report")
        self._arrivals[name] = arrivals = self._arrivals.get(name, 0) + self._one_of(0, 1, 1, 3)
        return FakeFunction(
            name=name,
            ready=self._one_of(1, 2),
            layer_s=self._one_of((0.0, 0.0, 0.0), (0.1, 0.2, 0.7)),
            memory_bytes=self._one_of(128e6, 1e9),
            runtime=self._one_of("python3", "java"),
            trigger=self._one_of("", "timer"),
            arrivals=arrivals,
            last_arrival_s=self.site.now_s - self._one_of(0.0, 0.5) if arrivals else math.nan,
        )

    def _instance(self) -> FakeInstance:
        function = self._function()
        return FakeInstance(
            id=self._one_of(1, 2, 3, 4),
            function=function,
            layer=self._one_of("user", "user", "language", "bare"),
            memory_bytes=function.memory_bytes,
            uses=self._one_of(0, 1, 7),
            idle_since_s=self.site.now_s,
        )

    def _service(self, ready: int, concurrency: int, busy_slot_s: float) -> FakeService:
        return FakeService(
            replicas=tuple(FakeReplica(id=number, concurrency=concurrency) for number in range(ready)),
            ready=ready,
            starting=self._one_of(0, 0, 1),
            queued=self._one_of(0, 1, 8, 40),
            in_flight=self._one_of(40, 60),
            concurrency=concurrency,
            busy_slot_s=busy_slot_s,
            work_s=self._one_of(0.01, 0.1),
        )

    def _queue(self) -> tuple[FakeRequest, ...]:
        now_s, length = self.site.now_s, self._one_of(1, 2, 5, 20)
        return tuple(self._request(number, queued_s=now_s - 0.002 * (length - number)) for number in range(length))

    def _request(self, number: int, queued_s: float = math.nan) -> FakeRequest:
        return FakeRequest(
            id=number,
            source=self._one_of(*self.site.nodes),
            at=self._one_of(*self.site.nodes),
            queued_s=queued_s,
            deadline_s=self.site.now_s + self._one_of(0.005, 0.1, 1.0, math.inf),
            priority=self._one_of(0.0, 1.0, 2.0),
            work_s=self._one_of(0.001, 0.01, 0.1),
            size_bytes=self._one_of(1e3, 1e6),
        )

    def _replicas(self) -> tuple[FakeReplica, ...]:
        replicas = [
            FakeReplica(
                id=10 + number, node=node, queued=(load := self._one_of(0, 1, 4)), running=1, in_flight=load + 1
            )
            for number, node in enumerate(self.site.nodes.values())
        ]
        return self._some(replicas)

    def _node(self, node: FakeNode) -> FakeNode:
        return FakeNode(
            name=node.name,
            tier=node.tier,
            cores=node.cores,
            cores_free=node.cores * self._one_of(0.5, 1.0),
            memory_free_bytes=self._one_of(2e9, 16e9),
            replicas=self._one_of(0, 1, 2),
        )

    def _hop(self) -> FakeHop:
        return FakeHop(
            latency_s=self._one_of(0.0, 0.01),
            rate_bytes_per_s=self._one_of(0.0, 1e5, 1e8, math.inf),
            joules_per_byte=self._one_of(0.0, 1e-7),
        )

    def _latency(self, a: FakeNode, b: FakeNode) -> float:
        return 0.0 if a is b else self._one_of(0.001, 0.01, 0.05)

    def _some(self, items: list[Any]) -> tuple[Any, ...]:
        """Return one, a few or all of `items`, in their order."""
        chosen = self._rng.permutation(len(items))[: self._one_of(1, 2, 5, len(items))]
        return tuple(items[index] for index in sorted(chosen))

    def _one_of(self, *choices: Any) -> Any:
        return choices[int(self._rng.integers(len(choices)))]
