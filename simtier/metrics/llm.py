"""How services of language models did: times of tokens, tokens a second, batches, memory of keys and values, energy and cost.

Requests count if they arrived from the warm-up on. What engines did is about the time from the warm-up's end to the end of the run.

Definitions, for each service with an `llm`; a request that comes twice counts twice, but once in goodput:
- *TTFT* (time to first token): first token at the engine - arrival of the request in the system, network and waiting included.
- *TPOT* (time per output token): (last token - first token) / (output tokens - 1), of requests with two tokens or more.
- *Inter-token latency*: every single time between two tokens of a request; see `engines`. Of all tokens in the time counted.
- *Latency*: last token - arrival; *normalised* latency: latency / output tokens (Yu et al., "Orca", OSDI 2022). All of these are of requests
  served: they got all their tokens, and their clients were there. Quantiles of inter-token latency are within 0.4 %, others exact.
- *Slow-down* of TTFT, TPOT and latency: over what the same request would take with its engine to itself, at the highest clock, nothing of its
  prompt found in a cache, its prompt computed in one iteration. What it waits for before it reaches the engine is in the upper part only.
  Of requests of applications that promise a slow-down (Patel et al., "Splitwise", ISCA 2024; its artefact, splitwise-sim, asks at P50, P90
  and P99 for 2, 3 and 6 in TTFT, and for 1.25, 1.5 and 5 in TBT and E2E, relative to eight A100s).
- *Tokens a second*: prompt tokens computed (found ones are not, recomputed ones are again), and output tokens, from the warm-up to the end of
  arrivals, over that time.
- *Batch*: decoding sequences of an iteration, as a mean over iterations, and over the time in which iterations run; quantiles over iterations.
- *KV use*: share of an engine's blocks that sequences hold, its mean over the time in which replicas are ready or drain, and its
  maximum. Blocks that are only kept in a cache of prefixes are not held.
- *Utilisation*: share of that time in which iterations run.
- *Cached share*: of the prompt tokens of requests that began, those found computed when they were admitted first.
- *Goodput*: requests that meet the objective of their application (`requests`), over the time in which they arrive; those of applications
  without one are left out. *Per accelerator*: over the mean number of accelerators that the replicas hold. See `goodput` for applications.
- *Pools*: of services that a stage's `split` names together, how many requests came to decode at one whose prompt another had computed, and the
  time from the first token until their keys and values were there: the wait for room included, and the transfer. Prompts, and what was found
  of them, are the service's that computed them; TTFT and all other times are those of the service that decoded. What a token took and cost, and
  goodput for each accelerator, are not known of one pool alone: see `app_tokens`.
- *Energy*: each accelerator of the replicas draws idle power for as long as its replica lives, start-up included, and in iterations what they
  say, by what they compute. *Cost*: price of these accelerators and of the replicas for that long. Hosts are in neither; both are over the
  output tokens of the same time (joules per token are megajoules per million). An engine's accelerators are its own, so nothing is to be divided.
- *Loading*: of services with `llm.loading`, the staged starts; see `loads`.
Source of TTFT, TPOT and goodput: Zhong et al., "DistServe", OSDI 2024, section 1; its goodput is the highest rate at which an attainment is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from simtier.metrics.engines import COLUMNS as ITERATIONS
from simtier.metrics.engines import Engines, Window
from simtier.metrics.loads import COLUMNS as LOADS
from simtier.metrics.loads import Loads
from simtier.metrics.occupancy import ratio
from simtier.metrics.pools import OWNERS, add_pool, app_tokens, owners, pooled
from simtier.metrics.reading import ByReplication, Columns, Sums, Texts, overlap
from simtier.metrics.requests import QUANTILES, Tally
from simtier.metrics.sequences import COLUMNS as SEQUENCES
from simtier.metrics.sequences import Sequences
from simtier.metrics.weighted import Weighted
from simtier.scenario import Scenario

_REPLICAS = ("replication", "service", "node", "device", "state", "start_s", "end_s")
_SERVING = ("ready", "draining")


def llm_metrics(
    folder: Path,
    scenario: Scenario,
    layout: Mapping[str, Any],
    windows: Sequence[Window],
    counted: Mapping[tuple[int, str], Tally],
) -> list[tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]]:
    """Return for each replication the metrics of each service with a language model, and of each application's tokens.

    `counted` are the requests.
    """
    services = [name for name, service in scenario.services.items() if service.llm is not None]
    if not services:
        return [({}, {}) for _ in windows]
    texts = Texts()
    iterations = ByReplication(folder / "iterations.parquet", ITERATIONS, texts)
    states = ByReplication(folder / "replicas.parquet", _REPLICAS, texts)
    sequences, again = (ByReplication(folder / "sequences.parquet", SEQUENCES, texts) for _ in range(2))
    loads = ByReplication(folder / "loads.parquet", LOADS, texts)
    replicas = ByReplication(folder / "replicas.parquet", OWNERS, texts)
    pools = pooled(scenario)
    found = []
    for number, window in enumerate(windows):
        started = Loads(loads.take(number), texts, window)
        seen = Sequences(sequences.take(number), texts, scenario.run.warmup, owners(replicas.take(number)))
        seen.look_again(again.take(number))
        engines = Engines(iterations.take(number), window, scenario.run.duration)
        held = _Held(states.take(number), texts, layout, window)
        good = _good(scenario, counted, number)
        each = {name: _metrics(name, texts.code(name), seen, engines, held, good[name]) for name in services}
        for name, metrics in each.items():
            if _loads(scenario, name):
                metrics["loading"] = started.metrics(texts.code(name))
        tokens = {name: engines.sums(texts.code(name))["output_tokens"] for name in services}
        apps = app_tokens(scenario, texts, seen, each, tokens)
        for name in pools:
            add_pool(each[name], seen.pool(texts.code(name)))
        found.append((each, apps))
    return found


def _metrics(name: str, code: int, seen: Sequences, engines: Engines, held: _Held, good: int | None) -> dict[str, Any]:
    """Return the metrics of one service in one replication; `good` requests met their objective."""
    sums = engines.sums(code)
    serving_s, number, (joules, dollars) = held.serving_s(code), held.accelerators(name), held.bill(name, engines)
    arriving_s, tokens = engines.arriving_s, sums["output_tokens"]
    good_per_s = good / arriving_s if good is not None and arriving_s > 0 else None
    return {
        **seen.metrics(code),
        "itl_s": engines.gaps(code).describe(QUANTILES),
        "input_tokens_per_s": sums["prompt_tokens_in"] / arriving_s if arriving_s > 0 else 0.0,
        "output_tokens_per_s": sums["output_tokens_in"] / arriving_s if arriving_s > 0 else 0.0,
        "batch": {
            "per_iteration": _over(sums["decoded"], sums["iterations"]),
            "over_time": _over(sums["decode_s"], sums["busy_s"]),
            **_marks(engines.batches(code)),
        },
        "kv_use": {"mean": _over(sums["held_s"], serving_s), "max": engines.most_held(code)},
        "utilisation": ratio(sums["busy_s"], serving_s),
        "accelerators": number,
        "goodput_per_s": good_per_s,
        "goodput_per_accelerator_per_s": _over(good_per_s, number) if good_per_s is not None else None,
        "energy_j": joules,
        "joules_per_output_token": _over(joules, tokens),
        "cost_usd": dollars,
        "usd_per_million_output_tokens": _over(1e6 * dollars, tokens),
    }


def _loads(scenario: Scenario, service: str) -> bool:
    llm = scenario.services[service].llm
    return llm is not None and llm.loading is not None


def _marks(values: Weighted) -> dict[str, float | None]:
    """Return quantiles and maximum."""
    return {name: value for name, value in values.describe(QUANTILES).items() if name != "mean"}


def _over(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _good(scenario: Scenario, counted: Mapping[tuple[int, str], Tally], number: int) -> dict[str, int | None]:
    """Return how many requests that came to each service met their objective; None if none that come there has any."""
    found: dict[str, int | None] = dict.fromkeys(scenario.services)
    for name, workload in scenario.workloads.items():
        app = scenario.apps[workload.app]
        if app.slo is not None:
            met = counted.get((number, name), Tally()).met_at
            for service in {host for stage in app.stages.values() if stage.tokens is not None for host in stage.hosts}:
                found[service] = (found[service] or 0) + met[service]
    return found


class _Held:
    """The accelerators that replicas hold in one replication, for as long as they live.

    Args:
        batches: rows of the table replicas.
        texts: numbers of names.
        layout: who is who, with powers and prices.
        window: the time counted.
    """

    def __init__(self, batches: Iterator[Columns], texts: Texts, layout: Mapping[str, Any], window: Window) -> None:
        self._texts = texts
        self._services = layout["services"]
        self._length_s = max(window[1] - window[0], 1e-12)
        self._devices = {
            (node, device["name"]): device
            for info in layout["nodes"].values()
            for node in info["names"]
            for device in info["devices"]
        }
        self._alive, self._serving = Sums(1), Sums(1)
        serving, starting = [texts.code(state) for state in _SERVING], texts.code("starting")
        for rows in batches:
            serves = np.isin(rows["state"], serving)
            alive_s = overlap(rows["start_s"], rows["end_s"], window)
            lives_s = np.where(serves | (rows["state"] == starting), alive_s, 0.0)
            self._alive.add([rows["service"], rows["node"], rows["device"]], [lives_s])
            self._serving.add([rows["service"]], [np.where(serves, alive_s, 0.0)])

    def serving_s(self, service: int) -> float:
        """Return the replica-seconds in which replicas of a service were ready, or drained."""
        return float(self._serving.by_key.get((service,), np.zeros(1))[0])

    def accelerators(self, name: str) -> float:
        """Return how many accelerators the replicas of a service held, on average over time."""
        seconds = (lived[0] * len(devices) for devices, lived in self._of(name, self._alive))
        return float(sum(seconds)) / self._length_s

    def bill(self, name: str, engines: Engines) -> tuple[float, float]:
        """Return joules and dollars of a service's replicas and their accelerators."""
        joules = dollars = 0.0
        for devices, (alive_s,) in self._of(name, self._alive):
            joules += alive_s * sum(device["idle_w"] for device in devices)
            dollars += alive_s * (self._services[name]["price"] + sum(device["price"] for device in devices))
        for devices, (busy_s, drew_j) in self._of(name, engines.ran):
            joules += drew_j - busy_s * sum(device["idle_w"] for device in devices)
        return float(joules), float(dollars)

    def _of(self, name: str, sums: Sums) -> Iterator[tuple[list[Mapping[str, Any]], Any]]:
        """Yield for each place where a service has replicas the accelerators of one, and the sums."""
        code = self._texts.code(name)
        for (service, node, device), total in sums.by_key.items():
            if service == code:
                where = self._texts.names[node]
                names = self._texts.names[device].split("+")
                yield [self._devices[where, each] for each in names if (where, each) in self._devices], total
