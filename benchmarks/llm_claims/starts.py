"""Starts and switches of models: ElasticMoE's stages, and Samba-CoE's experts in slower memory."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

from playing import Played, play

from llm_claims.claim import Claim, once, over

ELASTIC = "ElasticMoE (2025), ablation of a step from three ranks to four"
SAMBA = "SambaNova SN40L and Samba-CoE (MICRO 2024)"
STEP_S = {"full": 2.43, "no_allocation": 3.14, "no_peer": 10.42, "no_initialised": 62.78, "no_attach": 67.40}
"""Of the ablation's lines, each without one thing more: sums only, so the stages here are their differences."""
PEER_S = 0.13
"""Of the first line, what is spent on copying from a peer; ours."""
EXPERT_GB, DDR, PCIE = 16.0, 1000.0, (32.0, 64.0)
"""An expert, and GB/s from the slower memory of an SN40L node and from the host's of a DGX."""
SN40L, DGX = 32, 40
"""Experts that fit: 8 x 64 GiB and 8 x 80 GB, over 16 GB."""
EXECUTE_S, WARM_S = 0.05, 2000.0


def ablation(line: str) -> dict[str, Any]:
    """Return the loading of a line: the differences between lines as times of stages."""
    warm_s = STEP_S["full"] - PEER_S
    allocation_s = STEP_S["no_allocation"] - STEP_S["full"] if line != "full" else 0.0
    disk_s = STEP_S["no_peer"] - STEP_S["no_allocation"] + PEER_S
    loading: dict[str, Any] = {"disk": f"{disk_s} s", "chunk": "0 B", "overlap": False, "connect": f"{allocation_s} s"}
    if line in ("full", "no_allocation"):
        loading["peer"] = {"rate": "1e9 GB/s", "time": f"{PEER_S} s"}
    again_s = STEP_S["no_attach"] - STEP_S["no_initialised"] if line == "no_attach" else 0.0
    return {**loading, "warmup": f"{warm_s + again_s} s"}


def step_s(line: str) -> float:
    """Return how long it takes until a fourth replica is ready."""
    startup_s = STEP_S["no_initialised"] - STEP_S["no_peer"] if line in ("no_initialised", "no_attach") else 0.0
    policies = {"autoscaling": {"use": "llm_loading:Steps", "numbers": [4]}}
    llm = {"model": "llama-3-8b", "blocks": 100, "host_link": "1e9 GB/s", "loading": ablation(line)}
    service = {"on": "gpu", "replicas": 3, "cores": 0, "llm": llm, "policies": policies, "startup": f"{startup_s} s"}
    arrivals = {"process": "periodic", "rate": "0.001 /s", "phase": "99 s"}
    played = play(
        {
            "name": "step",
            "run": {"duration": "100 s", "samples": 0},
            "nodes": {"gpu": {"tier": "cloud", "cores": 8, "memory": "64 GB", "accelerators": ["a100_80g"] * 4}},
            "services": {"moe": service},
            "apps": {"ask": {"stages": {"answer": {"service": "moe", "tokens": {"input": 8, "output": 2}}}}},
            "workloads": {"asks": {"app": "ask", "from": "gpu", "arrivals": arrivals}},
        }
    )
    states = played.replicas
    return float(states[states.state == "ready"].start_s.max()) - 1.0  # it is asked for at 1 s


def worst_step() -> float:
    """Return the largest difference of a step from the ablation, in %."""
    return 100 * max(abs(step_s(line) / took_s - 1) for line, took_s in STEP_S.items())


def experts(number: int, slots: int, gb_per_s: float, duration_s: float = 12_000.0) -> dict[str, Any]:
    """Return a node with room for `slots` of `number` experts, all equally popular; so few requests that hardly two meet."""
    names = [f"expert{number}" for number in range(number)]
    arrivals = {"process": "poisson", "rate": f"{0.2 / number} /s"}
    stage = {"service": "coe", "time": f"{EXECUTE_S} s"}
    return {
        "name": "experts",
        "run": {"duration": f"{duration_s} s", "drain": "100 s", "samples": 0},
        "nodes": {"node": {"tier": "cloud", "cores": 64, "memory": f"{slots * EXPERT_GB} GB"}},
        "platforms": {
            "coe": {
                "on": "node",
                "cold_start": f"{EXPERT_GB / gb_per_s} s",
                "functions": {name: {"memory": f"{EXPERT_GB} GB"} for name in names},
                "policies": {"keep_alive": "lru"},
            }
        },
        "apps": {name: {"stages": {"run": {**stage, "function": name}}} for name in names},
        "workloads": {name: {"app": name, "from": "node", "arrivals": arrivals} for name in names},
    }


