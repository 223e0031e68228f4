"""Engines to try plans with: those of a scenario's service, divided otherwise among the accelerators of a node, and driven alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import MappingProxyType, SimpleNamespace
from typing import TYPE_CHECKING, cast

import pyarrow as pa

from simtier.catalogue.llm import language_model
from simtier.catalogue.policies import policy_maker
from simtier.clock import Clock
from simtier.contract import Asker
from simtier.errors import CatalogueError, PlanError
from simtier.journal import Journal
from simtier.models.hardware import Accelerator
from simtier.models.llm.engine import Engine
from simtier.models.llm.lanes import Lanes
from simtier.models.llm.sequence import LlmSequence
from simtier.models.llm.work import IterationCost
from simtier.models.network import Network
from simtier.models.tables import TABLES
from simtier.models.views import SiteFacade
from simtier.scenario import Scenario
from simtier.scenario.checks.facts import Facts
from simtier.scenario.checks.llm import memory_of
from simtier.scenario.llm import Llm
from simtier.streams import Streams
from simtier.world.llm import batching_ref, engine_maker
from simtier.world.llm_costs import Costs

if TYPE_CHECKING:
    from simtier.models.llm.replica import LlmReplica

Ended = Callable[[LlmSequence], object]
EngineMaker = Callable[[Clock, Ended], Engine | Lanes]
"""Makes an engine on a clock, which calls the function with each sequence that has all its tokens."""

PIPELINES = (1, 2, 4, 8, 16, 32)
"""Pipelines that are tried, as in DistServe's simulator."""


@dataclass(frozen=True, slots=True, order=True)
class Division:
    """How a replica's model is divided among accelerators: each layer among `tensor`, the layers among `pipeline` stages."""

    tensor: int = 1
    pipeline: int = 1

    @property
    def accelerators(self) -> int:
        """Accelerators of a replica."""
        return self.tensor * self.pipeline

    def __str__(self) -> str:
        return f"tensor {self.tensor}, pipeline {self.pipeline}"


@dataclass(frozen=True, slots=True)
class Stock:
    """The equal accelerators that a service may use.

    Attributes:
        device: of which kind.
        nodes: how many of them each node has, node by node.
        places: names of these groups or nodes, as a service's `on` has them.
    """

    device: Accelerator
    nodes: tuple[int, ...]
    places: tuple[str, ...]

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.nodes)

    def room(self, division: Division) -> int:
        """Return how many replicas fit, each on one node."""
        return sum(count // division.accelerators for count in self.nodes)


def stocks(scenario: Scenario, service: str) -> tuple[Stock, ...]:
    """Return the accelerators that a service may use, by kind."""
    facts = Facts(scenario)
    nodes: dict[str, list[int]] = {}
    places: dict[str, list[str]] = {}
    devices: dict[str, Accelerator] = {}
    for spot in facts.spots(scenario.services[service].on):
        group = facts.groups[spot[0]]
        for name, count in Counter(device.name for device in group.devices).items():
            nodes.setdefault(name, []).extend([count] * facts.size(spot))
            places.setdefault(name, []).append(spot[0] if spot[1] is None else f"{spot[0]}-{spot[1]}")
        devices |= {device.name: device for device in group.devices}
    return tuple(Stock(devices[name], tuple(counts), tuple(places[name])) for name, counts in nodes.items())


class Workshop:
    """Makes engines of one service's language model, however it is divided.

    Args:
        scenario: a scenario that passed its checks.
        service: one with an `llm`.

    Raises PlanError for a model that is also divided by `data`.
    """

    def __init__(self, scenario: Scenario, service: str) -> None:
        written = scenario.services[service]
        assert written.llm is not None
        if written.llm.data > 1:
            raise PlanError(
                f"services.{service}.llm.data: plans divide a model by `tensor` and `pipeline` only, not among {written.llm.data} groups: leave it out"
            )
        self._name, self._folder, self._seed = service, scenario.folder, scenario.run.seed
        self._llm = written.llm.model_copy(update={"shares": None})
        self._shape = language_model(written.llm.model)
        self._ref = batching_ref(scenario, written)
        self._policy = policy_maker("batching", self._ref.use, self._ref.given, scenario.folder)
        self._costs: dict[Division, Costs] = {}

    @property
    def written(self) -> Division:
        """How the scenario divides the model."""
        return Division(self._llm.tensor, self._llm.pipeline)

    def divisions(self, device: Accelerator, most: int) -> tuple[Division, ...]:
        """Return the divisions of at most `most` accelerators whose memory holds the model and whose times are known, smallest first."""
        return tuple(sorted(self._divisions(device, most), key=lambda each: (each.accelerators, each.pipeline)))

    def _divisions(self, device: Accelerator, most: int) -> Iterator[Division]:
        for tensor in range(1, most + 1):
            if self._shape.heads % tensor:
                continue
            for pipeline in PIPELINES:
                division = Division(tensor, pipeline)
                if division.accelerators > most or pipeline > self._shape.layers:
                    break
                if self._fits(division, device) and self._known(division, device):
                    yield division

    def _fits(self, division: Division, device: Accelerator) -> bool:
        return memory_of(self._llm_of(division), device).blocks(self._shape, self._llm.block) > 0

    def _known(self, division: Division, device: Accelerator) -> bool:
        try:
            self.cost(division, device)
        except CatalogueError:
            return False
        return True

    def _llm_of(self, division: Division) -> Llm:
        return self._llm.model_copy(update={"tensor": division.tensor, "pipeline": division.pipeline})

    def _costs_of(self, division: Division) -> Costs:
        if division not in self._costs:
            llm = self._llm_of(division)
            self._costs[division] = Costs(self._name, llm, self._folder, Streams(self._seed))
        return self._costs[division]

    def cost(self, division: Division, device: Accelerator) -> IterationCost:
        """Return how long iterations take; raises CatalogueError if nobody knows."""
        return self._costs_of(division).on(device)

    def needed_bytes(self, division: Division, device: Accelerator, tokens: int) -> float:
        """Return the bytes of weights, and of keys and values of so many tokens, on all accelerators of a replica."""
        memory = memory_of(self._llm_of(division), device)
        return memory.weights(self._shape) + tokens * memory.token_bytes(self._shape)

    def usable_bytes(self, division: Division, device: Accelerator) -> float:
        """Return the bytes that a replica's accelerators have for both."""
        return division.accelerators * (device.memory_bytes * self._llm.memory_share - self._llm.reserved)

    def maker(self, division: Division, device: Accelerator) -> EngineMaker:
        """Return what makes engines of the model divided so on accelerators of that kind."""
        made = engine_maker(self._llm_of(division), self._costs_of(division))

        def make(clock: Clock, ended: Ended) -> Engine | Lanes:
            replica = SimpleNamespace(
                clock=clock,
                device=SimpleNamespace(spec=device),
                service=SimpleNamespace(askers={"batching": self._asker(clock)}),
                ended=ended,
            )
            return made(cast("LlmReplica", replica))

        return make

    def _asker(self, clock: Clock) -> Asker:
        asker = Asker(self._policy(), self._ref.use, self._name, lambda: clock.now)
        streams = Streams(self._seed)
        journal = Journal(TABLES, _Nowhere())
        network = Network(clock, streams, journal.tables["transfers"], journal.code)
        site = SiteFacade(clock, network, MappingProxyType({}), MappingProxyType({}))
        asker.tell(asker.policy.start, site, streams.stream(f"policy/{self._name}/batching"))
        return asker


class _Nowhere:
    """Takes the rows of a journal that nobody reads."""

    def write(self, table: str, batch: pa.RecordBatch) -> None:
        """Forget them."""
