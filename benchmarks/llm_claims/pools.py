"""P/D-Serve: how many replicas for prompts, and who is sent where."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial
from typing import Any

from llm_routing import fleet
from playing import play

from llm_claims.claim import Claim, once, over

PAPER = "P/D-Serve (Jin et al., 2024, arXiv 2408.08147)"
TOTAL = 6
PROMPTS = {"input": {"distribution": "uniform", "low": 1000, "high": 8000}, "output": 1, "shared": {"tokens": 2256}}
"""1,000 to 8,000 tokens, of which half the mean are cached everywhere."""


def pools(prompts: int, adjust: str = "") -> dict[str, Any]:
    """Return a scenario with so many replicas of six for prompts; with `adjust` both pools have the policy `pd_ratio`."""

    def pool(role: str, partner: str, replicas: int) -> dict[str, Any]:
        policies: dict[str, Any] = {"batching": {"use": "vllm_v1", "sequences": 64}}
        if adjust:
            rule = {"use": "pd_ratio", "partner": partner, "role": role, "adjust": adjust, "every": "1 s"}
            policies["autoscaling"] = {**rule, "window": "20 s", "decode_batch": 64}
        loading = {"disk": "4 GB/s", "attach": "300 ms", "warmup": "1 s"}
        llm = {"model": "llama-3-8b", "loading": loading}
        return {"on": "gpu", "replicas": replicas, "cores": 0, "llm": llm, "policies": policies}

    tokens = {"input": 2000, "output": 600}
    return {
        "name": "pools",
        "run": {"duration": "120 s", "samples": 0},
        "nodes": {"gpu": {"tier": "cloud", "cores": 8, "memory": "64 GB", "accelerators": ["a100_80g"] * TOTAL}},
        "services": {
            "prompts": pool("prefill", "tokens", prompts),
            "tokens": pool("decode", "prompts", TOTAL - prompts),
        },
        "apps": {"ask": {"stages": {"answer": {"split": ["prompts", "tokens"], "tokens": tokens}}}},
        "workloads": {
            "asks": {"app": "ask", "from": "gpu", "arrivals": {"process": "closed", "clients": 256, "think": "1 ms"}}
        },
    }


@cache
def served(prompts: int) -> int:
    """Return how many requests are served with a fixed number of replicas for prompts."""
    return int((play(pools(prompts)).requests.outcome == "ok").sum())


def best() -> int:
    """Return the number of replicas for prompts with which most are."""
    return max(range(1, TOTAL), key=served)


def balance() -> list[float]:
    """Return how far from the best number the balance equation ends, from one replica and from five."""
    found = [play(pools(begin, "balance")).world for begin in (1, TOTAL - 1)]
    return [float(len(world.services["prompts"].fleet.ready) - best()) for world in found]


def best_over_others() -> float:
    """Return the requests served with the best ratio over the mean of all others."""
    others = [served(prompts) for prompts in range(1, TOTAL) if prompts != best()]
    return served(best()) / (sum(others) / len(others))


def first_tokens(data: Mapping[str, Any], replication: int) -> tuple[float, float]:
    """Return the share of requests whose first token came within a second, and the mean time that a prompt took."""
    run = play(data, replication)
    rows, busy = run.table("sequences"), run.table("iterations")
    in_time = (rows["first_s"] - rows["arrival_s"] <= 1.0).sum()
    return float(in_time) / len(run.requests), float((busy["end_s"] - busy["begin_s"]).sum() / busy["prompts"].sum())


def instances(routing: str, arrivals: dict[str, Any], duration: str = "60 s", **service: Any) -> dict[str, Any]:
    """Sixteen instances that compute one prompt at a time."""
    policies = {"routing": routing, "batching": {"use": "orca", "sequences": 1}}
    llm = {"prefix_caching": True}
    return fleet(16, PROMPTS, arrivals, duration=duration, slo={"ttft": "1 s"}, llm=llm, policies=policies, **service)


@cache
def prompt_s() -> float:
    """What a prompt takes on average: measured where nobody waits."""
    return first_tokens(instances("round_robin", {"process": "poisson", "rate": "2 /s"}, "500 s"), 0)[1]


@cache
def in_time(load: float, cv: float, replication: int, *, on_demand: bool) -> float:
    """Return the share of first tokens within a second, in %."""
    arrivals = {"process": "gamma", "rate": f"{load * 16 / prompt_s():.3f} /s", "cv": cv}
    if on_demand:
        data = instances("on_demand_forwarding", arrivals)
    else:
        data = instances("shortest_queue_tokens", arrivals, report_every="100 ms")
    return 100 * first_tokens(data, replication)[0]


def gap(load: float, cv: float, replication: int) -> float:
    """Return by how many points on-demand forwarding is better."""
    return in_time(load, cv, replication, on_demand=True) - in_time(load, cv, replication, on_demand=False)


def _forwarding(load: float, cv: float) -> Claim:
    bursty = "" if cv == 1.0 else f", arrivals {cv:g} times as bursty as Poisson's"
    return Claim(
        name=f"pd_serve_gap_{load:g}_{cv:g}",
        says=f"on-demand forwarding beats queues reported every 100 ms, at a load of {load:g}{bursty}",
        source=f"{PAPER}, on-demand forwarding",
        setting="16 instances, one prompt at a time, prompts of 1,000 to 8,000 tokens, half cached, SLO of 1 s; `on_demand_forwarding` against `shortest_queue_tokens`",
        paper="99 % of first tokens in time, with local queues down to 57 %",
        figure="points more in time",
        low=5,
        high=40,
        tolerance="5 to 40 points, depending on burstiness",
        kind="replications",
        surrogate="lengths, hits and SLO: the paper's are normalised; the router with stale reports is simtier's",
        measure=over(5, partial(gap, load, cv)),
    )


CLAIMS = (
    Claim(
        name="pd_serve_on_demand",
        says="with on-demand forwarding nearly all first tokens are in time",
        source=f"{PAPER}, on-demand forwarding",
        setting="16 instances, one prompt at a time, prompts of 1,000 to 8,000 tokens, half cached, SLO of 1 s, load 0.85",
        paper="at least 99 %; in the reference's own simulation 98.1 %",
        figure="first tokens within the SLO, %",
        low=95,
        high=100,
        tolerance="at least 95 %",
        kind="replications",
        surrogate="lengths, hits and SLO: the paper's are normalised",
        measure=over(5, partial(in_time, 0.85, 1.0, on_demand=True)),
    ),
    Claim(
        name="pd_serve_stale",
        says="and with queues reported every 100 ms clearly fewer",
        source=f"{PAPER}, on-demand forwarding",
        setting="the same, `shortest_queue_tokens` with `report_every: 100 ms`",
        paper="57 to 99 %; in the reference's own simulation 88.1 %",
        figure="first tokens within the SLO, %",
        low=57,
        high=95,
        tolerance="57 to 95 %",
        kind="replications",
        surrogate="the same",
        measure=over(5, partial(in_time, 0.85, 1.0, on_demand=False)),
    ),
    _forwarding(0.85, 1.0),
    _forwarding(0.85, 2.0),
    _forwarding(0.95, 1.0),
    Claim(
        name="pd_serve_balance",
        says="the ratio of pools that the balance equation gives is the best, but for one replica",
        source=f"{PAPER}, ratio of pools",
        setting="six A100s with Llama-3-8B, prompts of 2,000 and answers of 600 tokens, 256 clients; `pd_ratio` from 1 and from 5 replicas for prompts",
        paper="n_p b_p / T_p = n_d b_d / T_d",
        figure="replicas for prompts more than the best number (from 1, from 5)",
        low=-1,
        high=1,
        tolerance="one replica",
        kind="one run",
        measure=balance,
    ),
    Claim(
        name="pd_serve_ratio",
        says="the right ratio serves far more than others",
        source=f"{PAPER}, evaluation",
        setting="the same, all five ratios without `pd_ratio`",
        paper="60 % more, and over",
        figure="served with the best ratio over the mean of the others",
        low=1.4,
        tolerance="1.4 times",
        kind="one run",
        surrogate="which other ratios the paper compares with is not told",
        measure=once(best_over_others),
    ),
)
