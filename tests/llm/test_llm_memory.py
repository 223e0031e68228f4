"""What keeps a run's memory small: nothing is loaded that it has no use for, and nothing stays of a request that is over."""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest

import simtier
from simtier.models.llm.sequence import LlmSequence
from simtier.world.world import World

HEAVY = ("pandas", "scipy.optimize", "scipy.stats", "scipy.signal", "matplotlib")


def test_a_run_does_not_load_what_it_has_no_use_for() -> None:
    code = f"import sys, simtier.runner; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_requests_that_are_over_leave_without_the_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    """They hold nothing that holds them."""
    left: list[int] = []
    close = World.close

    def counting(self: World) -> None:
        left.append(sum(isinstance(each, LlmSequence) for each in gc.get_objects()))
        close(self)

    monkeypatch.setattr(World, "close", counting)
    scenario = simtier.Scenario.from_dict(
        {
            "name": "memory",
            "run": {"duration": "50 s", "drain": "60 s"},
            "nodes": {"gpu": {"tier": "cloud", "cores": 8, "accelerators": ["a100_80g"], "memory": "64 GiB"}},
            "services": {"chat": {"on": "gpu", "llm": {"model": "llama-3-8b"}}},
            "apps": {"ask": {"stages": {"answer": {"service": "chat", "tokens": {"input": 100, "output": 10}}}}},
            "workloads": {"w": {"app": "ask", "from": "gpu", "arrivals": {"process": "poisson", "rate": "4 /s"}}},
        }
    )
    gc.collect()
    gc.disable()
    before = sum(isinstance(each, LlmSequence) for each in gc.get_objects())  # of other tests
    try:
        assert simtier.run(scenario).summary["llm"]["chat"]["served"] > 150
    finally:
        gc.enable()
    assert left[0] - before < 5
