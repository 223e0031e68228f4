"""semi-PD: prompts and tokens side by side on the same accelerators, against both in one batch and against pools."""

from __future__ import annotations

from copy import deepcopy
from functools import cache, partial
from typing import Any

from llm_routing import fleet

import simtier
from llm_claims.claim import Claim, over
from simtier.planning import climb

PAPER = "semi-PD (Hong et al., 2025, arXiv 2504.19867)"
LENGTHS = {
    "input": {"distribution": "lognormal", "mean": 400, "cv": 1},
    "output": {"distribution": "lognormal", "mean": 250, "cv": 1},
}
SLO = {"ttft": "500 ms", "tpot": "50 ms", "percentile": 90}
SETTING = "2 A100s, Llama-3-8B, prompts of 400 and answers of 250 tokens on average, 500 ms and 50 ms"
ASSUMED = "how the two disturb each other (the paper gives no formula), model, lengths and SLO"
REPLICATIONS = 3
LOW, HIGH = 10.0, 30.0
"""Requests/s."""


@cache
def summary(system: str, rate: float, replication: int, seconds: float = 60.0) -> dict[str, Any]:
    """Return the summary of two accelerators: `semi_pd`, `pools` of one each, or a batching policy that does both."""
    arrivals = {"process": "poisson", "rate": f"{rate:.6f} /s"}
    data = fleet(2, LENGTHS, arrivals, duration=f"{seconds} s", slo=SLO, llm={"blocks": None})
    chat = data["services"]["chat"]
    batching = "vllm_v1" if system in ("semi_pd", "pools") else system
    chat |= {"cores": 0, "policies": {"routing": "least_outstanding", "batching": batching}}
    if system == "semi_pd":
        chat["llm"]["shares"] = {"prompts": 0.8, "tokens": 1.0}
    if system == "pools":
        chat["replicas"] = 1
        data["services"]["tokens"] = deepcopy(chat)
        data["apps"]["ask"] |= {
            "stages": {"answer": {"split": ["chat", "tokens"], "tokens": LENGTHS}},
            "policies": {"disaggregation": "apart"},
        }
    data["run"] |= {"seed": replication + 1, "drain": "20 s", "warmup": "10 s"}
    return dict(simtier.run(simtier.Scenario.from_dict(data)).summary)


def attainment(system: str, rate: float, replication: int) -> float:
    """Return the share of requests within both targets."""
    return float(summary(system, rate, replication)["apps"]["ask"]["goodput"]["attainment"])


def latency_s(system: str, rate: float, replication: int) -> float:
    """Return the mean latency."""
    return float(summary(system, rate, replication)["apps"]["ask"]["latency_s"]["mean"])


@cache
def knee(system: str, replication: int) -> float:
    """Return the highest rate at which 90 % are in time."""
    return climb(lambda rate: attainment(system, rate, replication), 0.9, 20.0)


def gain(other: str, replication: int) -> float:
    """Return the highest rate with semi-PD over another system's."""
    return knee("semi_pd", replication) / knee(other, replication)


def shorter(other: str, rate: float, replication: int) -> float:
    """Return another system's mean latency over that with semi-PD."""
    return latency_s(other, rate, replication) / latency_s("semi_pd", rate, replication)


def pools_lead(rate: float, replication: int) -> float:
    """Return the mean latency of one batch for both over that of pools."""
    return latency_s("vllm_v1", rate, replication) / latency_s("pools", rate, replication)


def _row(name: str, says: str, paper: str, figure: str, low: float, high: float, tolerance: str, measure: Any) -> Claim:
    return Claim(
        name=name,
        says=says,
        source=f"{PAPER}, evaluation",
        setting=SETTING,
        paper=paper,
        figure=figure,
        low=low,
        high=high,
        tolerance=tolerance,
        kind="replications",
        surrogate=ASSUMED,
        measure=over(REPLICATIONS, measure),
    )


INF = float("inf")
CLAIMS = (
    _row(
        "semi_pd_knee",
        "side by side, more requests keep the promise than in one batch",
        "1.55 to 1.72 times (Llama)",
        "highest rate over that of `vllm_v1`",
        1.2,
        2.5,
        "1.2 to 2.5 at the knee",
        partial(gain, "vllm_v1"),
    ),
    _row(
        "semi_pd_knee_pools",
        "and than with a pool for each",
        "direction",
        "highest rate over that of one replica for prompts and one for tokens",
        1.0,
        INF,
        "above 1",
        partial(gain, "pools"),
    ),
    _row(
        "semi_pd_latency",
        "answers are there sooner under load than from one batch",
        "1.27 to 2.58 times lower (DeepSeek)",
        f"mean latency of `vllm_v1` over its, at {HIGH:g} requests/s",
        1.2,
        2.6,
        "1.2 to 2.6",
        partial(shorter, "vllm_v1", HIGH),
    ),
    _row(
        "semi_pd_latency_pools",
        "and than from pools",
        "1.27 to 2.58 times lower",
        f"mean latency of pools over its, at {HIGH:g} requests/s",
        1.2,
        2.6,
        "1.2 to 2.6",
        partial(shorter, "pools", HIGH),
    ),
    _row(
        "semi_pd_pools_low",
        "at low load pools are quicker than one batch",
        "order",
        f"mean latency of `vllm_v1` over that of pools, at {LOW:g} requests/s",
        1.0,
        INF,
        "above 1",
        partial(pools_lead, LOW),
    ),
)
