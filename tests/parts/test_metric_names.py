"""Names of metrics: found by name, end or pattern, refused with what was meant; which way each is better."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simtier.errors import MetricError
from simtier.metrics.naming import direction, find, flat, usual

KNOWN = [
    "apps.ask.latency_s.mean",
    "apps.ask.latency_s.p95",
    "apps.ask.slo.attainment",
    "apps.ask.failed",
    "workloads.asks.latency_s.p95",
    "nodes.a.utilisation",
    "nodes.b.utilisation",
    "energy_j",
    "cost_usd",
]


def test_numbers_are_flat_and_nothing_else_is() -> None:
    summary = {
        "apps": {"ask": {"ok": 3, "met": True, "text": "x", "list": [1], "slo": {"attainment": None}}},
        "half_width_95": {"energy_j": 1.0},
        "energy_j": 2.5,
    }
    assert flat(summary) == {"apps.ask.ok": 3, "apps.ask.slo.attainment": None, "energy_j": 2.5}


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (["energy_j"], ["energy_j"]),
        (["latency_s.p95"], ["apps.ask.latency_s.p95"]),
        (["p95", "attainment"], ["apps.ask.latency_s.p95", "apps.ask.slo.attainment"]),
        (["nodes.*"], ["nodes.a.utilisation", "nodes.b.utilisation"]),
        (["*.utilisation", "nodes.a.utilisation"], ["nodes.a.utilisation", "nodes.b.utilisation"]),
        (["apps.*.slo.attainment", "cost_usd"], ["apps.ask.slo.attainment", "cost_usd"]),
        (["workloads.asks.latency_s.p95"], ["workloads.asks.latency_s.p95"]),
        ([], []),
    ],
)
def test_metrics_are_found_by_name_by_end_and_by_pattern(wanted: list[str], found: list[str]) -> None:
    assert find(wanted, KNOWN) == found


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ("latency_s.p59", "did you mean 'latency_s.p95'"),
        ("atainment", "did you mean 'attainment'"),
        ("utilisation", "may be any of nodes.a.utilisation, nodes.b.utilisation: write one in full, or a pattern"),
        ("links.*", "no metric matches 'links.*'; known are, among others, apps.ask.latency_s.mean"),
        ("zzz", "no metric is called 'zzz'; known are, among others, apps.ask.latency_s.mean"),
        ("", "no metric is called ''"),
    ],
)
def test_a_name_of_none_or_of_several_is_refused(wanted: str, told: str) -> None:
    with pytest.raises(MetricError) as caught:
        find([wanted], KNOWN)
    assert told in str(caught.value)
    assert len(str(caught.value)) < 400


def test_the_usual_metrics_are_those_of_applications_and_the_bills() -> None:
    assert usual(KNOWN) == [
        "apps.ask.latency_s.mean",
        "apps.ask.latency_s.p95",
        "apps.ask.slo.attainment",
        "energy_j",
        "cost_usd",
    ]


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("apps.ask.latency_s.p95", "lower"),
        ("apps.ask.slo.attainment", "higher"),
        ("apps.ask.failed", "lower"),
        ("apps.ask.throughput_per_s", "higher"),
        ("energy_j", "lower"),
        ("apps.ask.arrived", "neither"),
        ("nodes.a.utilisation", "neither"),
    ],
)
def test_a_metric_is_better_one_way_or_neither(name: str, way: str) -> None:
    assert direction(name) == way


@pytest.mark.parametrize("kind", ["apps", "workloads", "services", "nodes", "links"])
def test_the_name_that_a_user_gave_decides_nothing(kind: str) -> None:
    """An application may be called like a metric."""
    assert direction(f"{kind}.failed.arrived") == "neither"
    assert direction(f"{kind}.waste.slo.attainment") == "higher"


@given(st.sampled_from(KNOWN), st.integers(0, 3))
def test_every_end_that_one_metric_has_finds_it(name: str, start: int) -> None:
    parts = name.split(".")
    end = ".".join(parts[min(start, len(parts) - 1) :])
    owners = [each for each in KNOWN if each == end or each.endswith(f".{end}")]
    meant = [each for each in owners if each.startswith("apps.")] or owners
    if len(meant) == 1:
        assert find([end], KNOWN) == meant
    else:
        with pytest.raises(MetricError, match="may be any of"):
            find([end], KNOWN)


DECIDED = {"apps.x.latency_s.p95": "lower", "apps.x.slo.attainment": "higher", "platforms.x.utility.p50": "higher"}
DECIDED |= {"platforms.x.utility.below_1": "lower", "llm.x.itl_s.max": "lower", "llm.x.lost": "lower"}
DECIDED |= {
    "llm.x.loading.component_s.peer": "neither",
    "services.x.utilisation": "neither",
    "apps.x.arrived": "neither",
}
DECIDED |= {"apps.failed.arrived": "neither", "platforms.x.instances.idle": "neither", "apps.x.goodput.per_s": "higher"}


@pytest.mark.parametrize("name", DECIDED)
def test_a_metric_is_better_by_what_it_is_not_by_what_stands_before(name: str) -> None:
    assert direction(name) == DECIDED[name]


def test_an_application_may_have_dots_in_its_name() -> None:
    known = ["apps.my.shop.arrived", "apps.my.shop.latency_s.mean", "apps.my.shop.slo.attainment", "energy_j"]
    assert usual(known) == ["apps.my.shop.latency_s.mean", "apps.my.shop.slo.attainment", "energy_j"]
