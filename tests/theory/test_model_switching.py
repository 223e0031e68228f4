"""Many experts on accelerators with room for few: a function platform as a cache of models, against Samba-CoE's formula.

Each expert is a function whose instance is its weights in the accelerators' memory (the memory of the node), kept by `lru`; a cold start is its copy.
T = (1 - h) S / B + T_exec, h = slots / experts for uniform popularity (SambaNova SN40L, MICRO 2024, and the published arithmetic of its bandwidths).
"""

from __future__ import annotations

from typing import Any

import pytest
from intervals import holds, over, sojourn
from playing import Played, play

EXPERT = 16.0
"""GB of one expert."""
DDR, PCIE = 1000.0, (32.0, 64.0)
"""GB/s from the slower memory of an SN40L node, and from the host's of a DGX."""


EXECUTE_S = 0.05
"""Of one answer, on either; the card says nothing of it, so this is ours."""
SN40L, DGX = 32, 40
"""Experts that fit: 8 x 64 GiB and 8 x 80 GB of fast memory, over 16 GB."""
WARM_S = 2000.0


def experts(number: int, slots: int, gb_per_s: float, duration: str = "12000 s") -> dict[str, Any]:
    """Return a node with room for `slots` of `number` experts, all equally popular; one request in five seconds, so that hardly two meet."""
    names = [f"expert{i}" for i in range(number)]
    arrivals = {"process": "poisson", "rate": f"{0.2 / number} /s"}
    return {
        "name": "experts",
        "run": {"duration": duration, "drain": "100 s", "samples": 0},
        "nodes": {"node": {"tier": "cloud", "cores": 64, "memory": f"{slots * EXPERT} GB"}},
        "platforms": {
            "coe": {
                "on": "node",
                "cold_start": f"{EXPERT / gb_per_s} s",
                "functions": {name: {"memory": f"{EXPERT} GB"} for name in names},
                "policies": {"keep_alive": "lru"},
            }
        },
        "apps": {
            name: {"stages": {"run": {"service": "coe", "function": name, "time": f"{EXECUTE_S} s"}}} for name in names
        },
        "workloads": {name: {"app": name, "from": "node", "arrivals": arrivals} for name in names},
    }


def found(played: Played) -> list[float]:
    """Return the share of requests whose expert was there, and their mean latency, after a warm-up."""
    stages = played.stages[played.stages.sent_s > WARM_S]
    return [float((stages.start == "warm").mean()), sojourn(WARM_S)(played)]


@pytest.mark.parametrize(("slots", "gb_per_s"), [(SN40L, DDR), (DGX, PCIE[0])])
def test_experts_that_are_equally_popular_are_found_by_slots_over_experts(slots: int, gb_per_s: float) -> None:
    shares, times = over(experts(60, slots, gb_per_s), found, 10).T
    share = slots / 60
    holds(share, shares, 0.05)
    holds((1 - share) * EXPERT / gb_per_s + EXECUTE_S, times, 0.1)


def test_switching_is_fifteen_to_thirty_times_as_fast_from_the_node_s_own_memory() -> None:
    def switch_s(gb_per_s: float) -> float:
        starts = play(experts(60, SN40L, gb_per_s, "1000 s")).table("starts")
        return float((starts.ready_s - starts.began_s).mean())

    own_s = switch_s(DDR)
    assert own_s == pytest.approx(EXPERT / DDR)
    assert all(12 <= switch_s(rate) / own_s <= 35 for rate in PCIE)


def test_answers_gain_by_how_many_experts_have_to_be_switched() -> None:
    def gain(number: int, gb_per_s: float) -> float:
        dgx, own = (found(play(experts(number, *of)))[1] for of in ((DGX, gb_per_s), (SN40L, DDR)))
        return dgx / own

    assert all(3 <= gain(150, rate) <= 8 for rate in PCIE)
    assert gain(150, PCIE[0]) > gain(60, PCIE[0]) > gain(44, PCIE[0])
    # Where all fit, only the first request of each expert has to wait.
    assert gain(SN40L, PCIE[0]) == pytest.approx(1.0, abs=0.01)
