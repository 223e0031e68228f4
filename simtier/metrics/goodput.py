"""Goodput of applications of language models: how many requests do as promised, for each accelerator.

Definitions, for each application that promises something and has stages with `tokens`, of one replication:
- *Attainment*: requests that met all targets of the application, of all that were sent from the warm-up on. Whatever else became of a request,
  it missed: also one that was unfinished at the end of the run, whether or not it was still in time.
- *Goodput*: requests that met all targets, over the time in which they arrive; *per accelerator*: over the mean number of accelerators that the
  replicas hold of all services that may run its stages with `tokens`. Services shared with other applications count whole.
- *Kept rate per accelerator*: requests sent, over that time and these accelerators, if the attainment is what the objective promises; else 0.
  The largest of these over rates of arrival is what DistServe calls goodput: the highest rate at which a stated attainment is kept.
Source: Zhong et al., "DistServe: Disaggregating Prefill and Decoding for Goodput-optimized Large Language Model Serving", OSDI 2024, section 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simtier.metrics.requests import Tally
from simtier.scenario import Scenario
from simtier.scenario.services import App


def goodputs(
    scenario: Scenario, counted: Mapping[tuple[int, str], Tally], number: int, llm: Mapping[str, Any], until_s: float
) -> dict[str, dict[str, float | None]]:
    """Return the goodput of each application with tokens and an objective in a replication that ended at `until_s`.

    Args:
        scenario: what was run.
        counted: the requests of each (replication, workload).
        number: of the replication.
        llm: metrics of the services with a language model in it.
        until_s: when it ended.
    """
    arriving_s = min(until_s, scenario.run.duration) - scenario.run.warmup
    found = {}
    for name, app in scenario.apps.items():
        stages = [stage for stage in app.stages.values() if stage.tokens is not None]
        services = list(dict.fromkeys(host for stage in stages for host in stage.hosts))
        if app.slo is not None and services:
            mine = [counted.get((number, key), Tally()) for key, each in scenario.workloads.items() if each.app == name]
            accelerators = sum(llm[service]["accelerators"] for service in services)
            found[name] = _goodput(app, mine, accelerators, arriving_s)
    return found


def _goodput(app: App, tallies: list[Tally], accelerators: float, arriving_s: float) -> dict[str, float | None]:
    assert app.slo is not None
    sent, met = sum(sum(each.outcomes.values()) for each in tallies), sum(each.in_time for each in tallies)
    held_s = accelerators * arriving_s
    attainment = met / sent if sent else None
    kept = attainment is not None and attainment >= app.slo.percentile / 100
    some = arriving_s > 0
    return {
        "attainment": attainment,
        "per_s": met / arriving_s if some else None,
        "accelerators": accelerators,
        "per_accelerator_per_s": met / held_s if some and held_s else None,
        "kept_per_accelerator_per_s": (sent if kept else 0) / held_s if some and held_s else None,
    }
