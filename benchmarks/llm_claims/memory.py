"""Infinite-LLM: keys and values in other replicas' memory; and Llumnix: requests that move while they run."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

from llm_routing import fleet
from playing import play

import simtier
from llm_claims.claim import Claim, once, over

INFINITE = "Infinite-LLM (Lin et al., 2024, arXiv 2401.02669)"
LLUMNIX = "Llumnix (Sun et al., OSDI 2024), evaluation"
BLOCKS, BLOCK = 200, 16
LIMITS = "the policy lends by limits in place of the paper's search for the highest modelled throughput"
REPLICATIONS = 5


def _served(replicas: int, tokens: int) -> bool:
    """Return whether one replica serves so long a request, with all blocks of the others lent to it."""
    policies = {"routing": "llm_claims.lending:First"}
    if replicas > 1:
        policies["balancing"] = "llm_claims.lending:LendAll"
    when = {"process": "periodic", "rate": "0.001 /s", "phase": "5 s"}
    llm = {"model": "llama-3.1-8b", "blocks": BLOCKS}
    lengths = {"input": tokens - 1, "output": 1}
    data = fleet(replicas, lengths, when, duration="10 s", llm=llm, policies=policies)
    return str(play(data).requests.outcome[0]) == "ok"


def longest(replicas: int) -> int:
    """Return the tokens of the longest request that is served, by bisection."""
    low, high = 1, 2 * replicas * BLOCKS * BLOCK
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _served(replicas, middle) else (low, middle)
    return low


def context_ratio(replicas: int) -> float:
    """Return the longest context with loans over that without, over the cluster's blocks over a replica's."""
    return longest(replicas) / longest(1) / replicas


@cache
def long_requests(cv: float, loans: bool, replication: int, rate: str = "") -> dict[str, Any]:
    """Return the metrics of four engines short of blocks; 64 clients that ask again at once, or Poisson arrivals at a rate."""
    arrivals = {"process": "poisson", "rate": rate} if rate else {"process": "closed", "clients": 64, "think": "1 ms"}
    lengths = {
        "input": {"distribution": "lognormal", "mean": 3000, "cv": cv},
        "output": {"distribution": "lognormal", "mean": 400, "cv": cv},
    }
    policies: dict[str, Any] = {"routing": "round_robin"}
    if loans:
        policies["balancing"] = {"use": "infinite_llm", "batch": 256}
    llm = {"model": "llama-3.1-8b", "blocks": 1500}
    data = fleet(4, lengths, arrivals, duration="300 s", llm=llm, policies=policies)
    data["run"] |= {"seed": replication + 1, "drain": "0 s", "warmup": "60 s"}
    found: dict[str, Any] = simtier.run(simtier.Scenario.from_dict(data)).summary["llm"]["chat"]
    return found


def throughput(cv: float, replication: int) -> float:
    """Return the tokens of answers a second with loans over those without."""
    with_loans, without = (long_requests(cv, loans, replication)["output_tokens_per_s"] for loans in (True, False))
    return float(with_loans / without)


def waiting(cv: float, replication: int) -> float:
    """Return the 99th percentile of first tokens without loans over that with."""
    with_loans, without = (long_requests(cv, loans, replication, "3 /s")["ttft_s"]["p99"] for loans in (True, False))
    return float(without / with_loans)


@cache
def _first_p99_s(routing: str, moves: bool, replication: int) -> float:
    """Return the 99th percentile of first tokens of four engines on A10Gs whose requests differ widely."""
    lengths = {
        "input": {"distribution": "lognormal", "mean": 512, "cv": 2},
        "output": {"distribution": "lognormal", "mean": 256, "cv": 2},
    }
    arrivals = {"process": "gamma", "cv": 2, "rate": "3.5 /s"}
    policies = {"routing": routing, "batching": "vllm"} | ({"balancing": "llumnix"} if moves else {})
    llm = {"model": "llama-2-7b", "blocks": 851, "context": 4096}
    data = fleet(4, lengths, arrivals, duration="1200 s", llm=llm, policies=policies)
    data["nodes"]["gpus"]["accelerators"] = ["a10g"] * 4
    data["run"] |= {"seed": replication + 1, "warmup": "60 s"}
    found = simtier.run(simtier.Scenario.from_dict(data)).summary["llm"]["chat"]
    return float(found["ttft_s"]["p99"])


def migrating(routing: str, replication: int) -> float:
    """Return the 99th percentile of first tokens without moving requests, over that with."""
    return _first_p99_s(routing, False, replication) / _first_p99_s(routing, True, replication)


def _context(replicas: int) -> Claim:
    return Claim(
        name=f"infinite_llm_context_{replicas}",
        says="a context may be as long as all replicas' free memory together",
        source=f"{INFINITE}, evaluation",
        setting=f"{replicas} replicas of {BLOCKS} blocks, all lent to one",
        paper="2 to 19 times longer",
        figure="longest context served over one replica's, over that ratio of blocks",
        low=0.9,
        high=1.1,
        tolerance="10 %",
        kind="analytic",
        surrogate="a rule that lends everything beforehand: a request is refused if its replica cannot hold it when it comes",
        measure=once(partial(context_ratio, replicas)),
    )


def _throughput(cv: float) -> Claim:
    return Claim(
        name=f"infinite_llm_throughput_{cv:g}",
        says=f"lending raises throughput, lengths with a CV of {cv:g}",
        source=f"{INFINITE}, evaluation",
        setting="4 A100s with Llama-3.1-8B and 24,000 tokens of memory each, 64 clients, prompts of 3,000 and answers of 400 tokens on average",
        paper="1.35 to 1.73 times against several instances, up to 3.4 against one",
        figure="tokens of answers a second over those without loans",
        low=1.2,
        high=3,
        tolerance="1.2 to 3, rising with the variance of lengths",
        kind="replications",
        surrogate=f"{LIMITS}; lengths",
        remark=(
            "Replicas that are all alike have nothing to lend each other; the paper's gain at little variance is against instances too small for its "
            "contexts, whose requests simtier refuses when they arrive."
            if cv < 1
            else ""
        ),
        measure=over(REPLICATIONS, partial(throughput, cv)),
    )


def _migration(routing: str, words: str, remark: str = "") -> Claim:
    return Claim(
        name=f"llumnix_{routing}",
        says=f"live migration shortens the longest waits for first tokens, behind {words}",
        source=LLUMNIX,
        setting=f"4 A10Gs with Llama-2-7B, bursts (CV 2) of 3.5 requests/s, lengths with a CV of 2, `{routing}`",
        paper="up to 15 times at P99 (prefill), against INFaaS++",
        figure="P99 of TTFT without `balancing: llumnix` over that with",
        low=1.0,
        tolerance="above 1: direction only",
        kind="replications",
        surrogate="4 GPUs for 16, lengths, no priorities",
        remark=remark,
        measure=over(10, partial(migrating, routing)),
    )


CLAIMS = (
    *map(_context, (2, 8)),
    _throughput(0.2),
    _throughput(2),
    Claim(
        name="infinite_llm_waiting",
        says="and shortens the longest waits for first tokens",
        source="not the paper's: what simtier shows beside the throughput",
        setting="the same with a CV of 2, 3 requests/s",
        paper="direction",
        figure="P99 of TTFT without loans over that with",
        low=1.0,
        tolerance="above 1",
        kind="replications",
        surrogate=LIMITS,
        remark="Added after the rows above were seen.",
        measure=over(REPLICATIONS, partial(waiting, 2)),
    ),
    _migration("round_robin", "a router that takes turns"),
    _migration(
        "least_outstanding",
        "one that counts requests, as INFaaS++ does by load",
        "Better in half of the replications and worse in the others: this router leaves less to even out than taking turns.",
    ),
    _migration(
        "llumnix",
        "its own router",
        "The router that goes by the same freeness leaves hardly anything to move at this load.",
    ),
)