@cache
def _played(number: int, slots: int, gb_per_s: float, replication: int) -> tuple[float, float]:
    """Return the share of requests whose expert was there, and their mean latency."""
    played: Played = play(experts(number, slots, gb_per_s), replication)
    stages, requests = played.stages, played.requests
    stages, requests = stages[stages.sent_s > WARM_S], requests[requests.arrival_s >= WARM_S]
    return float((stages.start == "warm").mean()), float((requests.end_s - requests.arrival_s).mean())


def switching(gb_per_s: float) -> float:
    """Return how many times longer it takes to switch experts over PCIe."""

    def switch_s(rate: float) -> float:
        starts = play(experts(60, SN40L, rate, 1000.0)).table("starts")
        return float((starts.ready_s - starts.began_s).mean())

    return switch_s(gb_per_s) / switch_s(DDR)


def hits(replication: int) -> float:
    """Return the share of requests whose expert is there, over slots / experts."""
    return _played(60, SN40L, DDR, replication)[0] / (SN40L / 60)


def gain(number: int, gb_per_s: float, replication: int) -> float:
    """Return the mean latency of answers on a DGX over that on an SN40L node."""
    dgx, own = _played(number, DGX, gb_per_s, replication), _played(number, SN40L, DDR, replication)
    return dgx[1] / own[1]


def _switch(rate: float) -> Claim:
    return Claim(
        name=f"samba_switching_{rate:.0f}",
        says="experts switch faster from the node's own slower memory than over PCIe",
        source=SAMBA,
        setting=f"experts of 16 GB as functions kept by `lru`; 1 TB/s against {rate:.0f} GB/s",
        paper="15 to 31 times",
        figure="time of a switch over PCIe, over that from the node's memory",
        low=12,
        high=35,
        tolerance="12 to 35 times",
        kind="analytic",
        surrogate="bandwidths as published; the order of a DGX's host memory",
        measure=once(partial(switching, rate)),
    )


def _gain(number: int, rate: float, paper: str, low: float, high: float, tolerance: str) -> Claim:
    return Claim(
        name=f"samba_gain_{number}_{rate:.0f}",
        says=f"answers come faster with {number} experts" if number > SN40L else "but no faster where all experts fit",
        source=SAMBA,
        setting=f"{number} equally popular experts, room for 32 and, on the DGX, 40; PCIe of {rate:.0f} GB/s; one request at a time",
        paper=paper,
        figure="mean latency on a DGX over that on an SN40L node",
        low=low,
        high=high,
        tolerance=tolerance,
        kind="replications",
        surrogate="an answer takes 50 ms on both machines, assumed: the paper's gain from execution itself is left out",
        measure=over(5, partial(gain, number, rate)),
    )


CLAIMS = (
    Claim(
        name="elastic_moe_stages",
        says="a step is the sum of its stages, whichever are left out",
        source=ELASTIC,
        setting="the differences between its five lines as stages of `loading`; a fourth replica is asked for",
        paper="2.43, 3.14, 10.42, 62.78 and 67.40 s",
        figure="largest difference, %",
        high=10,
        tolerance="10 %",
        kind="analytic",
        surrogate="an identity: stages are the paper's own differences; another model on A100s",
        measure=once(worst_step),
    ),
    *map(_switch, PCIE),
    Claim(
        name="samba_hits",
        says="of equally popular experts as large a share is found as there are slots",
        source=SAMBA,
        setting="60 experts, room for 32, `lru`",
        paper="h = slots / experts",
        figure="share found over that",
        low=0.95,
        high=1.05,
        tolerance="5 %",
        kind="replications",
        measure=over(5, hits),
    ),
    _gain(150, PCIE[0], "3.7 times an H100's, 6.6 times an A100's", 3, 8, "3 to 8"),
    _gain(150, PCIE[1], "3.7 times an H100's, 6.6 times an A100's", 3, 8, "3 to 8"),
    _gain(SN40L, PCIE[0], "tends to 1", 0.95, 1.05, "5 %"),
)
