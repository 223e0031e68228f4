"""What a plan is asked for: a language model of a scenario, what its requests were promised, and the accelerators there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from simtier.errors import PlanError, did_you_mean
from simtier.planning.engines import Stock, Workshop, stocks
from simtier.planning.requests import Load, load_of
from simtier.planning.room import with_room
from simtier.scenario import Scenario
from simtier.streams import Streams


@dataclass(frozen=True, slots=True)
class Promise:
    """What requests are promised.

    Attributes:
        ttft_s: most time to the first token.
        tpot_s: most mean time per token after it.
        share: of all requests that both must hold for, in (0, 1].
    """

    ttft_s: float
    tpot_s: float
    share: float


@dataclass(frozen=True)
class Question:
    """What a plan is asked for.

    Attributes:
        scenario: a scenario that passed its checks.
        app, stage, service: the language model: the stage with tokens, and who runs it.
        promise: what its requests are promised.
        number: how many requests are simulated at each rate.
        traces: directories in which traces are looked for first.
        asked_rate: of all requests, in requests/s; the scenario's own if None.
    """

    scenario: Scenario
    app: str
    stage: str
    service: str
    promise: Promise
    number: int = 300
    traces: tuple[Path, ...] = ()
    asked_rate: float | None = None

    @cached_property
    def load(self) -> Load:
        """The requests that everything is tried with."""
        return self.load_of(self.scenario.run.seed, self.number)

    def load_of(self, seed: int, number: int, replication: int = 0) -> Load:
        """Return the first `number` requests with other random numbers."""
        return load_of(self.scenario, self.app, self.stage, number, Streams(seed, replication), self.traces)

    @cached_property
    def rate(self) -> float:
        """Requests/s to plan for."""
        return self.asked_rate if self.asked_rate is not None else self.load.scenario_per_s

    @cached_property
    def workshop(self) -> Workshop:
        """Makes its engines."""
        return Workshop(self.scenario, self.service)

    @cached_property
    def stocks(self) -> tuple[Stock, ...]:
        """The accelerators it may use, by kind."""
        return stocks(self.scenario, self.service)

    @cached_property
    def stock(self) -> Stock:
        """The accelerators; raises PlanError if they are of several kinds."""
        if len(self.stocks) != 1:
            kinds = ", ".join(stock.device.name for stock in self.stocks)
            raise PlanError(
                f"services.{self.service}.on has accelerators of several kinds ({kinds}), and this method divides one kind: name nodes of one "
                "kind, or use the method splitwise"
            )
        return self.stocks[0]


def question(
    scenario: Scenario,
    *,
    app: str | None = None,
    rate: float | None = None,
    attainment: float | None = None,
    number: int = 300,
    traces: Sequence[Path] = (),
) -> Question:
    """Return what to plan for in `scenario`.

    Args:
        scenario: with a stage that has `tokens`, and an `slo` with `ttft` and `tpot`.
        app: which application; may be left out if only one has tokens.
        rate: requests/s to plan for; the scenario's own if not given.
        attainment: share of requests, in (0, 1], that must be within both targets; the `percentile` of the `slo` if not given.
        number: requests that are simulated at each rate.
        traces: directories in which traces are looked for first.

    A model that does not fit as the scenario divides it is taken with the smallest `tensor` with which it does.

    Raises ScenarioError for a scenario that could not run, PlanError for one without a language model or a promise to plan for.
    """
    _check(rate, attainment, number)
    scenario = with_room(
        scenario, {scenario.apps[name].stages[stage].hosts[0] for name, stage in token_stages(scenario, app)}, traces
    )
    name, stage = _stage(scenario, app)
    written = scenario.apps[name]
    slo = written.slo
    if slo is None or slo.ttft is None or slo.tpot is None:
        raise PlanError(
            f"apps.{name}.slo: a plan needs to know what is promised: give `ttft` and `tpot`, such as {{ttft: 500 ms, tpot: 50 ms, percentile: 90}}"
        )
    share = slo.percentile / 100 if attainment is None else attainment
    host = written.stages[stage].hosts[0]
    return Question(scenario, name, stage, host, Promise(slo.ttft, slo.tpot, share), number, tuple(traces), rate)


def _check(rate: float | None, attainment: float | None, number: int) -> None:
    if rate is not None and not 0 < rate < float("inf"):
        raise PlanError(f"a rate of {rate!r} requests/s cannot be planned for: give a positive number")
    if attainment is not None and not 0 < attainment <= 1:
        raise PlanError(f"an attainment of {attainment!r} cannot be promised: give a share above 0, up to 1")
    if number < 2:
        raise PlanError(f"{number} requests make no rate: simulate 2 or more")


def _stage(scenario: Scenario, app: str | None) -> tuple[str, str]:
    """Return the application and the stage that have tokens."""
    if app is not None and app not in scenario.apps:
        raise PlanError(f"there is no application {app!r}{did_you_mean(app, scenario.apps)}")
    found = list(token_stages(scenario, app))
    if not found:
        where = f"application {app!r}" if app is not None else f"scenario {scenario.name!r}"
        raise PlanError(f"{where} runs no language model: no stage has `tokens`, so there is nothing to plan")
    if len(found) > 1:
        names = ", ".join(f"{name}.{stage}" for name, stage in found)
        raise PlanError(
            f"several stages have tokens ({names}): say which application with --app, one with a single such stage"
        )
    return found[0]


def token_stages(scenario: Scenario, app: str | None = None) -> Iterator[tuple[str, str]]:
    """Yield application and stage of all that have tokens, of one application or of all."""
    for name, written in scenario.apps.items():
        if app is None or name == app:
            yield from ((name, stage) for stage, part in written.stages.items() if part.tokens is not None)
