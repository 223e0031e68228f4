"""A plan as a scenario that `simtier run` takes: the service divided into pools, and the stage with its `split`."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from simtier.errors import PlanError, ResultError, ScenarioError
from simtier.planning.plans import BOTH, PROMPTS, TOKENS, Plan, Pool
from simtier.scenario import Scenario
from simtier.scenario.check import check
from simtier.scenario.load import dump, from_dict
from simtier.world.resolve import with_files

_ROUTING = {PROMPTS: "shortest_queue_tokens", TOKENS: "least_in_flight", BOTH: "shortest_queue_tokens"}
_ORDER = (PROMPTS, BOTH, TOKENS)
"""How a stage names its pools: those in between help, as the policy `splitwise` has it."""


def planned(plan: Plan) -> Scenario:
    """Return the scenario of a plan's question with its pools in place of the service.

    A pool routes as the service does, or by its queues if that says nothing. Raises PlanError if the service cannot be divided, as other
    stages run on it or the pools have no room.
    """
    asked = plan.question
    if plan.trouble:
        raise PlanError(f"no scenario is written of a plan that does not do: {plan.trouble}")
    _require_alone(plan)
    data = asked.scenario.model_dump(mode="json", by_alias=True)
    written = data["services"].pop(asked.service)
    names = []
    for pool in sorted(plan.pools, key=lambda each: _ORDER.index(each.role)):
        name = _free(f"{asked.service}_{pool.role}", data["services"])
        data["services"][name] = _service(plan, written, pool)
        names.append(name)
    app = data["apps"][asked.app]
    stage = app["stages"][asked.stage]
    stage["service"], stage["split"] = (names[0], None) if len(names) == 1 else (None, names)
    app["policies"]["disaggregation"] = {"use": "splitwise" if len(names) > 2 else "apart"}
    try:
        made = from_dict(data).from_source(asked.scenario.source, asked.scenario.folder)
    except ScenarioError as error:
        raise PlanError(f"the plan makes no scenario that could run: {error.problems[0]}") from error
    problems = check(made, asked.traces)
    if problems:
        raise PlanError(f"the plan makes no scenario that could run: {problems[0].place}: {problems[0].message}")
    return made


def write(plan: Plan, path: Path) -> None:
    """Write the scenario of a plan to `path`; raises PlanError, or ResultError if the file is there already or cannot be written."""
    made = planned(plan)
    require_new(path)
    try:
        if path.parent.resolve() != plan.question.scenario.folder.resolve():
            made = with_files(made, path.parent)
        with path.open("x", encoding="utf-8") as file:
            file.write(_head(plan) + dump(made))
    except FileExistsError as error:
        raise _there(path) from error
    except OSError as error:
        raise ResultError(f"cannot write {path}: {error.strerror or error}") from error


def require_new(path: Path) -> None:
    """Raise ResultError if a file is there already, or the folder it should be in is not."""
    if path.exists():
        raise _there(path)
    if not path.parent.is_dir():
        raise ResultError(
            f"cannot write {path}: there is no folder {path.parent}: make it, or give --out another place"
        )


def _there(path: Path) -> ResultError:
    return ResultError(f"{path} is there already: give --out another name, or remove it")


def _require_alone(plan: Plan) -> None:
    asked = plan.question
    for app, written in asked.scenario.apps.items():
        for stage, part in written.stages.items():
            if asked.service in part.hosts and (app, stage) != (asked.app, asked.stage):
                raise PlanError(
                    f"services.{asked.service} also runs stage {stage!r} of {app!r}, so it cannot be divided: give that a service of its own"
                )
    if len(asked.scenario.apps[asked.app].stages[asked.stage].hosts) > 1:
        raise PlanError(f"apps.{asked.app}.stages.{asked.stage} is split already: give it one `service` to plan for")


def _service(plan: Plan, written: dict[str, Any], pool: Pool) -> dict[str, Any]:
    made = copy.deepcopy(written)
    made["replicas"], made["most"] = pool.replicas, max(pool.replicas, made["most"])
    made["least"] = min(made["least"], pool.replicas)
    made["llm"]["tensor"], made["llm"]["pipeline"] = pool.division.tensor, pool.division.pipeline
    made["llm"]["shares"] = None  # whoever plans gives each engine whole accelerators
    made["on"] = _nodes(plan, pool)
    if made["policies"]["routing"] is None:
        made["policies"]["routing"] = {"use": _ROUTING[pool.role]}
    return made


def _nodes(plan: Plan, pool: Pool) -> list[str]:
    """Return where a pool's replicas may run: nodes with its accelerators, and no others."""
    asked = plan.question
    stock = next(each for each in asked.stocks if each.device.name == pool.hardware)
    others = [place for each in asked.stocks if each is not stock for place in each.places]
    shared = next((place for place in stock.places if place in others), None)
    if shared is not None:
        raise PlanError(
            f"nodes.{shared} has accelerators of several kinds, and a service cannot choose among those of a node: give each kind nodes of its own"
        )
    return list(stock.places)


def _free(name: str, taken: dict[str, Any]) -> str:
    """Return the name, or with a number behind it the first that is not taken."""
    number, found = 1, name
    while found in taken:
        number += 1
        found = f"{name}_{number}"
    return found


def _head(plan: Plan) -> str:
    """Return what the file says about itself."""
    asked = plan.question
    pools = "; ".join(f"{pool.replicas} for {pool.role} ({pool.division} on {pool.hardware})" for pool in plan.pools)
    return (
        f"# Planned by simtier plan, method {plan.method}, for {asked.rate:.4g} requests/s of {asked.app!r}: {pools}.\n"
        f"# Simulated with {asked.number} requests a rate, seed {asked.scenario.run.seed}. The workload is as it was.\n"
    )
