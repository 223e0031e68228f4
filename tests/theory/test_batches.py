"""Service in batches against the embedded chain of bulk queues; the confidence interval over seeded replications decides."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from intervals import holds, over, wait
from playing import Played, queue
from scipy import stats

WARM_S = 20.0
ALONE_S = 0.01


def bulk_wait(rate: float, most: int, batch_cost: float) -> float:
    """Return the mean wait in M/D(n)/1 where whatever waits, up to `most`, runs together for ALONE_S (1 + batch_cost (n - 1)).

    The queue just after a batch has ended is a Markov chain: q' = max(q - most, 0) + arrivals during the batch; an empty one waits
    for a single request. The wait follows by Little's law from the mean queue over a cycle. Bailey, JRSS B 16(1), 1954; Neuts, Annals
    of Mathematical Statistics 38(3), 1967. The chain is cut off at 300, where its mass is below rounding.
    """
    size = 300
    step, drained, served = np.zeros((size, size)), np.zeros(size), np.zeros(size)
    for q in range(size):
        batch = min(max(q, 1), most)
        left = max(q - most, 0)
        served[q], drained[q] = ALONE_S * (1 + batch_cost * (batch - 1)), left
        step[q, left:] = stats.poisson.pmf(np.arange(size - left), rate * served[q])
        step[q, -1] += 1 - step[q].sum()
    balance = np.vstack([step.T - np.eye(size), np.ones(size)])
    share = np.linalg.lstsq(balance, np.array([0.0] * size + [1.0]), rcond=None)[0]
    cycle = share @ served + share[0] / rate
    area = share @ (drained * served + rate * served**2 / 2)
    return float(area / cycle / rate)


def batching(rate: float, most: int, batch_cost: float, **more: Any) -> dict[str, Any]:
    data = queue(
        f"{rate} /s",
        "10 ms",
        policies={"batching": {"use": "size_or_timeout", "size": most, "timeout": "0 s"}},
        stage={"batch_cost": batch_cost},
        duration="250 s",
        **more,
    )
    data["run"]["drain"] = "20 s"
    return data


@pytest.mark.parametrize(("most", "batch_cost", "rate"), [(4, 0.0, 200.0), (4, 0.25, 150.0), (1, 1.0, 60.0)])
def test_batches_of_what_waits_have_the_wait_of_the_bulk_queue(most: int, batch_cost: float, rate: float) -> None:
    holds(bulk_wait(rate, most, batch_cost), over(batching(rate, most, batch_cost), wait(WARM_S), 10), 0.05)


def test_an_accelerator_batches_as_cores_do() -> None:
    data = batching(150.0, 4, 0.25, node={"accelerators": "t4"}, service={"accelerator": True})
    holds(bulk_wait(150.0, 4, 0.25), over(data, wait(WARM_S), 10), 0.05)


def test_a_batch_of_one_is_m_d_1() -> None:
    """The chain itself against Pollaczek-Khinchine: it is right where a simpler formula is known."""
    assert bulk_wait(60.0, 1, 0.0) == pytest.approx(0.6 * ALONE_S / 2 / 0.4, rel=1e-9)


def test_the_hold_of_an_unfull_batch_is_its_timeout() -> None:
    """At a rate so low that nobody joins, every request waits for exactly the timeout."""
    data = batching(0.2, 4, 0.0)
    data["services"]["queue"]["policies"]["batching"]["timeout"] = "50 ms"

    def alone(played: Played) -> float:
        stages = played.stages
        waits = (stages["started_s"] - stages["queued_s"])[stages["batch"] == 1]
        assert len(waits) > 20
        return float(np.abs(waits - 0.05).max())

    assert over(data, alone, 1).max() < 1e-12
