"""DistServe's placement: which parallelism for prompts and for tokens, and how many replicas of each.

Source: Zhong et al., DistServe, OSDI 2024, section 4.2, algorithms 1 and 2; github LLMServe/DistServe, simdistserve/.

Algorithm 1, for networks that keys and values cross quickly: the two phases are planned apart, each by itself. Of all divisions of the model that
fit, that one is taken whose goodput per accelerator is highest, by simulation; there are as many replicas as the rate needs. A rate counts only if what is left at the last
arrival is worked off in no more time than the requests came in.
Algorithm 2 (`within_nodes`), for slow ones: pairs of a division for prompts and one for tokens that fit on one node together are simulated jointly, so that
keys and values only cross the links within a node.

Assumptions: n replicas take n times what one takes (an upper estimate of what they need: pools share their load better; what is found is checked
by simulating all together); goodput falls with the rate alone. Left out: pipelines over several nodes (each replica is on one node here, so
algorithm 2's shared inter-node pipeline is always 1), and re-planning when lengths or rates shift.
"""

from __future__ import annotations

from math import ceil, nan

from simtier.errors import PlanError
from simtier.planning.engines import Division
from simtier.planning.plans import BOTH, PROMPTS, TOKENS, Plan, Pool, attained, rate_text
from simtier.planning.question import Question
from simtier.planning.search import Search, of_pair


def distserve(question: Question, *, within_nodes: bool = False, compare: bool = True) -> Plan:
    """Return the pools that DistServe would place for `question`.

    With `within_nodes`, by algorithm 2, in pairs on one node; else by algorithm 1. With `compare`, the best without pools is looked for too.
    Raises PlanError if the model fits on no node, or nothing meets the promise at any rate. A plan for which there are too few
    accelerators says so in its `trouble`; it is not simulated as a whole.
    """
    stock, search = question.stock, Search(question)
    divisions = question.workshop.divisions(stock.device, max(stock.nodes))
    if not divisions:
        raise PlanError(
            f"{question.service}: no division among up to {max(stock.nodes)} x {stock.device.name} holds the model, or has known times"
        )
    pools = (_paired if within_nodes else _apart)(question, search, divisions)
    colocated = search.colocated(divisions) if compare else None
    trouble = _too_few(question, pools, pairs=within_nodes)
    share, width = (nan, nan) if trouble else attained(question, pools, question.rate)
    return Plan(
        method="distserve, pairs within nodes" if within_nodes else "distserve",
        question=question,
        pools=pools,
        goodput=min(pool.replicas * pool.goodput for pool in pools if pool.goodput is not None),
        colocated=colocated,
        simulations=search.simulations,
        checked_at=question.rate,
        attained=share,
        half_width=width,
        notes=_uneven(search),
        trouble=trouble or _missed(question, share),
    )


def _uneven(search: Search) -> tuple[str, ...]:
    """Return what to say of attainments that do not only fall."""
    if not search.uneven:
        return ()
    return (
        f"of {search.uneven} divisions that were tried the promise is kept again at a higher rate, so their goodput is uncertain: take more --requests",
    )


def _apart(question: Question, search: Search, divisions: tuple[Division, ...]) -> tuple[Pool, ...]:
    """Algorithm 1; where what is best per accelerator has no room, again with divisions of half as many accelerators at most."""
    first: tuple[Pool, ...] = ()
    most = divisions[-1].accelerators
    while most >= divisions[0].accelerators:
        try:
            pools = _best_apart(question, search, [each for each in divisions if each.accelerators <= most])
        except PlanError:
            if not first:
                raise
            break
        if _fit(question.stock.nodes, pools, pairs=False):
            return pools
        first, most = first or pools, most // 2
    return first


def _best_apart(question: Question, search: Search, divisions: list[Division]) -> tuple[Pool, ...]:
    pools = []
    for role, look in ((PROMPTS, search.prompts), (TOKENS, search.tokens)):
        found = look(divisions)
        if found is None:
            raise _nobody(question, role)
        pools.append(_pool(question, role, *found))
    return tuple(pools)


def _paired(question: Question, search: Search, divisions: tuple[Division, ...]) -> tuple[Pool, ...]:
    """Algorithm 2."""
    most = max(question.stock.nodes)
    pairs = [(first, second) for first in divisions for second in divisions if of_pair((first, second)) <= most]
    if not pairs:
        raise PlanError(
            f"{question.service}: no node has accelerators for a replica that computes prompts and one that decodes: leave out --within-nodes, "
            "or take larger nodes"
        )
    found = search.pairs(sorted(pairs, key=of_pair))
    if found is None:
        raise _nobody(question, BOTH)
    pair, rate = found
    return tuple(_pool(question, role, division, rate) for role, division in zip((PROMPTS, TOKENS), pair, strict=True))


def _pool(question: Question, role: str, division: Division, rate: float) -> Pool:
    replicas = ceil(question.rate / rate)
    name = question.stock.device.name
    return Pool(role=role, hardware=name, division=division, replicas=replicas, goodput=rate)


def _nobody(question: Question, role: str) -> PlanError:
    promise = question.promise
    what = {
        PROMPTS: f"computes {promise.share:.0%} of the prompts within {promise.ttft_s:g} s",
        TOKENS: f"decodes {promise.share:.0%} of the answers at {promise.tpot_s:g} s a token",
        BOTH: f"serves {promise.share:.0%} of the requests with {promise.ttft_s:g} s to the first token and {promise.tpot_s:g} s a token",
    }[role]
    return PlanError(
        f"apps.{question.app}.slo: no division of {question.service!r} among the accelerators of a node {what}, at any rate: promise less, "
        "or take faster accelerators"
    )


def _too_few(question: Question, pools: tuple[Pool, ...], *, pairs: bool) -> str:
    """Return what is to be said if there are too few accelerators for the pools."""
    if _fit(question.stock.nodes, pools, pairs=pairs):
        return ""
    wanted = sum(pool.accelerators for pool in pools)
    return (
        f"{rate_text(question.rate)} requests/s take {wanted:,} x {question.stock.device.name} in these pools, more than the {question.stock.total:,} "
        f"of services.{question.service}.on can hold: add nodes, or plan for a lower --rate"
    )


def _missed(question: Question, share: float) -> str:
    """Return what is to be said if all pools together do not keep the promise."""
    if share >= question.promise.share:
        return ""
    return (
        f"all pools together keep the promise for {share:.1%} of {rate_text(question.rate)} requests/s, less than {question.promise.share:.0%}: plan for a "
        "higher --rate, to have more replicas"
    )


def _fit(nodes: tuple[int, ...], pools: tuple[Pool, ...], *, pairs: bool) -> bool:
    """Return whether replicas fit on nodes, the largest first, each where most is left; or pairs, each on one node."""
    if sum(pool.accelerators for pool in pools) > sum(nodes):
        return False
    sizes = [pool.division.accelerators for pool in pools for _ in range(pool.replicas)]
    if pairs:
        sizes = [sum(pool.division.accelerators for pool in pools)] * pools[0].replicas
    left = list(nodes)
    for size in sorted(sizes, reverse=True):
        place = max(range(len(left)), key=left.__getitem__)
        left[place] -= size
        if left[place] < 0:
            return False
    return True
