"""Keep-alive policies at work: timer functions on a platform."""

from __future__ import annotations

from typing import Any

import pandas as pd
from playing import play

PERIODS_S = (120, 300, 900)
CALLS = 20


def timers(use: str) -> tuple[pd.DataFrame, float]:
    """Return the executions of three timer functions under a keep-alive policy, and for how many seconds instances were idle.

    Executions take 1 s, cold starts 2 s, and there is memory for all.
    """
    functions = [f"every_{period}" for period in PERIODS_S]
    stage: dict[str, Any] = {"service": "faas", "time": "1 s"}
    played = play(
        {
            "name": "timers",
            "question": "What do timer functions gain from being started ahead?",
            "run": {"duration": f"{CALLS * max(PERIODS_S)} s", "seed": 1},
            "nodes": {
                "client": {"tier": "device", "cores": 1},
                "server": {"tier": "cloud", "cores": 16, "memory": "16 GB"},
            },
            "links": {"hop": {"from": "client", "to": "server", "latency": "1 ms"}},
            "platforms": {
                "faas": {
                    "on": "server",
                    "cold_start": {"model": "given", "allocating": "500 ms", "initialising": "1500 ms"},
                    "functions": {name: {"memory": "128 MB", "trigger": "timer"} for name in functions},
                    "policies": {"keep_alive": use},
                }
            },
            "apps": {name: {"stages": {"run": {**stage, "function": name}}} for name in functions},
            "workloads": {
                name: {
                    "app": name,
                    "from": "client",
                    "arrivals": {"process": "periodic", "rate": f"{1 / period} /s", "phase": "10 s"},
                }
                for name, period in zip(functions, PERIODS_S, strict=True)
            },
        }
    )
    states = played.table("replicas")
    idle = states[states["state"] == "idle"]
    return played.table("stages"), float((idle["end_s"] - idle["start_s"]).sum())


def test_timers_with_a_period_above_60_s_always_start_cold_under_60_s_and_never_when_started_ahead() -> None:
    """Huawei's observation and proposal (Joosen et al., EuroSys 2025). A period takes four gaps, so five calls, to be learned."""
    fixed, fixed_idle_s = timers("pool_prediction")  # on a platform without pools it is a fixed keep-alive of 60 s
    assert set(fixed["start"]) == {"cold"}
    ahead, ahead_idle_s = timers("timer_prewarm")
    assert len(ahead) == len(fixed) > len(PERIODS_S) * 15
    assert (ahead["start"] == "cold").sum() == 5 * len(PERIODS_S)
    assert ahead_idle_s < 0.2 * fixed_idle_s


def test_the_histogram_of_steady_idle_times_saves_all_cold_starts_but_the_first() -> None:
    stages, idle_s = timers("hybrid_histogram")
    _, forever_idle_s = timers("forever")
    assert (stages["start"] == "cold").sum() == len(PERIODS_S)
    assert idle_s < 0.6 * forever_idle_s
