"""Cold starts as a scenario writes them: what each model takes, what it promises, and what is refused."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from cold_starting import ADAPTER, FUNCTION, MB, model, start
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from simtier.catalogue import cold_starts as catalogue
from simtier.errors import CatalogueError
from simtier.models.cold_starts.joined import Joined, Published
from simtier.models.cold_starts.quantiles import Quantiles
from simtier.models.serverless.spec import COMPONENTS
from simtier.statistics import half_width
from simtier.streams import Streams
from simtier.world.cold_starts import pools_of

STATELESS: dict[str, Any] = {
    "given": {
        "model": "given",
        "scheduling": "20 ms",
        "allocating": {"distribution": "gamma", "mean": "1 s", "cv": 2},
        "initialising": {"distribution": "exponential", "mean": "300 ms"},
    },
    "huawei_2025": {"model": "huawei_2025", "region": "R2"},
    "any runtime": {"model": "huawei_2025", "region": "R5", "demand_slope": 0.1},
    "lognormal": {"model": "lognormal"},
}


@pytest.mark.parametrize("written", STATELESS.values(), ids=STATELESS)
@settings(max_examples=20, deadline=None)
@given(order=st.permutations(range(20)), under_way=st.integers(0, 5))
def test_times_are_sound_and_depend_on_the_number_alone(written: Any, order: list[int], under_way: int) -> None:
    one, other = model(written), model(written)
    first = {number: one.times(start(number, under_way=under_way)) for number in range(20)}
    second = {number: other.times(start(number, 7.0, node="n1", under_way=under_way)) for number in order}
    assert first == second
    assert all(math.isfinite(seconds) and seconds >= 0 for times in first.values() for seconds in times)
    assert all(len(times) == len(COMPONENTS) for times in first.values())
    assert len(set(first.values())) == 20


@pytest.mark.parametrize("written", STATELESS.values(), ids=STATELESS)
def test_functions_platforms_and_seeds_have_numbers_of_their_own(written: Any) -> None:
    resize, other = start(3), start(3, function=replace(FUNCTION, name="other"))
    one = model(written)
    seen = {one.times(resize), one.times(other), model(written, seed=2).times(resize)}
    assert len(seen | {model(written, platform="faas2").times(resize)}) == 4


@pytest.mark.parametrize("written", STATELESS.values(), ids=STATELESS)
def test_starts_take_on_average_what_is_expected_and_asking_changes_nothing(written: Any) -> None:
    asked, unasked = model(written), model(written)
    expected = asked.expected(FUNCTION)
    times = np.array([asked.times(start(number)) for number in range(20_000)])
    assert expected == asked.expected(FUNCTION)
    assert times[:50].tolist() == [list(unasked.times(start(number))) for number in range(50)]
    batches = times.reshape(20, -1, len(COMPONENTS)).mean(axis=1)
    for component, mean in enumerate(expected):
        half = half_width(batches[:, component].tolist(), 0.999)
        assert abs(batches[:, component].mean() - mean) <= half + 0.01 * mean


def test_the_rows_of_a_table_are_read_one_start_at_a_time() -> None:
    written = STATELESS["huawei_2025"]
    made = model(written)
    uniforms = Streams(1).draws("platform/faas/resize/cold_start", lambda rng, n: rng.random(n))
    drawn = np.array([[uniforms(8 * number + j) for j in range(8)] for number in range(40)])
    rows = catalogue.joined("R2", "Python3").rows(drawn)
    assert [made.times(start(number)) for number in range(40)] == [tuple(row) for row in rows.tolist()]


def test_a_bare_time_stands_for_the_initialisation() -> None:
    assert model("400 ms").times(start()) == (0, 0, 0, 0, 0, 0.4)
    uniform = {"distribution": "uniform", "low": "1 s", "high": "2 s"}
    assert model(uniform).times(start()) == model({"model": "given", "initialising": uniform}).times(start())


def test_each_component_is_where_it_was_given() -> None:
    written = {name: f"{place + 1} s" for place, name in enumerate(COMPONENTS)}
    assert model({"model": "given", **written}).times(start()) == (1, 2, 3, 4, 5, 6)


def test_another_component_shifts_no_numbers() -> None:
    times = {"distribution": "gamma", "mean": "1 s", "cv": 2}
    alone = model({"model": "given", "initialising": times})
    both = model({"model": "given", "allocating": times, "initialising": times})
    assert [alone.times(start(k))[5] for k in range(9)] == [both.times(start(k))[5] for k in range(9)]
    assert both.times(start())[1] != both.times(start())[5]


def test_demand_makes_scheduling_longer_and_nothing_else() -> None:
    plain = model({"model": "huawei_2025", "region": "R1"})
    steep = model({"model": "huawei_2025", "region": "R1", "demand_slope": 0.25})
    assert plain.times(start(4, under_way=8)) == plain.times(start(4)) == steep.times(start(4))
    scheduling, *others = steep.times(start(4, under_way=8))
    assert scheduling == pytest.approx(3 * plain.times(start(4))[0])
    assert others == list(plain.times(start(4))[1:])


def test_models_without_pools_show_none() -> None:
    assert pools_of(model("1 s")) == ()


def refused(written: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        ADAPTER.validate_python(written)
    return str(caught.value)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("-1 s", "greater than or equal to 0"),
        (3, "has no unit"),
        ({"model": "given", "allocating": "-5 ms"}, "greater than or equal to 0"),
        ({"model": "given", "alocating": "5 ms"}, "Extra inputs are not permitted"),
        ({"model": "huawei"}, "huawei_2025"),
        ({"model": "huawei_2025"}, "Field required"),
        ({"model": "huawei_2025", "region": "R11"}, "unknown region 'R11' (did you mean 'R1'?)"),
        ({"model": "huawei_2025", "region": "R1", "demand_slope": -1}, "greater than or equal to 0"),
        ({"model": "lognormal", "mean": "0 s"}, "greater than 0"),
        ({"model": "traced"}, "Field required"),
        ({"model": "pools", "from_pool": "1 s", "from_scratch": "1 s", "pools": {}}, "at least 1 item"),
        ({"model": "pools", "from_pool": "1 s", "from_scratch": "1 s", "pools": [1]}, "valid dictionary"),
    ],
)
def test_what_makes_no_sense_is_refused(written: Any, message: str) -> None:
    assert message in refused(written)


@pytest.mark.parametrize(
    ("pools", "message"),
    [
        ({"large": {"size": 1, "refill": "1 s"}}, "pools are called by their size: 'large' is not a quantity"),
        ({128: {"size": 1, "refill": "1 s"}}, "has no unit"),
        ({"0 MB": {"size": 1, "refill": "1 s"}}, "a size above 0 is needed"),
        (
            {"1 GB": {"size": 1, "refill": "1 s"}, "1000 MB": {"size": 1, "refill": "1 s"}},
            "pools '1 GB' and '1000 MB' have the same size",
        ),
        ({"1 GB": {"size": -1, "refill": "1 s"}}, "greater than or equal to 0"),
        ({"1 GB": {"size": 1, "refill": "-1 s"}}, "greater than or equal to 0"),
    ],
)
def test_pools_that_make_no_sense_are_refused(pools: Any, message: str) -> None:
    assert message in refused({"model": "pools", "pools": pools, "from_pool": "1 s", "from_scratch": "2 s"})


WRITTEN: dict[str, Any] = {
    **STATELESS,
    "pools": {
        "model": "pools",
        "pools": {"128 MB": {"size": 1, "refill": "2 s"}},
        "from_pool": "13 ms",
        "from_scratch": {"distribution": "lognormal", "mean": "10 s", "cv": 0.2},
        "search": ["0 s", "200 ms"],
        "bandwidth": "1 Gbit/s",
        "cache": "1 GB",
    },
    "traced": {"model": "traced", "trace": "huawei-2025/R2-day-03"},
    "bare": "400 ms",
}


@pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN)
def test_what_is_written_reads_back_as_it_was(written: Any) -> None:
    once = ADAPTER.validate_python(written)
    assert ADAPTER.validate_python(ADAPTER.dump_python(once, mode="json")) == once


def test_the_schema_names_every_model_and_lets_a_text_stand_for_one() -> None:
    schema = ADAPTER.json_schema()
    text, union = schema["anyOf"]
    assert text == {"type": "string"}
    assert set(union["discriminator"]["mapping"]) == {"given", "pools", "huawei_2025", "lognormal", "traced"}
    assert schema["$defs"]["HuaweiColdStart"]["properties"]["region"]["enum"] == list(catalogue.regions())


def test_a_cache_needs_a_bandwidth() -> None:
    pools = {"128 MB": {"size": 1, "refill": "1 s"}}
    written = {"model": "pools", "pools": pools, "from_pool": "1 s", "from_scratch": "2 s", "cache": "1 GB"}
    assert "need a `bandwidth`" in refused(written)


def test_an_unknown_region_of_the_catalogue_is_told() -> None:
    with pytest.raises(CatalogueError, match=r"unknown region 'R22' of huawei_2025 \(did you mean 'R2'\?\)"):
        catalogue.huawei_2025("R22")


def test_the_scenario_knows_the_regions_of_the_catalogue() -> None:
    for region in catalogue.regions():
        ADAPTER.validate_python({"model": "huawei_2025", "region": region})
    assert len(catalogue.regions()) == 5


ENTRY = """
everywhere: {{mean: 3, sd: 7}}
regions:
  R1:
    cold_starts: 10
    total: {total}
    means: {{scheduling: 1, allocating: 1, deploying_code: 1, deploying_dependencies: {mean}}}
    parts:
      {{scheduling: {{50: 1}}, allocating: {{50: 1}}, deploying_code: {{50: 1}}, deploying_dependencies: {{50: 1}}}}
    no_dependency: 0.5
    loads: {{scheduling: 0, allocating: 0, deploying_code: 0, deploying_dependencies: 0}}
