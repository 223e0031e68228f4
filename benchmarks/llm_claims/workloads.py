"""What workloads do: prefixes in Mooncake's conversations, bursts in BurstGPT, easy questions that a small model answers."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

from llm_routing import fleet
from playing import play

import simtier
from llm_claims.claim import Claim, once, over

MOONCAKE = "Mooncake (Qin et al., FAST 2025)"
BURSTGPT = "BurstGPT (Wang et al., KDD 2025)"
IPW = "Intelligence per Watt (Saad-Falcon et al., 2025)"
NODES = 6
SPAN_S, REQUESTS = 37_269.0, 400
"""Of the slice of BurstGPT."""
FASTER = 100
COVERAGE, ACCURACY = 0.887, 0.8
"""Share of questions that the small model can answer, and share of them that a router sends there."""
REPLICATIONS = 5


@cache
def _first_s(routing: str) -> float:
    """Return the mean time to the first token of ten minutes of Mooncake's conversations."""
    llm = {"model": "llama-3.1-70b", "tensor": 8, "prefix_caching": True, "blocks": None}
    trace = {"trace": "mooncake/conversation"}
    data = fleet(NODES, "traced", trace, duration="10 min", llm=llm, policies={"routing": routing})
    data["nodes"]["gpus"] = {
        "tier": "cloud",
        "count": NODES,
        "hardware": "cloud_gpu_host",
        "accelerators": ["a100_80g"] * 8,
    }
    data["services"]["chat"]["replicas"] = "each"
    data["run"] |= {"drain": "2 min", "warmup": "2 min"}
    return float(simtier.run(simtier.Scenario.from_dict(data)).summary["llm"]["chat"]["ttft_s"]["mean"])


def aware(routing: str) -> float:
    """Return the mean time to the first token with a router that draws at random, over that with `routing`."""
    return _first_s("random") / _first_s(routing)


def _p99_s(when: dict[str, Any], replication: int) -> float:
    lengths = {
        "input": {"distribution": "lognormal", "mean": 520, "cv": 1.06},
        "output": {"distribution": "lognormal", "mean": 277, "cv": 1.07},
    }
    llm = {"model": "llama-2-13b", "blocks": None}
    data = fleet(1, lengths, when, duration=f"{SPAN_S / FASTER} s", llm=llm)
    data["run"] |= {"seed": replication + 1, "drain": "300 s"}
    return float(simtier.run(simtier.Scenario.from_dict(data)).summary["llm"]["chat"]["ttft_s"]["p99"])


def bursts(replication: int) -> float:
    """Return the 99th percentile of first tokens of the replay over that of Poisson arrivals at the same mean rate."""
    replay = {"trace": "burstgpt/1-first400", "scale_time": FASTER}
    poisson = {"process": "poisson", "rate": f"{REQUESTS * FASTER / SPAN_S} /s"}
    return _p99_s(replay, replication) / _p99_s(poisson, replication)


def two_models(local: float, replication: int) -> dict[str, float]:
    """Return joules of iterations, and requests, of a small model on an L4 and a large one on four H100s, that get so large a share each.

    Requests come so seldom that hardly two meet, as where one query is measured.
    """
    tokens = {"input": 300, "output": 200}
    every = 0.05
    services = {
        "small": ("l4", 1, {"model": "llama-3-8b", "weight_precision": "int8"}),
        "large": ("h100", 4, {"model": "llama-3-70b", "tensor": 4}),
    }
    shares = {"small": local, "large": 1 - local}
    asked = {name: share for name, share in shares.items() if share > 0}
    data: dict[str, Any] = {
        "name": "watts",
        "run": {"duration": "40000 s", "drain": "100 s", "samples": 0, "seed": 1},
        "nodes": {
            name: {"tier": "cloud", "cores": 8, "accelerators": [kind] * number}
            for name, (kind, number, _) in services.items()
        },
        "services": {name: {"on": name, "llm": llm} for name, (_, _, llm) in services.items()},
        "apps": {name: {"stages": {"answer": {"service": name, "tokens": tokens}}} for name in services},
        "workloads": {
            name: {"app": name, "from": name, "arrivals": {"process": "poisson", "rate": f"{every * share} /s"}}
            for name, share in asked.items()
        },
    }
    run = play(data, replication)
    rows = run.table("iterations")
    return {
        "joules": float(((rows.end_s - rows.begin_s) * rows.watts).sum()),
        "requests": float(len(run.requests)),
    }


