"""Applications whose tokens come from several services, and what may not be said of one of these services alone.

Definitions, for each application with stages that have `tokens`, of one replication:
- *TTFT* and *TPOT* of its requests, wherever they were served; see `llm`.
- *Energy* and *cost*: of the accelerators and replicas of all services that may run its stages with `tokens`, whole, also where other applications
  use them too; *per token*: over all output tokens of these services.
A service that computes prompts for another, or decodes what another began, does a part of each request: joules and dollars of an output token
and goodput for each accelerator are then known of the services together only, and left out of its own metrics.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simtier.metrics.reading import Columns, Texts
from simtier.metrics.sequences import NOBODY, Sequences
from simtier.scenario import Scenario
from simtier.scenario.services import App

OWNERS = ("replication", "replica", "service")
_TOGETHER = (
    "goodput_per_s",
    "goodput_per_accelerator_per_s",
    "joules_per_output_token",
    "usd_per_million_output_tokens",
)


def pooled(scenario: Scenario) -> list[str]:
    """Return the services that stages with tokens may be divided among."""
    found = {host for app in scenario.apps.values() for several in _hosts(app) if len(several) > 1 for host in several}
    return [name for name in scenario.services if name in found]


def owners(batches: Iterator[Columns]) -> NDArray[np.int64]:
    """Return the number of the service of each replica, from rows of the table replicas; the last is of no replica."""
    known: dict[int, int] = {}
    for rows in batches:
        known |= dict(zip(rows["replica"].tolist(), rows["service"].tolist(), strict=True))
    known.pop(-1, None)
    found = np.full(max(known, default=-1) + 2, NOBODY[0])
    found[list(known)] = list(known.values())
    return found


def add_pool(metrics: dict[str, Any], pool: dict[str, Any]) -> None:
    """Add to the metrics of a service what it did together with others, and take away what that leaves without meaning."""
    metrics["pool"] = pool
    if pool["handed_over"] or pool["taken_over"]:
        metrics |= dict.fromkeys(_TOGETHER)


def app_tokens(
    scenario: Scenario,
    texts: Texts,
    seen: Sequences,
    services: Mapping[str, Mapping[str, Any]],
    output_tokens: Mapping[str, float],
) -> dict[str, dict[str, Any]]:
    """Return what is known of the tokens of each application with stages that have `tokens`.

    Args:
        scenario: what was run.
        texts: numbers of names.
        seen: the sequences of a replication.
        services: metrics of the services with a language model in it.
        output_tokens: of each of them, in the time that energy and cost are of.
    """
    found = {}
    for name, app in scenario.apps.items():
        hosts = list(dict.fromkeys(host for several in _hosts(app) for host in several))
        if hosts:
            joules, dollars = (sum(services[host][key] for host in hosts) for key in ("energy_j", "cost_usd"))
            tokens = sum(output_tokens[host] for host in hosts)
            found[name] = {
                **seen.of_app(texts.code(name)),
                "energy_j": joules,
                "joules_per_output_token": joules / tokens if tokens else None,
                "cost_usd": dollars,
                "usd_per_million_output_tokens": 1e6 * dollars / tokens if tokens else None,
            }
    return found


def _hosts(app: App) -> list[tuple[str, ...]]:
    return [stage.hosts for stage in app.stages.values() if stage.tokens is not None]
