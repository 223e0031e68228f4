"""Rows of servers: the meter, caps that act after their delay, the brake, and what the summary tells."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from power_rows import DEVICES, HOST_W, IDLE_W, PEAK_W, power_scenario, table

import simtier
from simtier.clock import Clock
from simtier.errors import ScenarioError
from simtier.metrics.power import largest_rise
from simtier.models.power.load import Load, Swing
from simtier.report import write_report

ALWAYS = {"power": {"use": f"{Path(__file__).parents[1]}/helpers/always.py:Always", "low": 0.705e9}}
IDLE = 2 * (HOST_W + DEVICES * IDLE_W)


@pytest.fixture(scope="module")
def free() -> simtier.Result:
    return simtier.run(power_scenario({}))


@pytest.fixture(scope="module")
def capped() -> simtier.Result:
    return simtier.run(power_scenario({"policies": ALWAYS, "command_delay": "20 s"}))


def test_readings_are_the_mean_of_what_iterations_and_idling_draw(free: simtier.Result) -> None:
    iterations, readings = table(free, "iterations"), table(free, "power")
    assert readings["time_s"].tolist() == pytest.approx(np.arange(2.0, 60.0, 2.0).tolist())
    for row in readings.itertuples():
        inside = np.minimum(iterations["end_s"], row.time_s) - np.maximum(iterations["begin_s"], row.time_s - 2)
        above = ((iterations["watts"] - DEVICES * IDLE_W) * np.maximum(inside, 0)).sum()
        assert row.watts == pytest.approx(IDLE + above / 2)


def test_the_integral_of_power_is_the_energy_of_nodes_and_services(free: simtier.Result) -> None:
    summary = free.summary
    joules = sum(node["energy_j"] for node in summary["nodes"].values())
    last_s = table(free, "power")["time_s"].max()
    rest = table(free, "iterations")
    inside = np.minimum(rest["end_s"], 60) - np.maximum(rest["begin_s"], last_s)
    rest_j = IDLE * (60 - last_s) + ((rest["watts"] - DEVICES * IDLE_W) * np.maximum(inside, 0)).sum()
    assert summary["power"]["row"]["energy_j"] + rest_j == pytest.approx(joules)
    engines = sum(service["energy_j"] for service in summary["llm"].values())
    assert engines + 2 * HOST_W * 60 == pytest.approx(joules)


def test_what_iterations_draw_lies_between_a_few_tokens_and_the_peak(free: simtier.Result) -> None:
    watts = table(free, "iterations")["watts"]
    assert watts.min() >= 0.5 * DEVICES * PEAK_W
    assert watts.max() <= DEVICES * PEAK_W


def test_caps_act_after_their_delay_and_not_before(free: simtier.Result, capped: simtier.Result) -> None:
    before, after = (table(each, "iterations").query("node == 'low'") for each in (free, capped))
    acts_s = 2.0 + 20.0
    same = [each[each["begin_s"] < acts_s] for each in (before, after)]
    assert same[0]["watts"].tolist()[:-1] == same[1]["watts"].tolist()[: len(same[0]) - 1]
    later = after[after["begin_s"] > acts_s]
    highest = DEVICES * (IDLE_W + (PEAK_W - IDLE_W) * 0.5**1.1)
    assert later["watts"].max() <= highest
    assert before[before["begin_s"] > acts_s]["watts"].max() > highest
    readings = table(capped, "power")
    assert set(readings["low_clock"][readings["time_s"] < acts_s]) == {1.0}
    assert set(readings["low_clock"][readings["time_s"] > acts_s]) == {0.5}


def test_servers_of_high_priority_keep_their_clock(free: simtier.Result, capped: simtier.Result) -> None:
    pair = [table(each, "iterations").query("node == 'high'") for each in (free, capped)]
    assert pair[0]["end_s"].tolist() == pair[1]["end_s"].tolist()
    low = [each.summary["llm"]["low"]["latency_s"]["mean"] for each in (free, capped)]
    assert low[0] < low[1]


def test_the_brake_acts_in_five_seconds_and_its_end_too() -> None:
    result = simtier.run(power_scenario({"budget": "3.4 kW", "brake": {"release": 0.9}}))
    readings, got = table(result, "power"), result.summary["power"]["row"]
    over = readings["watts"] > 3400
    first_s = readings["time_s"][over].min()
    braked = readings["braked"] == 1
    acts_s = first_s + 5
    assert readings["time_s"][braked].min() == pytest.approx(first_s + 6)  # the first reading after
    iterations = table(result, "iterations")
    braked_w = DEVICES * (IDLE_W + (PEAK_W - IDLE_W) * (288 / 1410) ** 1.1)
    seen = iterations[(iterations["begin_s"] > acts_s) & (iterations["begin_s"] < acts_s + 3)]["watts"]
    assert len(seen)
    assert (seen <= braked_w).all()
    assert got["brakes"] > 1
    assert 0 < got["braked_share"] < 1
    assert got["over_share"] == pytest.approx(over.mean())


def test_a_row_that_stays_within_its_budget_is_never_braked_nor_capped(free: simtier.Result) -> None:
    got = free.summary["power"]["row"]
    assert (got["brakes"], got["braked_share"], got["capped_low_share"], got["capped_high_share"]) == (0, 0.0, 0.0, 0.0)
    assert got["mean_share"] < got["peak_share"] < 1


def test_a_row_changes_nothing_that_it_does_not_cap(free: simtier.Result) -> None:
    without = simtier.run(power_scenario({}, power_rows={}))
    assert without.summary["power"] == {}
    assert without.summary["llm"] == free.summary["llm"]


def test_loads_by_hand() -> None:
    clock = Clock()
    load = Load(clock, Swing(high_w=900, low_w=500, period_s=8, duty=0.25), 300)
    clock.now = 9.0
    assert load.joules_above_idle() == pytest.approx(600 * 3 + 200 * 6)
    load.set_clock(0.5)
    clock.now = 11.0
    assert load.joules_above_idle() == pytest.approx(3000 + (600 + 200) * 0.5**1.1)


def test_the_largest_rise_is_within_the_delay_of_a_command() -> None:
    values = np.array([0.5, 0.7, 0.6, 0.65, 0.9, 0.2])
    assert largest_rise(values, 1) == pytest.approx(0.25)
    assert largest_rise(values, 2) == pytest.approx(0.3)
    assert largest_rise(values, 9) == pytest.approx(0.4)
    assert largest_rise(np.array([3.0, 2.0, 1.0]), 2) == 0.0
    assert largest_rise(np.array([3.0]), 2) == 0.0


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            {"nodes": ["high", "lwo"]},
            "power_rows.row.nodes.1: there is no tier, group or node 'lwo' (did you mean 'low'?)",
        ),
        ({"low_priority": ["lower"]}, "power_rows.row.low_priority.0: there is no service 'lower'"),
        ({"nodes": ["high"]}, "power_rows.row.low_priority.0: service 'low' runs on none of the row's nodes"),
        ({"budget": "2 kW"}, "power_rows.row.budget: 2000 W: its 2 servers draw 2400 W when idle, so the brake"),
        ({"budget": "5"}, "power_rows.row.budget: '5' has no unit"),
        (
            {"brake": {"clock": "2 GHz"}},
            "power_rows.row.brake.clock: 2e+09 Hz is above the highest clock of the row, 1.41e+09 Hz",
        ),
        ({"brake": {"release": 1.5}}, "power_rows.row.brake: release (1.5) is above at (1)"),
        (
            {"loads": {"train": {"on": ["high"], "high": "1 kW", "low": "2 kW", "period": "1 s"}}},
            "low (2000 W) is above high",
        ),
        (
            {"loads": {"train": {"on": ["low"], "high": "3 kW", "low": "1 kW", "period": "1 s"}}},
            "power_rows.row.loads.train.low: 1000 W is below what a node of 'low' draws when idle: 1200 W",
        ),
        (
            {"policies": {"power": "polka"}},
            "power_rows.row.policies.power: no power policy is called 'polka' (did you mean 'polca'?)",
        ),
        ({"policies": {"power": {"use": "polca", "low": "3"}}}, "parameter 'low': '3' has no unit"),
    ],
)
def test_wrong_rows_are_refused(row: dict[str, object], message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        simtier.run(power_scenario(row))
    assert message in str(caught.value)


def test_a_node_in_two_rows_and_a_service_without_a_model_are_refused() -> None:
    rows = {name: {"nodes": "high", "budget": "9 kW"} for name in ("one", "two")}
    with pytest.raises(ScenarioError, match="node 'high' is in row 'one' already"):
        simtier.run(power_scenario({}, power_rows=rows))
    other = {"web": {"on": "high"}}
    base = power_scenario({}).model_dump(mode="json", by_alias=True)["services"]
    with pytest.raises(ScenarioError, match="'web' may run there, and has no `llm`"):
        simtier.run(power_scenario({}, services=base | other))


def test_pipelines_are_refused() -> None:
    services = {
        name: {"on": name, "llm": {"model": "llama-2-13b", "tensor": 2, "pipeline": 2}} for name in ("high", "low")
    }
    with pytest.raises(ScenarioError, match="has a pipeline or shares, whose clock cannot be changed"):
        simtier.run(power_scenario({}, services=services))


def test_shares_that_fall_are_refused() -> None:
    with pytest.raises(ScenarioError, match=r"token \(0.9\) is above prompt \(0.8\)"):
        power_scenario(
            {},
            services={"high": {"on": "high", "llm": {"model": "llama-2-13b", "power": {"prompt": 0.8, "token": 0.9}}}},
        )


def test_the_report_shows_power_against_the_budget(tmp_path: Path) -> None:
    row = {"policies": {"power": "polca"}, "budget": "3.9 kW", "command_delay": "4 s"}
    result = simtier.run(power_scenario(row), out=tmp_path / "result", also=write_report)
    page = (result.directory / "report.html").read_text(encoding="utf-8")
    section = page.partition('<section id="power">')[2].partition("</section>")[0]
    assert "<figure>" in section
    assert ">polca<" in section
    got = result.summary["power"]["row"]
    assert {repr(got[key]) for key in ("peak_share", "largest_rise", "capped_low_share", "energy_j")} <= {
        *re.findall(r'<data value="([^"]+)"', section)
    }
    assert f"highest: row {100 * got['peak_share']:.3g} %" in section
