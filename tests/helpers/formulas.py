"""Closed forms of queueing theory, each with its source. `load` is the offered load in Erlangs, times are in seconds."""

from __future__ import annotations

import math
from collections.abc import Sequence


def erlang_b(servers: int, load: float) -> float:
    """Return the share of requests lost in M/G/c/c. Gross et al., Fundamentals of Queueing Theory, 4th ed., 2.5 (recursion)."""
    lost = 1.0
    for n in range(1, servers + 1):
        lost = load * lost / (n + load * lost)
    return lost


def erlang_c(servers: int, load: float) -> float:
    """Return the probability to wait in M/M/c. Gross et al., 2.3; from Erlang B by C = B / (1 - rho (1 - B))."""
    lost = erlang_b(servers, load)
    return lost / (1 - load / servers * (1 - lost))


def mmc_wait(servers: int, rate: float, service: float) -> float:
    """Return the mean wait in M/M/c: C / (c / S - rate)."""
    return erlang_c(servers, rate * service) / (servers / service - rate)


def mmck(servers: int, places: int, load: float) -> list[float]:
    """Return the distribution of the number in M/M/c/K, 0 to `places`. Gross et al., 2.4 (birth and death)."""
    weights = [1.0]
    for n in range(1, places + 1):
        weights.append(weights[-1] * load / min(n, servers))
    return [weight / sum(weights) for weight in weights]


def mg1_wait(rate: float, service: float, cv: float) -> float:
    """Return the mean wait in M/G/1: rho S (1 + cv^2) / (2 (1 - rho)). Pollaczek 1930, Khinchine 1932; Kleinrock vol. 1, 5.7."""
    load = rate * service
    return load * service * (1 + cv**2) / (2 * (1 - load))


def closed_network(clients: int, think: float, demands: Sequence[float]) -> tuple[float, float]:
    """Return the mean response time and the throughput of a closed network of single-server queues, by exact MVA.

    Reiser and Lavenberg, Mean-value analysis of closed multichain queuing networks, J. ACM 27(2), 1980.
    """
    queues = [0.0] * len(demands)
    response = throughput = math.nan
    for n in range(1, clients + 1):
        responses = [demand * (1 + queue) for demand, queue in zip(demands, queues, strict=True)]
        response = sum(responses)
        throughput = n / (think + response)
        queues = [throughput * each for each in responses]
    return response, throughput
