"""Applications of a scenario, alive."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import mul

from simtier.catalogue.dnn import dnn
from simtier.clock import Clock
from simtier.contract import Asker
from simtier.journal import Journal
from simtier.models.app import App
from simtier.models.dnn_stage import DnnStage
from simtier.models.llm.pooled_stage import PooledStage
from simtier.models.llm.tokens import TokenTimer
from simtier.models.network import Network
from simtier.models.serverless.platform import Platform
from simtier.models.serverless.stage import NamedFunctionStage
from simtier.models.service import Service
from simtier.models.stage import Stage
from simtier.models.timers import ConstantTimer, CostTimer, DrawnTimer, LayerTimer, Timer, TracedTimer
from simtier.models.visit import Part, Visit
from simtier.scenario.base import Traced
from simtier.scenario.services import App as Written
from simtier.scenario.services import Stage as WrittenStage
from simtier.streams import Streams
from simtier.world.llm import tokens_timer
from simtier.world.times import distribution


def parents(stages: Mapping[str, WrittenStage]) -> dict[str, tuple[str, ...]]:
    """Return the stages each stage waits for: those it names, or the one written before it."""
    found: dict[str, tuple[str, ...]] = {}
    before: tuple[str, ...] = ()
    for name, stage in stages.items():
        found[name] = before if stage.after is None else stage.after
        before = (name,)
    return found


StageAsker = Callable[[str, str], Asker]
"""Returns the asker of a kind of policy for a stage of an application."""


@dataclass(frozen=True)
class Hosts:
    """What stages run on.

    `function_of` finds for a platform the function that a visit's trace names.
    """

    services: Mapping[str, Service]
    platforms: Mapping[str, Platform]
    function_of: Mapping[str, Callable[[Visit], Part]]


class AppMaker:
    """Builds applications on services that are alive; `traced_means` tells the mean of what an application's traces hold.

    Attributes:
        tokens: of the stages that have any, by place in the scenario.
    """

    def __init__(
        self,
        clock: Clock,
        network: Network,
        journal: Journal,
        streams: Streams,
        hosts: Hosts,
        traced_means: Callable[[str], tuple[float, ...]],
    ) -> None:
        self._clock = clock
        self._network = network
        self._journal = journal
        self._streams = streams
        self._hosts = hosts
        self._traced_means = traced_means
        self.tokens: dict[str, TokenTimer] = {}

    def make(self, name: str, written: Written, asker: StageAsker, closes_s: float) -> App:
        """Return the application with its graph of stages; `asker` makes the asker of a stage that several services may run."""
        timeout = written.timeout if written.timeout is not None else float("inf")
        app = App(name, self._clock, self._network, self._journal, written.response, timeout, written.priority)
        before = parents(written.stages)
        ends = set(written.stages) - {parent for names in before.values() for parent in names}
        copies: dict[str, tuple[Stage, ...]] = {}
        for key, described in written.stages.items():
            answer = written.response if key in ends else None
            copies[key] = tuple(
                self._stage(key, described, app, asker, answer, copy) for copy in range(described.copies)
            )
            self._tell_service(copies[key][0])
        for key, stages in copies.items():
            nexts = tuple(stage for other, names in before.items() if key in names for stage in copies[other])
            needs = sum(len(copies[parent]) for parent in before[key])
            for copy, stage in enumerate(stages):
                stage.original = stages[0]
                stage.connect(nexts, needs, copy * written.stages[key].stagger)
        firsts = tuple(stage for key, names in before.items() if not names for stage in copies[key])
        every = [stage for stages in copies.values() for stage in stages]
        if written.slo is not None and written.slo.compares:
            for timer in (stage.timer for stage in every if isinstance(stage.timer, TokenTimer)):
                timer.compared = True
        forks = any(len(stage.nexts) > 1 for stage in every)
        app.prepare(firsts, sum(len(copies[key]) for key in ends), forks=forks, closes_s=closes_s)
        for stage in every:
            stage.settle()
        return app

    def _stage(
        self,
        name: str,
        written: WrittenStage,
        app: App,
        asker: StageAsker,
        answer: float | None,
        copy: int,
    ) -> Stage:
        if written.model is not None:
            names = written.hosts
            services = [self._hosts.services[service] for service in names]
            timer = LayerTimer(dnn(written.model), written.precision)
            output = written.output or timer.dnn.crossing_bytes(len(timer.dnn.layers), written.precision)
            return DnnStage(
                name, app, timer, services, asker("partitioning", name), output, output if answer is None else answer
            )
        output = written.output
        own_timer = self._timer(name if copy == 0 else f"{name}/{copy}", written, app)
        if written.split is not None:
            return self._pooled(name, written.split, app, own_timer, asker("disaggregation", name), output)
        assert written.service is not None
        platform = self._hosts.platforms.get(written.service)
        if platform is None:
            return Stage(name, app, own_timer, Part(self._hosts.services[written.service]), output)
        if written.function is not None:
            part = platform.part(written.function)
            assert part is not None
            platform.will_run(written.function, own_timer)
            return Stage(name, app, own_timer, part, output)
        return NamedFunctionStage(name, app, own_timer, self._hosts.function_of[written.service], output)

    def _pooled(
        self, name: str, pools: tuple[str, ...], app: App, timer: Timer, asker: Asker, output: float
    ) -> PooledStage:
        """Return a stage with tokens that several pools may serve."""
        assert isinstance(timer, TokenTimer)
        services = [self._hosts.services[pool] for pool in pools]
        return PooledStage(name, app, timer, services, asker, output)

    def _timer(self, name: str, written: WrittenStage, app: App) -> Timer:
        if written.tokens is not None:
            means = self._traced_means(app.name)
            timer = tokens_timer(f"app/{app.name}/{name}/tokens", written.tokens, self._streams, means)
            timer.number = len(self.tokens)
            self.tokens[f"apps.{app.name}.stages.{name}"] = timer
            return timer
        if written.cost is not None:
            return CostTimer(written.cost.flop, written.cost.bytes, written.cost.precision)
        assert written.time is not None
        if isinstance(written.time, Traced):
            return self._traced(written.time, app.name, written)
        times = distribution(written.time)
        if times.constant:
            return ConstantTimer(times.mean, written.batch_cost)
        return DrawnTimer(
            self._streams.request_draws(f"app/{app.name}/{name}/time", times.sample),
            times.mean,
            written.batch_cost,
            padded=written.padded,
        )

    def _traced(self, time: Traced, app: str, written: WrittenStage) -> Timer:
        weights = (time.duration, time.per_input_token, time.per_output_token)  # in the order of TRACED
        mean_s = time.base + sum(map(mul, weights, self._traced_means(app)))
        return TracedTimer(time.base, weights, mean_s, written.batch_cost, padded=written.padded)

    def _tell_service(self, stage: Stage) -> None:
        """Let its services know how long a request takes on average on their first replica, for their views."""
        for service in stage.services:
            replica = service.first_replica()
            if replica is not None:
                service.mean_work_s = max(service.mean_work_s, stage.timer.typical_s(replica))
