"""Scenarios whose language model does not fit on its accelerators as they are written: how many it takes is what a plan is asked for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from simtier.errors import ScenarioError
from simtier.planning.engines import stocks
from simtier.scenario import Scenario
from simtier.scenario.check import check


def with_room(scenario: Scenario, services: Collection[str], traces: Sequence[Path] = ()) -> Scenario:
    """Return the scenario, or if it could not run the same with the smallest `tensor` for the one service planned for that it can run with.

    That has then as few replicas as may be; a plan says how many there are. Raises ScenarioError with all mistakes of the scenario
    as it is written if that does not help, or `services` are several.
    """
    problems = check(scenario, traces)
    if not problems:
        return scenario
    own = len(services) == 1 and all(
        problem.place.startswith(f"services.{service}.") for service in services for problem in problems
    )
    for service in services if own else ():
        for tensor in _more(scenario, service):
            made = _divided(scenario, service, tensor)
            if not check(made, traces):
                return made
    raise ScenarioError(problems)


def _more(scenario: Scenario, service: str) -> range:
    """Return larger degrees of tensor parallelism that a node has accelerators for."""
    written = scenario.services.get(service)
    if written is None or written.llm is None:
        return range(0)
    most = max((max(stock.nodes) for stock in stocks(scenario, service)), default=0)
    return range(written.llm.tensor + 1, most + 1)


def _divided(scenario: Scenario, service: str, tensor: int) -> Scenario:
    written = scenario.services[service]
    assert written.llm is not None
    update = {"llm": written.llm.model_copy(update={"tensor": tensor}), "replicas": max(1, written.least)}
    return scenario.model_copy(update={"services": {**scenario.services, service: written.model_copy(update=update)}})
