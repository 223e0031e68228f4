"""DistServe's placement, by its simulator's example and its table of attainments."""

from __future__ import annotations

from functools import cache, partial

from planning import readme

from llm_claims.claim import Claim, over
from simtier.planning import Plan, Question, climb, distserve, goodput, question
from simtier.planning.engines import Division
from simtier.planning.search import Search

PAPER = "DistServe (Zhong et al., OSDI 2024)"
SETTING = (
    "OPT-13B on A100s with DistServe's coefficients, 200 ms and 100 ms, ShareGPT-like lengths, 300 requests a rate"
)
LENGTHS = "lengths drawn from a distribution, the paper's are ShareGPT's own"
PAIR = (Division(2), Division(1))
"""Two accelerators for prompts, one for tokens."""
RATES = (1.0, 1.5, 2.0)
"""Requests/s of each accelerator, of the paper's table 2."""
REPLICATIONS = 5


@cache
def _question(replication: int) -> Question:
    return question(readme({"run.seed": str(replication + 1)}))


@cache
def _plan(replication: int) -> Plan:
    return distserve(_question(replication), within_nodes=True, compare=False)


def per_gpu(replication: int) -> float:
    """Return the goodput of each accelerator that algorithm 2 finds."""
    return _plan(replication).per_accelerator


def its_bisection(replication: int) -> float:
    """Return the goodput of each accelerator as the example looks for it: by halving [0, 5] down to 0.25."""
    within = Search(_question(replication)).pair_within(PAIR)
    return goodput(lambda rate: within(3 * rate) if rate else 1.0, 0.9, 0.0, 5.0, 0.25)


def chosen(replication: int) -> float:
    """Return 1 if it places two accelerators for prompts and one for tokens, else 0."""
    return float(tuple(pool.division for pool in _plan(replication).pools) == PAIR)


def knees(replication: int) -> float:
    """Return the goodput of each accelerator with pools, over that of engines that do both."""
    search = Search(_question(replication))
    colocated = climb(search.both_within(Division(1)), 0.9, 1.0)
    return climb(search.pair_within(PAIR), 0.9, 3.0) / 3 / colocated


def lead(rate: float, replication: int) -> float:
    """Return how many points more requests are in time with pools, at a rate of each accelerator."""
    search = Search(_question(replication))
    return 100 * (search.pair_within(PAIR)(3 * rate) - search.both_within(Division(1))(rate))


def _lead(rate: float, paper: str) -> Claim:
    return Claim(
        name=f"distserve_table_2_{rate:g}",
        says=f"at {rate:g} requests/s of each GPU more are in time with pools",
        source=f"{PAPER}, table 2",
        setting=f"{SETTING}; prompts on 2 GPUs and tokens on 1, against engines of 1 GPU that do both",
        paper=paper,
        figure="points more in time",
        low=0,
        tolerance="order",
        kind="replications",
        surrogate=LENGTHS,
        remark="The gap is smaller than the paper's, whose engines that do both break down at lower rates."
        if rate > 1
        else "",
        measure=over(REPLICATIONS, partial(lead, rate)),
    )


CLAIMS = (
    Claim(
        name="distserve_readme",
        says="four GPUs take 1.56 requests/s each",
        source=f"{PAPER}, simdistserve/README.md",
        setting=f"{SETTING}; found as there, by halving [0, 5] down to 0.25",
        paper="1.56 requests/s of each GPU",
        figure="requests/s of each GPU at 90 % in time",
        low=1.31,
        high=1.81,
        tolerance="± 0.25",
        kind="replications",
        surrogate=LENGTHS,
        remark="With 300 requests the goodput depends on which they are: some replications are well within, some above; and 1.56 there means 1.56 to 1.72.",
        measure=over(10, its_bisection),
    ),
    Claim(
        name="distserve_plan",
        says="the same, found more precisely",
        source=f"{PAPER}, simdistserve/README.md",
        setting=f"{SETTING}; method `distserve` of `simtier plan`, algorithm 2, to 5 %",
        paper="1.56 requests/s of each GPU, or up to 1.72, as far as its bisection tells",
        figure="requests/s of each GPU at 90 % in time",
        low=1.31,
        high=1.81,
        tolerance="± 0.25",
        kind="replications",
        surrogate=LENGTHS,
        remark="As above.",
        measure=over(10, per_gpu),
    ),
    Claim(
        name="distserve_config",
        says="with two GPUs for prompts and one for tokens",
        source=f"{PAPER}, simdistserve/README.md",
        setting="the same",
        paper="prompts TP 2, tokens TP 1",
        figure="share of replications in which it is chosen",
        low=0.6,
        tolerance="most",
        kind="replications",
        surrogate=LENGTHS,
        measure=over(10, chosen),
    ),
    Claim(
        name="distserve_knee",
        says="pools keep the promise to a higher rate than engines that do both",
        source=f"{PAPER}, table 2 and evaluation",
        setting=f"{SETTING}; as in table 2",
        paper="2.0 to 4.6 times (chat)",
        figure="goodput of each GPU with pools, over that without",
        low=1.5,
        high=6,
        tolerance="1.5 to 6",
        kind="replications",
        surrogate=LENGTHS,
        measure=over(REPLICATIONS, knees),
    ),
    _lead(1.0, "97 % to 100 %: 3 points"),
    _lead(1.5, "65.5 % to 100 %: 34.5 points"),
    _lead(2.0, "52.8 % to 99.3 %: 46.5 points"),
)