@cache
def _query_j(local: float, replication: int) -> float:
    """Return the joules of one query when so large a share goes to the small model."""
    found = two_models(local, replication)
    return found["joules"] / found["requests"]


def saving(local: float, replication: int) -> float:
    """Return the energy saved by sending so large a share to the small model, in %."""
    return 100 * (1 - _query_j(local, replication) / _query_j(0.0, replication))


def identity(replication: int) -> float:
    """Return the saving over coverage (1 - E_local / E_cloud)."""
    formula = COVERAGE * (1 - _query_j(1.0, replication) / _query_j(0.0, replication))
    return saving(COVERAGE, replication) / (100 * formula)


def _aware(routing: str) -> Claim:
    return Claim(
        name=f"mooncake_{routing}",
        says=f"at long contexts a router that knows what is cached beats one that does not: `{routing}`",
        source=f"{MOONCAKE}, evaluation",
        setting="ten minutes of its conversations on 6 nodes of 8 A100s with Llama-3.1-70B, prefix caching, against `random`",
        paper="direction (up to 525 % more requests in simulated long-context cases)",
        figure="mean TTFT with `random` over that with it",
        low=1.0,
        tolerance="above 1: direction only",
        kind="one run",
        surrogate="dense model and A100s, no pools; the trace is Mooncake's own",
        measure=once(partial(aware, routing)),
    )


def _saving(name: str, says: str, share: float, paper: str, low: float, high: float, remark: str = "") -> Claim:
    return Claim(
        name=name,
        says=says,
        source=IPW,
        setting="Llama-3-8B in INT8 on an L4, Llama-3-70B on four H100s; 300 and 200 tokens, one at a time; energy of iterations",
        paper=paper,
        figure="energy saved against the large model alone, %",
        low=low,
        high=high,
        tolerance=f"{low:g} to {high:g} %",
        kind="replications",
        surrogate="models and accelerators are ours; answers of both have the same length; coverage of 88.7 % is the paper's; idle power is left out",
        remark=remark,
        measure=over(REPLICATIONS, partial(saving, share)),
    )


CLAIMS = (
    *map(_aware, ("prefix_aware", "mooncake")),
    Claim(
        name="burstgpt",
        says="Poisson arrivals of the same mean rate look better than what was recorded",
        source=f"{BURSTGPT}, evaluation",
        setting=f"its first 400 requests {FASTER} times as fast on an A100 with Llama-2-13B, lengths drawn alike for both",
        paper="direction",
        figure="P99 of TTFT of the replay over that of Poisson",
        low=1.5,
        tolerance="above 1.5",
        kind="replications",
        surrogate="a slice of one night; arrivals as recorded, lengths drawn",
        measure=over(10, bursts),
    ),
    Claim(
        name="ipw_identity",
        says="an oracle saves coverage times what a local answer saves",
        source=IPW,
        setting="as below",
        paper="coverage (1 - E_local / E_cloud)",
        figure="energy saved over that",
        low=0.97,
        high=1.03,
        tolerance="3 %",
        kind="replications",
        measure=over(REPLICATIONS, identity),
    ),
    _saving(
        "ipw_oracle",
        "an oracle saves most of the energy",
        COVERAGE,
        "80.4 %",
        70,
        82,
        "An answer of our small model takes a twentieth of the large one's energy, and the paper's a larger share; no saving can exceed the coverage.",
    ),
    _saving(
        "ipw_router", "a router that is right four times in five saves less", COVERAGE * ACCURACY, "64.3 %", 55, 70
    ),
)
