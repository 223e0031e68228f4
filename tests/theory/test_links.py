"""Links against queueing theory; the confidence interval over seeded replications decides.

Sources: Kleinrock, Queueing Systems, vol. 1, section 5.7 (M/G/1) and vol. 2, section 4.4 (processor sharing and its insensitivity);
Bertsekas & Gallager, Data Networks, section 6.5.2 (max-min fairness).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import stats

from simtier.clock import Clock
from simtier.models.capacity import Constant, Piecewise
from simtier.models.link import LinkSpec
from simtier.models.network import Network
from simtier.streams import Streams

REPLICATIONS = 20
CONFIDENCE = 0.99
MEAN_BYTES = 100.0
RATE = 1000.0
SERVICE_S = MEAN_BYTES / RATE
Sizes = Callable[[Generator, int], NDArray[np.float64]]


def one_size(_: Generator, n: int) -> NDArray[np.float64]:
    return np.full(n, MEAN_BYTES)


def exponential(rng: Generator, n: int) -> NDArray[np.float64]:
    return rng.exponential(MEAN_BYTES, n)


def transfers(spec: LinkSpec, load: float, sizes: Sizes, replication: int, n: int = 12_000) -> NDArray[np.float64]:
    """Return the rows of the delivered among `n` Poisson messages over one link, after the first 2,000 requests."""
    clock, streams, rows = Clock(), Streams(11, replication), []
    network = Network(clock, streams, SimpleNamespace(append=rows.append), lambda _: 0)
    network.add(spec)
    path = network.path("a", "b")
    times = np.cumsum(streams.stream("times").exponential(SERVICE_S / load, n)).tolist()
    nbytes = sizes(streams.stream("sizes"), n).tolist()

    def send(i: int) -> None:
        path.send(i, i, nbytes[i], do_nothing, None, do_nothing)

    clock.feed((time, send, i) for i, time in enumerate(times))
    clock.play(times[-1] + 1e6)
    return np.array([row for row in rows if row[0] >= 2000])


def do_nothing(_: Any) -> None:
    pass


def link(sharing: Any, **more: Any) -> LinkSpec:
    return LinkSpec("l", "a", "b", 0.0, Constant(RATE), sharing, **more)


def holds(formula: float, means: list[float], precision: float = 0.05) -> None:
    """Assert that the interval holds the formula, and that it is narrow enough to have refuted another."""
    half = stats.t.ppf(0.5 + CONFIDENCE / 2, len(means) - 1) * np.std(means, ddof=1) / math.sqrt(len(means))
    assert abs(np.mean(means) - formula) <= half
    assert half < precision * formula


@pytest.mark.parametrize("load", [0.3, 0.7])
def test_a_fifo_link_with_poisson_messages_of_one_size_waits_as_m_d_1(load: float) -> None:
    """Pollaczek-Khinchine with constant service: W = rho S / (2 (1 - rho))."""
    means = []
    for replication in range(REPLICATIONS):
        rows = transfers(link("fifo"), load, one_size, replication)
        means.append(float(np.mean(rows[:, 4] - rows[:, 3])))
    holds(load * SERVICE_S / (2 * (1 - load)), means)


def test_a_fifo_link_with_exponential_sizes_waits_as_m_m_1() -> None:
    means = []
    for replication in range(REPLICATIONS):
        rows = transfers(link("fifo"), 0.6, exponential, replication)
        means.append(float(np.mean(rows[:, 4] - rows[:, 3])))
    holds(0.6 * SERVICE_S / (1 - 0.6), means, precision=0.06)


def test_a_fair_link_is_processor_sharing() -> None:
    """M/M/1-PS: the mean sojourn is S / (1 - rho), and of a message that alone takes x it is x / (1 - rho), small or large."""
    load, means = 0.7, []
    slowdowns: dict[str, list[float]] = {"small": [], "middle": [], "large": []}
    for replication in range(REPLICATIONS):
        rows = transfers(link("fair"), load, exponential, replication)
        sojourn, alone = rows[:, 5] - rows[:, 3], rows[:, 2] / RATE
        means.append(float(np.mean(sojourn)))
        for name, (low, high) in {"small": (0.1, 0.7), "middle": (0.7, 1.4), "large": (1.4, 99.0)}.items():
            chosen = (alone >= low * SERVICE_S) & (alone < high * SERVICE_S)
            slowdowns[name].append(float(np.mean(sojourn[chosen] / alone[chosen])))
    holds(SERVICE_S / (1 - load), means, precision=0.06)
    for values in slowdowns.values():
        holds(1 / (1 - load), values, precision=0.06)


def test_a_fair_link_does_not_care_about_the_shape_of_sizes() -> None:
    load = 0.7
    means = []
    for replication in range(REPLICATIONS):
        rows = transfers(link("fair"), load, one_size, replication)
        means.append(float(np.mean(rows[:, 5] - rows[:, 3])))
    holds(SERVICE_S / (1 - load), means)


def test_the_share_of_lost_messages_is_the_loss_probability() -> None:
    """Without repetition; lost rows have no delivery."""
    lost = [
        float(np.mean(np.isnan(transfers(link("none", loss=0.2), 0.5, one_size, replication)[:, 6])))
        for replication in range(REPLICATIONS)
    ]
    holds(0.2, lost)


@pytest.mark.parametrize("sharing", ["none", "fair"])
def test_repetition_costs_a_geometric_number_of_rounds(sharing: str) -> None:
    """At a load near 0 a message takes S, and p / (1 - p) times S and the time until it is repeated."""
    loss, after, means = 0.3, 0.05, []
    for replication in range(REPLICATIONS):
        spec = link(sharing, loss=loss, retransmit_after_s=after)
        rows = transfers(spec, 1e-6, one_size, replication, n=6000)
        first, last = rows[:, 3].copy(), rows[:, 6]
        delivered = ~np.isnan(last)
        starts = {int(request): start for request, start in zip(rows[::-1, 0], first[::-1], strict=True)}
        means.append(float(np.mean([row[6] - starts[int(row[0])] for row in rows[delivered]])))
    holds(SERVICE_S + loss / (1 - loss) * (SERVICE_S + after), means)


def test_four_flows_over_three_fair_links_by_hand() -> None:
    """Capacities 10, 6, 4 on the chain 0-1-2-3; f1 0-1, f2 0-2, f3 1-3, f4 2-3, all from time 0.

    Rates 6, 4, 2, 2 until f4 (20 bytes) ends at 10; then 7, 3, 3 until f3 (38) ends at 16; then 5, 5 until f2 (40 + 18 + 20) ends
    at 20; then 10 until f1 (60 + 42 + 20 + 30) ends at 23.
    """
    clock, ends = Clock(), {}
    network = Network(clock, Streams(1), SimpleNamespace(append=do_nothing), lambda _: 0)
    for k, rate in enumerate([10, 6, 4]):
        network.add(LinkSpec(f"l{k}", str(k), str(k + 1), 0, Constant(rate), "fair"))
    for name, a, b, nbytes in [("f1", 0, 1, 152), ("f2", 0, 2, 78), ("f3", 1, 3, 38), ("f4", 2, 3, 20)]:

        def ended(name: str) -> None:
            ends[name] = clock.now

        network.path(str(a), str(b)).send(0, 0, nbytes, ended, name, do_nothing)
    clock.play(100)
    assert ends == pytest.approx({"f4": 10, "f3": 16, "f2": 20, "f1": 23}, rel=1e-12)


def test_two_fair_flows_through_an_outage_by_hand() -> None:
    """10 bytes/s for 2 s, nothing for 3 s, then 4 bytes/s; 15 bytes at 0, 15 bytes at 1.

    At 2 the first has 10 + 5 and ends, the other has 5; the 10 left take from 5 to 7.5.
    """
    clock, ends = Clock(), {}
    network = Network(clock, Streams(1), SimpleNamespace(append=do_nothing), lambda _: 0)
    network.add(LinkSpec("l", "a", "b", 0, Piecewise([0, 2, 5], [10, 0, 4]), "fair"))
    path = network.path("a", "b")

    def ended(name: int) -> None:
        ends[name] = clock.now

    for start in (0, 1):
        clock.call_at(start, lambda start: path.send(0, 0, 15, ended, start, do_nothing), start)
    clock.play(100)
    assert ends == pytest.approx({0: 2, 1: 7.5}, rel=1e-12)
