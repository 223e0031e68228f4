"""The order of batching policies: static, Orca, vLLM; and Sarathi-Serve's capacity when pauses between tokens must be short."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

from llm_routing import fleet

import simtier
from llm_claims.claim import Claim, over
from simtier.planning import climb

CHATS = {
    "input": {"distribution": "lognormal", "mean": 161, "cv": 1.2},
    "output": {"distribution": "lognormal", "mean": 338, "cv": 1},
}
"""Means of ShareGPT as vLLM's paper has them."""
LONG = {
    "input": {"distribution": "lognormal", "mean": 2666, "cv": 1.17},
    "output": {"distribution": "lognormal", "mean": 481, "cv": 0.59},
}
"""Medians of 1,730 and 415 tokens and 90th percentiles of 5,696 and 834, as Sarathi-Serve's chats have."""
REPLICATIONS = 5
GPU = "OPT-13B on an A100 with 40 GB, 400 clients that ask again at once, prompts of 161 and answers of 338 tokens on average"
LENGTHS = "lengths lognormal with the means of ShareGPT; iteration times by the closed form"


@cache
def output_rate(policy: str, replication: int) -> float:
    """Return the tokens of answers a second of a saturated engine."""
    llm = {"model": "opt-13b", "precision": "fp16", "blocks": None}
    clients = {"process": "closed", "clients": 400, "think": "1 ms"}
    data = fleet(1, CHATS, clients, duration="600 s", llm=llm, policies={"batching": policy})
    data["nodes"]["gpus"]["accelerators"] = ["a100_40g"]
    data["run"] |= {"drain": "0 s", "warmup": "60 s", "seed": replication + 1}
    return float(simtier.run(simtier.Scenario.from_dict(data)).summary["llm"]["chat"]["output_tokens_per_s"])


def more(policy: str, other: str, replication: int) -> float:
    """Return how many times the tokens of another policy."""
    return output_rate(policy, replication) / output_rate(other, replication)


@cache
def capacity(policy: str, most_s: float, replication: int) -> float:
    """Return the highest rate, in requests/s, at which the 99th percentile of pauses is at most `most_s` and the median wait at most 2 s."""

    def kept(rate: float) -> float:
        batching: dict[str, Any] = {"use": policy, "sequences": 128}
        arrivals = {"process": "poisson", "rate": f"{rate:.6f} /s"}
        data = fleet(1, LONG, arrivals, duration="300 s", llm={"blocks": None}, policies={"batching": batching})
        data["run"] |= {"drain": "0 s", "warmup": "30 s", "seed": replication + 1}
        found = simtier.run(simtier.Scenario.from_dict(data)).summary["llm"]["chat"]
        pause_s, wait_s = found["itl_s"]["p99"], found["ttft_s"]["p50"]
        return float(pause_s is not None and pause_s <= most_s and wait_s <= 2.0)

    return climb(kept, 1.0, 0.5)


def sarathi(most_s: float, replication: int) -> float:
    """Return the capacity of Sarathi's policy over that of vLLM's of that time."""
    return capacity("sarathi", most_s, replication) / capacity("vllm", most_s, replication)


def _throughput(
    name: str, policy: str, other: str, says: str, source: str, paper: str, low: float, remark: str
) -> Claim:
    return Claim(
        name=name,
        says=says,
        source=source,
        setting=f"{GPU}; `{policy}` against `{other}`",
        paper=paper,
        figure="tokens of answers a second over the other's",
        low=low,
        tolerance="above 1" if low == 1 else f"at least {low:g}",
        kind="replications",
        surrogate=LENGTHS,
        remark=remark,
        measure=over(REPLICATIONS, partial(more, policy, other)),
    )


CLAIMS = (
    _throughput(
        "orca_static",
        "orca",
        "static",
        "joining and leaving with every iteration serves more than whole batches",
        "Orca (Yu et al., OSDI 2022), evaluation",
        "36.9 times at the same latency (GPT-3 175B on 16 GPUs)",
        1.0,
        "Direction only: at saturation, with one size of memory for both, much smaller than at the same latency.",
    ),
    _throughput(
        "vllm_orca",
        "vllm",
        "orca",
        "blocks on demand serve more than memory reserved for the longest answer",
        "vLLM (Kwon et al., SOSP 2023), evaluation",
        "2 to 4 times",
        2.0,
        "Clients here do not say how long answers may be, so Orca reserves the whole context (the paper's Orca (Max), 2.7 to 8 times there).",
    ),
    Claim(
        name="sarathi_capacity",
        says="pieces of prompts beside decodes take more requests where pauses must be short",
        source="Sarathi-Serve (Agrawal et al., OSDI 2024), evaluation",
        setting="Llama-3-8B on an A100, chats with medians of 1,730 and 415 tokens; pauses of 100 ms at P99, median first token in 2 s; `sarathi` against `vllm`",
        paper="2.6 times (Mistral-7B on an A100)",
        figure="highest rate over the other's",
        low=1.3,
        tolerance="at least 1.3",
        kind="replications",
        surrogate=f"a model of the same size; {LENGTHS.replace('ShareGPT', 'the chats')}",
        measure=over(3, partial(sarathi, 0.1)),
    ),
)