"""


@pytest.mark.parametrize(
    ("total", "mean", "message"),
    [
        ("{50: 1", 1, "is not YAML"),
        ("{50: -1}", 1, r"regions\.R1\.total\.50: Input should be greater than 0"),
        ("{50: 4}", 0, r"deploying_dependencies: Input should be greater than 0"),
    ],
)
def test_a_wrong_file_of_cold_starts_is_refused(total: str, mean: float, message: str) -> None:
    with pytest.raises(CatalogueError, match=message):
        catalogue.parse(ENTRY.format(total=total, mean=mean))


def test_a_mean_out_of_reach_of_the_quantiles_is_refused() -> None:
    region = catalogue.parse(ENTRY.format(total="{50: 1}", mean=6)).regions["R1"]
    with pytest.raises(CatalogueError, match=r"cold_starts\.yaml: R1: a mean of 9 s is out of reach"):
        catalogue._published("R1", region)
    with pytest.raises(ValueError, match="a mean of 9 s is out of reach"):
        Quantiles((0.0, 0.5, 1.0), (1.0, 2.0, 4.0)).bent_to(9.0)


def test_means_that_parts_cannot_have_are_refused() -> None:
    one, none = Quantiles((0.0, 1.0), (1.0, 2.0)), Quantiles((0.0, 1.0), (1.0, 2.0), zeros=1.0)
    with pytest.raises(CatalogueError, match="cannot be had"):
        Joined(Published(one, (one, one, one, none), (0.1, 0.1, 0.1, 0.1), (0.4, 0.4, 0.3, 0.3)))


@given(
    seconds=st.lists(st.floats(1e-4, 1e3), min_size=2, max_size=6).map(sorted),
    zeros=st.floats(0, 1),
    level=st.lists(st.floats(0, 1), min_size=2, max_size=20).map(sorted),
)
@settings(deadline=None)
def test_quantiles_rise_within_their_bounds_and_pass_through_the_given_ones(
    seconds: list[float], zeros: float, level: list[float]
) -> None:
    levels = tuple(np.linspace(0, 1, len(seconds)).tolist())
    for bend in (0.3, 1.0, 4.0):
        got = Quantiles(levels, tuple(seconds), zeros, bend).at(np.array(level))
        assert (np.diff(got) >= -1e-9 * seconds[-1]).all()
        assert all(each == 0 or seconds[0] * 0.999 <= each <= seconds[-1] * 1.001 for each in got)
        assert Quantiles(levels, tuple(seconds), bend=bend).at(np.array(levels)) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("levels", "seconds", "zeros"),
    [
        ((0.0, 0.5), (1.0, 2.0), 0.0),
        ((0.0, 1.0), (1.0,), 0.0),
        ((0.0, 0.5, 0.5, 1.0), (1.0, 2.0, 3.0, 4.0), 0.0),
        ((0.0, 1.0), (0.0, 2.0), 0.0),
        ((0.0, 1.0), (3.0, 2.0), 0.0),
        ((0.0, 1.0), (1.0, math.inf), 0.0),
        ((0.0, 1.0), (1.0, 2.0), 1.5),
    ],
)
def test_quantiles_that_are_none_are_refused(levels: Any, seconds: Any, zeros: float) -> None:
    with pytest.raises(ValueError, match=r"levels|quantiles|zeros"):
        Quantiles(levels, seconds, zeros)


def test_memory_of_functions_does_not_matter_to_tables() -> None:
    small, large = (model({"model": "huawei_2025", "region": "R2"}) for _ in range(2))
    heavy = replace(FUNCTION, memory_bytes=4000 * MB)
    assert small.times(start(2)) == large.times(start(2, function=heavy))
