"""The bill of function platforms: rounding of durations, and worked examples to the last cent."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import simtier
from simtier.errors import ScenarioError
from simtier.metrics.prices import billed_s


def one(took_s: float, ended_s: float, granularity_s: float, least_s: float = 0.0) -> float:
    return float(billed_s(np.array([took_s]), np.array([ended_s]), granularity_s, least_s)[0])


@pytest.mark.parametrize(
    ("took_s", "granularity_s", "billed"),
    [(0.1, 0.1, 0.1), (0.3, 0.1, 0.3), (0.101, 0.1, 0.2), (0.0, 0.1, 0.0), (0.0234, 0.001, 0.024), (7.0, 1.0, 7.0)],
)
def test_durations_are_rounded_up_to_whole_units(took_s: float, granularity_s: float, billed: float) -> None:
    assert one(took_s, 1.0, granularity_s) == pytest.approx(billed, rel=1e-15)


@given(
    units=st.integers(1, 10_000),
    granularity_s=st.sampled_from([0.001, 0.1, 1 / 3, 0.01, 60.0]),
    began_s=st.floats(0, 3e6),
)
def test_a_whole_number_of_units_is_that_number_whenever_it_ran(
    units: int, granularity_s: float, began_s: float
) -> None:
    ended_s = began_s + units * granularity_s
    assert round(one(ended_s - began_s, ended_s, granularity_s) / granularity_s) == units


@given(took_s=st.floats(0, 1e4), least_s=st.floats(0, 10), granularity_s=st.floats(1e-4, 100))
def test_what_is_billed_is_the_next_whole_unit(took_s: float, least_s: float, granularity_s: float) -> None:
    billed = one(took_s, 1e4, granularity_s, least_s)
    slack_s = 1e-11  # of the clock at 10,000 s
    assert billed >= max(took_s, least_s) - slack_s
    assert billed < max(took_s, least_s) + granularity_s + slack_s
    assert billed / granularity_s == pytest.approx(round(billed / granularity_s), rel=1e-12)


def scenario(time: str, changes: dict[str, str] | None = None, **price: Any) -> simtier.Scenario:
    """Return 1,000 requests, one a second, for a function of 512 MiB that takes `time` each and starts in 250 ms."""
    return simtier.Scenario.from_dict(
        {
            "name": "bill",
            "run": {"duration": "1000 s", "drain": "10 s", "seed": 1},
            "nodes": {"n": {"tier": "cloud", "cores": 4, "memory": "4 GiB", "price": "0 USD/s"}},
            "platforms": {
                "p": {
                    "on": "n",
                    "cold_start": "250 ms",
                    "functions": {"f": {"memory": "512 MiB"}},
                    "price": price,
                    "policies": {"keep_alive": {"use": "fixed", "idle": "10 s"}},
                }
            },
            "apps": {"a": {"stages": {"s": {"service": "p", "function": "f", "time": time}}}},
            "workloads": {"w": {"app": "a", "from": "n", "arrivals": {"process": "periodic", "rate": "1 /s"}}},
        },
        changes or {},
    )


LAMBDA = {"per_request": "2e-7 USD", "per_memory_time": "1.66667e-5 USD/GiB/s"}


@pytest.mark.parametrize(
    ("time", "price", "units_s"),
    [
        ("100 ms", {"granularity": "100 ms"}, 0.1),
        ("101 ms", {"granularity": "100 ms"}, 0.2),
        ("101 ms", {}, 0.101),
        ("23.4 ms", {}, 0.024),
        ("23.4 ms", {"least": "50 ms"}, 0.05),
    ],
)
def test_a_thousand_invocations_cost_what_the_price_list_says(time: str, price: dict[str, str], units_s: float) -> None:
    summary = simtier.run(scenario(time, **LAMBDA, **price)).summary
    got = summary["platforms"]["p"]
    by_hand = got["served"] * (2e-7 + units_s * 0.5 * 1.66667e-5)
    assert got["served"] in (999, 1000, 1001)
    assert got["cost_usd"] == pytest.approx(by_hand, rel=1e-12)
    assert summary["cost_usd"] == got["cost_usd"]
    assert got["cost_per_million_usd"] == pytest.approx(1e6 * (2e-7 + units_s * 0.5 * 1.66667e-5), rel=1e-12)


def test_the_one_cold_start_is_billed_with_the_execution_that_waited_for_it() -> None:
    without = simtier.run(scenario("100 ms", **LAMBDA, granularity="100 ms")).summary["platforms"]["p"]
    billed = simtier.run(scenario("100 ms", **LAMBDA, granularity="100 ms", bill_starts=True)).summary["platforms"]["p"]
    assert without["cold"] == billed["cold"] == 1
    extra = Fraction(3, 10) * Fraction("1.66667e-5") / 2  # 350 ms are four units, 100 ms one
    assert billed["cost_usd"] - without["cost_usd"] == pytest.approx(float(extra), rel=1e-9)


def test_provisioned_memory_is_paid_for_used_or_not_and_idle_memory_costs_the_provider() -> None:
    changes = {
        "platforms.p.functions.f.provisioned": "2",
        "platforms.p.price.provisioned": "4.1667e-6 USD/GiB/s",
        "platforms.p.price.idle_cost": "1e-6 USD/GiB/s",
    }
    summary = simtier.run(scenario("100 ms", changes, **LAMBDA)).summary
    got = summary["platforms"]["p"]
    executions = got["served"] * (2e-7 + 0.1 * 0.5 * 1.66667e-5)
    assert got["cold"] == got["starts"] == 0
    assert got["cost_usd"] == pytest.approx(executions + 2 * 0.5 * 1010 * 4.1667e-6, rel=1e-12)
    assert got["idle_cost_usd"] == pytest.approx(got["memory"]["idle_byte_s"] * 1e-6 / 2**30, rel=1e-12)
    assert got["memory"]["idle_byte_s"] == pytest.approx((2 * 1010 - 0.1 * got["served"]) * 2**29, rel=1e-9)
    assert summary["cost_usd"] == got["cost_usd"]  # what idle memory costs the provider is on nobody's bill


@pytest.mark.parametrize(
    ("price", "told"),
    [
        ({"per_memory_time": "1.66667e-5"}, "has no unit"),
        ({"per_memory_time": "1.66667e-5 USD/GB"}, "is not money per data and time"),
        ({"granularity": "0 s"}, "must be more than 0"),
        ({"per_requests": "1 USD"}, "per_request"),
    ],
)
def test_a_price_that_makes_no_sense_is_refused(price: dict[str, str], told: str) -> None:
    with pytest.raises(ScenarioError, match=r"platforms\.p\.price") as caught:
        scenario("1 s", **price)
    assert told in str(caught.value)


def test_the_granularity_is_a_millisecond_and_nothing_costs_anything_if_nobody_says() -> None:
    price = scenario("1 s").platforms["p"].price
    assert (price.granularity, price.per_request, price.per_memory_time, price.bill_starts) == (0.001, 0.0, 0.0, False)
    assert math.isclose(
        scenario("1 s", **LAMBDA).platforms["p"].price.per_memory_time * 2**30, 1.66667e-5, rel_tol=1e-15
    )
