"""The benchmark's system in plain SimPy: a process and a resource request for each request, as a SimPy user writes it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import simpy

RATE, SERVERS, SERVICE_S, THERE_S, BACK_S = 80.0, 4, 0.040, 0.018, 0.0108


def simulate(requests: int, seed: int = 1) -> float:
    """Simulate Poisson arrivals -> hop -> 4 servers -> hop; return the mean latency in seconds."""
    rng = np.random.default_rng(seed)
    gaps = rng.exponential(1 / RATE, requests).tolist()
    services = rng.exponential(SERVICE_S, requests).tolist()
    env = simpy.Environment()
    servers = simpy.Resource(env, SERVERS)
    latencies = []

    def request(service_s: float) -> Iterator[simpy.Event]:
        arrived = env.now
        yield env.timeout(THERE_S)
        with servers.request() as slot:
            yield slot
            yield env.timeout(service_s)
        yield env.timeout(BACK_S)
        latencies.append(env.now - arrived)

    def source() -> Iterator[simpy.Event]:
        for gap, service_s in zip(gaps, services, strict=True):
            yield env.timeout(gap)
            env.process(request(service_s))

    env.process(source())
    env.run()
    return sum(latencies) / len(latencies)
