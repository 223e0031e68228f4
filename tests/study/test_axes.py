"""Axes of a study: every kind, what is drawn, and what is refused before anything is played."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playing import queue

from simtier.errors import ScenarioError
from simtier.scenario.document import parse_value
from simtier.study.axes import MOST_CELLS, cells, fields, size
from simtier.study.file import Study, text_of
from simtier.study.task import Base

BASE = Base(queue("20 /s", "10 ms", policies={"scheduling": "fifo"}))
SEED, CORES, RATE = "run.seed", "services.queue.cores", "workloads.asks.arrivals.rate"


def study(*axes: Mapping[str, Any], **more: Any) -> Study:
    return Study.from_dict({"name": "s", "base": "base.yaml", "axes": list(axes), **more})


def points(*axes: Mapping[str, Any], **more: Any) -> list[dict[str, str]]:
    made = study(*axes, **more)
    found = cells(made, BASE)
    assert [cell.number for cell in found] == list(range(size(made)))
    return [dict(cell.values) for cell in found]


def test_a_grid_is_every_combination_the_last_field_fastest() -> None:
    assert points({"grid": {SEED: [1, 2], CORES: [1, 2]}}) == [
        {SEED: "1", CORES: "1"},
        {SEED: "1", CORES: "2"},
        {SEED: "2", CORES: "1"},
        {SEED: "2", CORES: "2"},
    ]


def test_a_zip_takes_values_together_and_a_list_its_points() -> None:
    assert points({"zip": {SEED: [1, 2], CORES: [3, 4]}}) == [{SEED: "1", CORES: "3"}, {SEED: "2", CORES: "4"}]
    assert points({"list": [{SEED: 1}, {SEED: 2, CORES: 0.5}]}) == [{SEED: "1"}, {SEED: "2", CORES: "0.5"}]


def test_axes_are_combined_and_common_changes_come_first() -> None:
    made = study(
        {"grid": {SEED: [1, 2]}}, {"zip": {CORES: [1, 2], RATE: ["1 /s", "2 /s"]}}, set={"run.duration": "3 s"}
    )
    found = cells(made, BASE)
    assert fields(made) == [SEED, CORES, RATE]
    assert len(found) == size(made) == 4
    assert found[2].changes == (("run.duration", "3 s"), (SEED, "2"), (CORES, "1"), (RATE, "1 /s"))
    assert all(BASE.scenario(cell.changes).run.duration == 3 for cell in found)


def test_whole_policies_and_lists_are_values() -> None:
    value = {"use": "shortest_first"}
    (point,) = points({"grid": {"services.queue.policies.scheduling": [value]}})
    changes = tuple(point.items())
    scheduling = BASE.scenario(changes).services["queue"].policies.scheduling
    assert scheduling is not None
    assert scheduling.use == "shortest_first"


@given(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.text(st.characters(exclude_categories=["C"]), max_size=8),
        st.floats(allow_nan=False, allow_infinity=False),
    )
)
@settings(max_examples=60, deadline=None)
def test_a_value_is_set_to_what_the_study_says(value: Any) -> None:
    from simtier.scenario.document import parse_value

    assert parse_value(text_of(value)) == value


@given(
    st.integers(1, 300),
    st.integers(0, 5),
    st.sampled_from([(1.0, 2.0), (0.001, 1000.0), (1e6, 1e6 + 1), (-5.0, 5.0)]),
    st.sampled_from(["linear", "log"]),
)
@settings(max_examples=40, deadline=None)
def test_a_latin_hypercube_has_one_value_in_each_part_of_every_range(
    count: int, seed: int, ends: tuple[float, float], scale: str
) -> None:
    low, high = ends
    if scale == "log" and low <= 0:
        low = 0.5
    drawn = {SEED: {"from": low, "to": high, "scale": scale}, CORES: {"from": 0.0, "to": 1.0}}
    found = points({"latin_hypercube": {"count": count, "fields": drawn}}, seed=seed)
    for field, (one, other, kind) in {SEED: (low, high, scale), CORES: (0.0, 1.0, "linear")}.items():
        values = np.sort([float(point[field]) for point in found])
        shares = np.log(values / one) / np.log(other / one) if kind == "log" else (values - one) / (other - one)
        parts = np.arange(count) / count
        assert (shares >= parts - 1e-5).all()
        assert (shares <= parts + 1 / count + 1e-5).all()


@given(st.integers(1, 60), st.integers(0, 3), st.sampled_from(["latin_hypercube", "random"]))
@settings(max_examples=20, deadline=None)
def test_whole_numbers_and_choices_stay_within_what_is_given(count: int, seed: int, kind: str) -> None:
    drawn = {
        SEED: {"from": 3, "to": 7},
        CORES: {"choices": [1, 2]},
        RATE: {"from": "1 /s", "to": "100 /s", "scale": "log"},
    }
    found = points({kind: {"count": count, "fields": drawn}}, seed=seed)
    assert {int(point[SEED]) for point in found} <= {3, 4, 5, 6, 7}
    assert {point[CORES] for point in found} <= {"1", "2"}
    assert all(1 <= float(point[RATE].removesuffix(" /s")) <= 100 for point in found)
    if kind == "latin_hypercube" and count % 10 == 0:
        for field, number in ((SEED, 5), (CORES, 2)):
            _, times = np.unique([point[field] for point in found], return_counts=True)
            assert (times == count // number).all()


def test_what_is_drawn_depends_on_the_seed_and_on_no_other_axis_or_field() -> None:
    drawn = {"random": {"count": 5, "fields": {CORES: {"from": 1.0, "to": 2.0}}}}
    more = {"random": {"count": 5, "fields": {RATE: {"from": "1 /s", "to": "2 /s"}, CORES: {"from": 1.0, "to": 2.0}}}}
    alone = [point[CORES] for point in points(drawn)]
    assert [point[CORES] for point in points(drawn, {"grid": {SEED: [1]}})] == alone
    assert [point[CORES] for point in points(more)] == alone
    assert [point[CORES] for point in points(drawn, seed=2)] != alone


def test_a_random_axis_is_uniform() -> None:
    found = points({"random": {"count": 4000, "fields": {CORES: {"from": 1.0, "to": 3.0}}}})
    values = np.array([float(point[CORES]) for point in found])
    assert abs(values.mean() - 2) < 4 * (2 / np.sqrt(12)) / np.sqrt(4000)
    assert abs(((values < 1.5).mean()) - 0.25) < 4 * np.sqrt(0.25 * 0.75 / 4000)


@pytest.mark.parametrize(
    ("axes", "told"),
    [
        ([{"grid": {SEED: list(range(10))}}] * 9, "the study has 1,000,000,000 cells (10 x 10 x"),
        ([{"random": {"count": 10**9, "fields": {SEED: {"from": 1, "to": 2}}}}], "the study has 1,000,000,000 cells"),
        ([{"grid": {"services.queue.corse": [1]}}], "there is no 'corse' in 'services.queue' (did you mean 'cores'?)"),
        ([{"list": [{SEED: 1}, {"rum.seed": 1}]}], "there is no 'rum' (did you mean 'run'?)"),
        ([{"grid": {SEED: [1]}}, {"zip": {CORES: [1], SEED: [2]}}], "'run.seed' is set by axis 0 already"),
        ([{"zip": {SEED: [1, 2], CORES: [1]}}], "equally long (run.seed: 2, services.queue.cores: 1)"),
        ([{"grid": {SEED: [1]}, "zip": {CORES: [1]}}], "exactly one of grid, zip, list, random, latin_hypercube"),
        ([{"grid": {SEED: []}}], "axes.0.grid.run.seed: has 0 entries; at least 1 needed"),
        ([{"gird": {SEED: [1]}}], "gird"),
        ([], "axes"),
        ([{"random": {"count": 2, "fields": {SEED: {"from": 5, "to": 1}}}}], "`from` (5) must be less than `to` (1)"),
        ([{"random": {"count": 2, "fields": {CORES: {"from": "1 ms", "to": "1 s"}}}}], "write both in the same unit"),
        ([{"random": {"count": 2, "fields": {CORES: {"from": 0, "to": 1, "scale": "log"}}}}], "above 0 on a log scale"),
        ([{"random": {"count": 2, "fields": {CORES: {"from": "a", "to": "b"}}}}], "must be numbers"),
        ([{"random": {"count": 2, "fields": {CORES: {"from": 1}}}}], "either `from` and `to`, or `choices`"),
        ([{"random": {"count": 0, "fields": {CORES: {"from": 1, "to": 2}}}}], "count"),
    ],
)
def test_what_makes_no_study_is_refused_with_its_place(axes: list[Any], told: str, tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(json.dumps({"name": "s", "base": "base.yaml", "axes": axes}, indent=1), encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        cells(Study.load(path), BASE)
    assert told in str(caught.value)
    assert "study.yaml:" in str(caught.value)


def test_a_field_nobody_has_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    text = (
        "name: s\nbase: base.yaml\nset: {run.duratoin: 3 s}\naxes:\n  - grid: {run.seed: [1]}\n  - grid: {rum: [1]}\n"
    )
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        cells(Study.load(path), BASE)
    assert "study.yaml:3: " in str(caught.value)
    assert "(did you mean 'duration'?)" in str(caught.value)
    assert "study.yaml:6: " in str(caught.value)


def test_as_many_cells_as_are_allowed_are_made() -> None:
    hundreds = [{"grid": {SEED: list(range(100))}}, {"grid": {CORES: list(range(1, 1001))}}]
    assert len(points(*hundreds)) == MOST_CELLS


def test_what_lies_further_out_is_set_first() -> None:
    routing = "services.queue.policies.routing"
    made = study({"grid": {f"{routing}.d": [2, 3]}}, {"grid": {routing: ["power_of_two"]}})
    found = [BASE.scenario(cell.changes).services["queue"].policies.routing for cell in cells(made, BASE)]
    assert [(ref.use, ref.given) for ref in found if ref] == [("power_of_two", {"d": 2}), ("power_of_two", {"d": 3})]
    made = study({"grid": {routing: ["power_of_two", "random"]}}, set={f"{routing}.d": 3})
    found = [BASE.scenario(cell.changes).services["queue"].policies.routing for cell in cells(made, BASE)]
    assert [(ref.use, ref.given) for ref in found if ref] == [("power_of_two", {"d": 3}), ("random", {"d": 3})]


@pytest.mark.parametrize(
    "value", ["\x7f", "\x85", "a\u2028b", float("inf"), -float("inf"), "é", "12", "- x", "1 /s", True, None]
)
def test_a_value_is_read_as_it_was_written(value: Any) -> None:
    assert parse_value(text_of(value)) == value
