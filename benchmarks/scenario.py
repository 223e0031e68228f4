"""The benchmark's system as a simtier scenario: the same rates, hops and servers as plain_simpy."""

from __future__ import annotations

from plain_simpy import BACK_S, RATE, SERVERS, SERVICE_S, THERE_S

from simtier import Scenario


def scenario(requests: int, seed: int = 1) -> Scenario:
    """Return the scenario that makes about `requests` requests."""
    return Scenario.from_dict(
        {
            "name": "bench",
            "run": {"duration": f"{requests / RATE} s", "drain": "100 s", "seed": seed},
            "nodes": {"client": {"tier": "device", "cores": 1}, "server": {"tier": "edge", "cores": SERVERS}},
            "links": {
                "hop": {"from": "client", "to": "server", "latency": f"{THERE_S} s", "back": {"latency": f"{BACK_S} s"}}
            },
            "services": {"queue": {"on": "server", "cores": SERVERS, "concurrency": SERVERS}},
            "apps": {
                "ask": {
                    "stages": {
                        "serve": {"service": "queue", "time": {"distribution": "exponential", "mean": f"{SERVICE_S} s"}}
                    }
                }
            },
            "workloads": {
                "asks": {"app": "ask", "from": "client", "arrivals": {"process": "poisson", "rate": f"{RATE} /s"}}
            },
        }
    )
