"""AlpaServe's placement: several models on groups of accelerators, each divided over its group, so that bursts of one use the others' time.

Source: Li et al., AlpaServe, OSDI 2023, section 4.2: the cluster is partitioned into equal groups of every size, with every way to divide models over a
group; onto these, replicas of models are placed one by one, each time the one that most requests are in time with, by simulation.

Assumptions: those of `groups`; all groups are equal (AlpaServe also sorts models into buckets by size, with groups of their own); greedy, a beam
of one. The comparison is with one model on each group of the smallest size that holds it, placed as greedily.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from simtier.errors import PlanError
from simtier.models.llm.estimates import alone_s
from simtier.models.llm.parallel import Pipelined
from simtier.models.llm.work import IterationCost
from simtier.planning.engines import Division, Stock, Workshop, stocks
from simtier.planning.goodput import climb
from simtier.planning.groups import Ask, Work, latencies
from simtier.planning.question import token_stages
from simtier.planning.requests import Load, Request, load_of
from simtier.scenario import Scenario
from simtier.scenario.check import require_valid
from simtier.scenario.services import Slo
from simtier.streams import Streams

_ALONE = 1
"""Models of a group in the comparison."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model of the cluster.

    Attributes:
        app, service: whose it is.
        workshop: knows what it takes.
        load: its requests.
        slo: what they are promised.
    """

    app: str
    service: str
    workshop: Workshop
    load: Load
    slo: Slo


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Models on groups.

    Attributes:
        division: of every model of a group over it.
        groups: names of the services of each.
        attained: share of all requests in time, at the scenario's own rates.
        times_rate: how many times the scenario's rates it takes, at the share that was promised; 0 if none.
    """

    division: Division
    groups: tuple[tuple[str, ...], ...]
    attained: float
    times_rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedPlan:
    """A placement of several models, and what it is compared with.

    Attributes:
        scenario: of which.
        hardware: accelerators.
        shared: the best placement found.
        apart: the best with one model on each group; None if there are fewer groups than models.
        share: of requests that was promised.
        requests: of all models that were simulated.
        simulations: how many were run.
    """

    scenario: Scenario
    hardware: str
    shared: Placement
    apart: Placement | None
    share: float
    requests: int
    simulations: int


def alpaserve(scenario: Scenario, *, attainment: float | None = None, number: int = 300) -> SharedPlan:
    """Return where AlpaServe would place the language models of a scenario.

    Args:
        scenario: whose applications with `tokens` each have a service of their own, all on the same nodes; requests must be answered within
            the `latency` of their `slo`, or within `ttft` and `tpot` for each further token.
        attainment: share of requests, in (0, 1], that must be; the largest `percentile` if not given.
        number: requests of each model that are simulated.

    Raises ScenarioError for a scenario that could not run, PlanError for models that cannot share.
    """
    require_valid(scenario)
    models = [_model(scenario, app, stage, number) for app, stage in token_stages(scenario)]
    if len(models) < 2:
        raise PlanError(
            f"scenario {scenario.name!r} has {len(models)} language model{'s' * (not models)}, and placing is about several: use the method distserve"
        )
    stock = _common(scenario, models)
    share = attainment if attainment is not None else max(model.slo.percentile for model in models) / 100
    search = Placing(models, stock, share)
    shared = search.best(len(models))
    if shared is None:
        raise PlanError(
            f"no group of {stock.device.name} holds any of the models: take larger accelerators, or larger nodes"
        )
    total = sum(len(model.load.requests) for model in models)
    return SharedPlan(
        scenario=scenario,
        hardware=stock.device.name,
        shared=shared,
        apart=search.best(_ALONE),
        share=share,
        requests=total,
        simulations=search.simulations,
    )


