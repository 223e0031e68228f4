"""Engines that only compute prompts of one length, one after the other, against the M/D/1 formulas that DistServe plans with.

Zhong et al., OSDI 2024, section 3.1: requests of one length arrive at random with rate R, a prompt takes D, answers have one token. The
confidence interval over independent engines decides, and is narrower than 3 %. Request by request, an engine is Lindley's recursion.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from intervals import holds
from llm_driving import Linear, Row, closed_form, drive
from numpy.typing import NDArray

from simtier.models.llm.work import Chunk, Floats, IterationCost
from simtier.policies.batching.vllm import Vllm
from simtier.policies.batching.vllm_v1 import VllmV1

PROMPT = 512
ENGINES, WARM = 12, 200


class Faster:
    """The times of another cost model, all so many times as short: layers divided among accelerators."""

    def __init__(self, cost: IterationCost, times: float) -> None:
        self._cost, self._times = cost, times

    def seconds(self, chunks: Sequence[Chunk], decodes: int, contexts: float) -> float:
        return self._cost.seconds(chunks, decodes, contexts) / self._times

    def line(self, decodes: int) -> tuple[float, float] | None:
        line = self._cost.line(decodes)
        return None if line is None else (line[0] / self._times, line[1] / self._times)

    def times(self, decodes: int, contexts: float, iterations: int) -> Floats:
        return self._cost.times(decodes, contexts, iterations) / self._times


def prompt_s(cost: IterationCost) -> float:
    return cost.seconds([(PROMPT, 0)], 0, 0.0)


def waits(
    arrivals: NDArray[np.float64], cost: IterationCost, policy: type[VllmV1 | Vllm] = VllmV1
) -> NDArray[np.float64]:
    """Return the time to the first token of each request; an iteration holds one prompt."""
    rows = [Row(at=at, prompt=PROMPT, output=1) for at in arrivals.tolist()]
    done = drive(rows, policy(tokens=PROMPT), cost).by_number()
    return np.array([each.first_s - each.arrival_s for each in done])


def first_tokens(cost: IterationCost, rate: float, requests: int) -> list[float]:
    """Return the mean time to the first token of each of several engines."""
    rngs = [np.random.default_rng([1, engine]) for engine in range(ENGINES)]
    every = (np.cumsum(rng.exponential(1 / rate, requests)) for rng in rngs)
    return [float(waits(arrivals, cost)[WARM:].mean()) for arrivals in every]


@pytest.mark.parametrize("policy", [VllmV1, Vllm])
def test_each_request_waits_for_those_before_it(policy: type[VllmV1 | Vllm]) -> None:
    """Lindley 1952: W' = max(0, W + D - gap)."""
    d = prompt_s(closed_form())
    gaps = np.random.default_rng(0).exponential(d / 0.95, 3_000)
    wait, expected = 0.0, []
    for gap in gaps.tolist():
        wait = max(0.0, wait + d - gap) if expected else 0.0
        expected.append(wait + d)
    assert waits(np.cumsum(gaps), closed_form(), policy) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("load", "requests"), [(0.3, 4_000), (0.6, 10_000), pytest.param(0.8, 80_000, marks=pytest.mark.slow)]
)
def test_one_engine_is_an_m_d_1_queue(load: float, requests: int) -> None:
    """TTFT = D + R D^2 / 2 (1 - R D)."""
    d = prompt_s(closed_form())
    rate = load / d
    holds(d + rate * d**2 / (2 * (1 - rate * d)), first_tokens(closed_form(), rate, requests), 0.03)


@pytest.mark.parametrize(("times", "load"), [(1.3, 0.6), (1.7, 0.8), (1.9, 1.0)])
def test_dividing_layers_divides_the_service_and_more_of_the_wait(times: float, load: float) -> None:
    """TTFT = D / K + R D^2 / 2 K (K - R D), with a speed-up of K."""
    d = prompt_s(closed_form())
    rate = load / d
    formula = d / times + rate * d**2 / (2 * times * (times - rate * d))
    holds(formula, first_tokens(Faster(closed_form(), times), rate, 8_000), 0.03)


def test_replicas_share_the_rate() -> None:
    """N engines that take turns at random are N queues of R / N each: of Poisson arrivals every one gets some."""
    d, engines, requests = prompt_s(closed_form()), 3, 8_000
    rate = 1.5 / d
    means = []
    for run in range(ENGINES):
        rng = np.random.default_rng([2, run])
        arrivals, whose = np.cumsum(rng.exponential(1 / rate, requests)), rng.integers(engines, size=requests)
        took = [waits(arrivals[whose == engine], closed_form())[WARM:] for engine in range(engines)]
        means.append(float(np.concatenate(took).mean()))
    each = rate / engines
    holds(d + each * d**2 / (2 * (1 - each * d)), means, 0.03)


def test_prompts_computed_together_that_take_no_longer_wait_less() -> None:
    """The formula is of one prompt an iteration: where several fit and weights are most of the time, nobody waits for it twice."""
    cost = Linear(1.0, prompt_s=0.01 / PROMPT)
    d = prompt_s(cost)
    arrivals = np.cumsum(np.random.default_rng(3).exponential(d / 0.8, 4_000)).tolist()
    rows = [Row(at=at, prompt=PROMPT, output=1) for at in arrivals]
    together, apart = (drive(rows, VllmV1(tokens=budget), cost) for budget in (8 * PROMPT, PROMPT))
    mean, alone = (np.mean([each.first_s - each.arrival_s for each in found.done]) for found in (together, apart))
    assert mean < 2 * d < 0.85 * alone
