"""POLCA (Patel et al., ASPLOS 2024): how many servers a power budget has room for, in closed form and as its paper claims.

The paper's row has 40 servers of 79 % of its budget at their peak, whose power rises by at most 11.8 % while a command takes to act; with 30 % more
servers its brake is never pulled, nor do servers of high priority lose 1 % of their throughput, nor those of low priority 4 %.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import simtier
from simtier.contract import Caps
from simtier.policies.power.one_threshold import OneThreshold
from simtier.policies.power.polca import Polca
from simtier.streams import Streams
from simtier.testing import FakePowerRow, FakeSite

SCENARIO = Path(__file__).parents[2] / "scenarios" / "llm_power.yaml"
RATING_W = 6500.0


def load_row(servers: int, load: dict[str, Any], policy: Any, minutes: int = 4, **row: Any) -> dict[str, Any]:
    """Return the metrics of a row of servers that carry a load, with a budget for 40 of them."""
    gpus = {"tier": "cloud", "hardware": "cloud_gpu_host", "accelerators": ["a100_80g"] * 8, "idle_power": "1.8 kW"}
    document = {
        "name": "loads",
        "run": {"duration": f"{minutes} min", "samples": 0, "warmup": "1 min"},
        "nodes": {"racks": {**gpus, "count": servers}, "else": {"tier": "cloud", "cores": 1}},
        "services": {"web": {"on": "else"}},
        "apps": {"page": {"stages": {"show": {"service": "web", "time": "1 ms"}}}},
        "workloads": {"w": {"app": "page", "from": "else", "arrivals": {"process": "poisson", "rate": "1 /s"}}},
        "power_rows": {
            "row": {
                "nodes": "racks",
                "budget": f"{40 * RATING_W} W",
                "loads": {"load": {"on": "racks", **load}},
                "policies": {"power": policy},
                **row,
            }
        },
    }
    found: dict[str, Any] = simtier.run(simtier.Scenario.from_dict(document)).summary["power"]["row"]
    return found


def test_as_many_servers_as_peak_and_saving_leave_room_for() -> None:
    """n / 40 = 1 / (peak (1 - saving)): at that many, servers capped to 1110 MHz draw the budget."""
    peak_w, idle_w = 0.79 * RATING_W, 1800 + 8 * 50
    saving = (peak_w - idle_w) * (1 - (1110 / 1410) ** 1.1) / peak_w
    most = 40 / (0.79 * (1 - saving))
    steady = {"high": f"{peak_w} W", "low": f"{peak_w} W", "period": "10 s"}
    for servers in (int(most), int(most) + 1):
        got = load_row(servers, steady, "one_threshold", brake={"at": 9, "release": 9})
        assert got["peak_share"] == pytest.approx(servers / most)
    assert 40 * 1.30 < most < 40 * 1.60


def test_training_servers_swing_faster_than_commands_act() -> None:
    """97 % of the budget at their peak, 37.5 % less two seconds later: there is no room for more, whatever the policy."""
    swing = {"high": f"{0.97 * RATING_W} W", "low": f"{(0.97 - 0.375) * RATING_W} W", "period": "4 s"}
    fits = load_row(40, swing, "uncapped")
    assert (fits["peak_share"], fits["largest_rise"]) == pytest.approx((0.97, 0.375))
    assert fits["brakes"] == 0
    assert load_row(44, swing, "polca")["brakes"] > 0
    assert load_row(52, swing, "polca")["brakes"] > 0


def levels(policy: Any, *readings: tuple[float, Caps]) -> list[Caps]:
    """Return what a policy answers to readings (share of the budget, caps in force)."""
    policy.start(FakeSite(), Streams(0).stream("policy"))
    told, found = Caps(), []
    for share, in_force in readings:
        told = policy.caps(FakePowerRow(power_w=share * 10_000, told=told, in_force=in_force))
        found.append(told)
    return found


def test_polca_caps_low_priority_first_and_lifts_caps_five_percent_below() -> None:
    free, base, deep, all_ = Caps(), Caps(1.275e9), Caps(1.11e9), Caps(1.11e9, 1.305e9)
    story = [(0.79, free), (0.81, free), (0.76, base), (0.90, base), (0.90, base), (0.90, deep), (0.85, all_)]
    assert levels(Polca(), *story) == [free, base, base, deep, deep, all_, all_]
    assert levels(Polca(), *story, (0.83, all_), (0.76, base), (0.74, base))[-3:] == [base, base, free]


def test_one_threshold_caps_everybody_or_low_priority_alone() -> None:
    free, everybody, low = Caps(), Caps(1.11e9, 1.11e9), Caps(1.11e9)
    story = [(0.88, free), (0.90, free), (0.85, everybody), (0.83, everybody)]
    assert levels(OneThreshold(), *story) == [free, everybody, everybody, free]
    assert levels(OneThreshold(high=False), (0.90, free)) == [low]


@pytest.fixture(scope="module")
def shipped() -> dict[str, Any]:
    return simtier.run(simtier.Scenario.load(SCENARIO)).summary


def test_the_row_of_forty_is_as_in_the_paper(shipped: dict[str, Any]) -> None:
    forty = shipped["power"]["forty"]
    assert forty["peak_share"] == pytest.approx(0.79, abs=0.01)
    assert forty["brakes"] == 0


def test_thirty_percent_more_servers_need_no_brake_with_polca_and_do_without(shipped: dict[str, Any]) -> None:
    power = shipped["power"]
    assert power["braked"]["brakes"] > 0
    assert power["polca"]["brakes"] == power["one_threshold"]["brakes"] == 0
    assert power["too_many"]["brakes"] > 0  # 45 % more


def test_servers_of_high_priority_hardly_lose_and_those_of_low_priority_little(shipped: dict[str, Any]) -> None:
    for priority, most in (("high", 0.01), ("low", 0.04)):
        free, capped = (shipped["llm"][f"{row}_{priority}"]["latency_s"]["mean"] for row in ("forty", "polca"))
        assert -0.01 < 1 - free / capped <= most


def test_one_threshold_costs_high_priority_more_than_polca(shipped: dict[str, Any]) -> None:
    rows = [shipped["llm"][f"{row}_high"]["latency_s"]["mean"] for row in ("forty", "polca", "one_threshold")]
    assert rows == sorted(rows)