class Placing:
    """Tries placements.

    Args:
        models: what is to be placed.
        stock: on which accelerators.
        share: of requests that must be in time.

    Attributes:
        simulations: how many were run so far.
    """

    def __init__(self, models: Sequence[Model], stock: Stock, share: float) -> None:
        self._models, self._stock, self._share = models, stock, share
        self.simulations = 0

    def best(self, most: int) -> Placement | None:
        """Return the best placement with at most so many models on a group; None if nothing can be placed.

        That is the one with most requests in time; of equal ones, the one that takes most times the rates.
        """
        found = [placed for division in self._divisions(most) if (placed := self._placed(division, most)) is not None]
        return max(found, key=lambda placed: (round(placed.attained, 9), placed.times_rate), default=None)

    def _divisions(self, most: int) -> Iterator[Division]:
        """Yield the divisions to try: those that some model is known for; of the smallest groups only, if models are to be alone."""
        device, largest = self._stock.device, max(self._stock.nodes)
        known = dict.fromkeys(
            division for model in self._models for division in model.workshop.divisions(device, largest)
        )
        smallest = max(
            min((each.accelerators for each in model.workshop.divisions(device, largest)), default=1)
            for model in self._models
        )
        for division in sorted(known, key=lambda each: (each.accelerators, each.pipeline)):
            if most > _ALONE or division.accelerators == smallest:
                yield division

    def _placed(self, division: Division, most: int) -> Placement | None:
        """Place replicas one by one as long as more requests are in time."""
        works = {model.service: self._works(model, division) for model in self._models}
        works = {name: work for name, work in works.items() if work}
        groups: list[frozenset[str]] = [frozenset()] * self._stock.room(division)
        best = 0.0
        while True:
            tried = [
                (self._attained(works, more, division, 1.0), more)
                for more in self._steps(groups, works, division, most)
            ]
            if not tried:
                break
            attained, more = max(tried, key=lambda each: each[0])
            if attained <= best:
                break
            best, groups = attained, more
        if not best:
            return None
        times = climb(lambda factor: self._attained(works, groups, division, factor), self._share, 1.0)
        return Placement(
            division=division, groups=tuple(tuple(sorted(each)) for each in groups), attained=best, times_rate=times
        )

    def _steps(
        self, groups: list[frozenset[str]], works: Mapping[str, object], division: Division, most: int
    ) -> Iterator[list[frozenset[str]]]:
        """Yield the groups with one more replica somewhere; groups that hold the same count once."""
        for place in {held: place for place, held in reversed(list(enumerate(groups)))}.values():
            for model in self._models:
                held = groups[place] | {model.service}
                if model.service in works and len(groups[place]) < len(held) <= most and self._fits(held, division):
                    yield [*groups[:place], held, *groups[place + 1 :]]

    def _fits(self, held: frozenset[str], division: Division) -> bool:
        """Return whether the weights of models fit on a group, and keys and values of one request of each."""
        device = self._stock.device
        needed = sum(
            model.workshop.needed_bytes(
                division, device, max(each.prompt + each.output for each in model.load.requests)
            )
            for model in self._models
            if model.service in held
        )
        return needed <= min(
            model.workshop.usable_bytes(division, device) for model in self._models if model.service in held
        )

    def _works(self, model: Model, division: Division) -> list[Work]:
        """Return what a model's requests take; nothing if it cannot be divided so."""
        if division not in model.workshop.divisions(self._stock.device, division.accelerators):
            return []
        cost = model.workshop.cost(division, self._stock.device)
        return [_work(cost, each) for each in model.load.requests]

    def _attained(
        self, works: Mapping[str, Sequence[Work]], groups: Sequence[frozenset[str]], division: Division, factor: float
    ) -> float:
        """Return which share of requests is in time at `factor` times their rates; those of models without times are not."""
        self.simulations += 1
        asks = list(heapq.merge(*(_asks(model, factor) for model in self._models), key=lambda ask: ask.at_s))
        known = {model.service: works.get(model.service, ()) for model in self._models}
        took = latencies(asks, known, groups, division.pipeline)
        return float(np.isfinite(took).mean())


def _work(cost: IterationCost, request: Request) -> Work:
    all_s = alone_s(cost, request.prompt, request.output)
    stage_s = alone_s(cost.stage, request.prompt, request.output) if isinstance(cost, Pipelined) else all_s
    return Work(all_s, stage_s)


def _asks(model: Model, factor: float) -> Iterator[Ask]:
    for request in model.load.at_rate(model.load.per_s * factor):
        yield Ask(request.at_s, model.service, _within_s(model.slo, request.output))


def _within_s(slo: Slo, output: int) -> float:
    """Return how long a request may take."""
    by_tokens = float("inf")
    if slo.ttft is not None and slo.tpot is not None:
        by_tokens = slo.ttft + (output - 1) * slo.tpot
    return min(by_tokens, slo.latency if slo.latency is not None else float("inf"))


def _model(scenario: Scenario, app: str, stage: str, number: int) -> Model:
    slo = scenario.apps[app].slo
    if slo is None or _within_s(slo, 1) == float("inf"):
        raise PlanError(
            f"apps.{app}.slo: placing needs to know when a request is late: give `latency`, or `ttft` and `tpot`"
        )
    hosts = scenario.apps[app].stages[stage].hosts
    if len(hosts) > 1:
        raise PlanError(
            f"apps.{app}.stages.{stage} is split among pools, and placing is about whole models: give it one `service`"
        )
    load = load_of(scenario, app, stage, number, Streams(scenario.run.seed))
    return Model(app=app, service=hosts[0], workshop=Workshop(scenario, hosts[0]), load=load, slo=slo)


def _common(scenario: Scenario, models: Sequence[Model]) -> Stock:
    """Return the accelerators that all models may use; raises PlanError if they are not the same, and of one kind."""
    names = [model.service for model in models]
    if len(set(names)) < len(names):
        raise PlanError("two applications use the same service: give each model one application")
    found = {stocks(scenario, name) for name in names}
    kinds = next(iter(found))
    if len(found) > 1 or len(kinds) != 1:
        raise PlanError(
            f"services {', '.join(names)} must all be `on` the same nodes, with accelerators of one kind, to share them"
        )
    return kinds[0]
