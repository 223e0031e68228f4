"""Whether the parts of a scenario fit together; every mistake is found at once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from simtier.errors import Problem, ScenarioError
from simtier.scenario.checks import (
    apps,
    capacity,
    llm,
    llm_costs,
    loading,
    named,
    payloads,
    platforms,
    pool_numbers,
    pools,
    power,
    prefixes,
    reach,
    topology,
)
from simtier.scenario.checks import traces as trace_checks
from simtier.scenario.checks.facts import Facts
from simtier.scenario.scenario import Scenario


def check(scenario: Scenario, traces: Sequence[Path] = ()) -> list[Problem]:
    """Return everything that is wrong between the parts of `scenario`, in the order of its file; nothing means it can run.

    Every name is looked up: links, services, apps, stages, hardware, models, policies (whose modules are imported), traces
    (which are read, in `traces` and the usual directories). Then sizes: replicas, memory, accelerators; then the ways over links.
    """
    facts = Facts(scenario)
    found = chain(
        topology.nodes(facts),
        topology.names(facts),
        topology.links(facts),
        apps.services(facts),
        platforms.platforms(facts),
        apps.apps(facts),
        apps.workloads(facts),
        payloads.payloads(facts),
        named.policies(facts),
        trace_checks.traces(facts, traces),
        llm.engines(facts),
        llm_costs.costs(facts),
        llm.stages(facts),
        llm.targets(facts),
        pools.pools(facts),
        pool_numbers.pool_numbers(facts),
        prefixes.prefixes(facts),
        loading.loading(facts),
        capacity.sizes(facts),
        capacity.together(facts),
        capacity.hardware(facts),
        reach.reach(facts),
        power.power_rows(facts),
    )
    return sorted(dict.fromkeys(found), key=lambda problem: problem.line)


def require_valid(scenario: Scenario, traces: Sequence[Path] = ()) -> None:
    """Raise ScenarioError with all that `check` finds, if anything."""
    problems = check(scenario, traces)
    if problems:
        raise ScenarioError(problems)
