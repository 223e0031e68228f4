"""The baseline's file: what is in it, that it is whole or not there, and what is refused."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from checking import MEAN, scenario_in, with_baseline

from simtier.errors import ResultError, StudyError
from simtier.scenario import Scenario
from simtier.study.check.baseline import Rule, load, save, tolerance, world_of
from simtier.study.check.guard import Guard, make
from simtier.study.task import Base


def test_a_baseline_is_read_as_it_was_written_and_is_the_same_bytes_each_time(tmp_path: Path) -> None:
    base, path = with_baseline(tmp_path)
    before, text = load(path, "?"), path.read_bytes()
    assert before.replications == 3
    assert [len(each.values) for each in before.metrics.values()] == [3] * len(before.metrics)
    save(path, make(base, Guard(), before))
    assert path.read_bytes() == text
    assert sorted(each.name for each in tmp_path.iterdir()) == ["baseline.json", "nearest.py", "scenario.yaml"]


def test_no_place_of_this_machine_is_in_it(tmp_path: Path) -> None:
    _, path = with_baseline(tmp_path)
    assert str(tmp_path) not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "value", "amount", "relative"),
    [("2%", "2 %", 0.02, True), ("2.5 %", "2.5 %", 0.025, True), ("0.01", 0.01, 0.01, False), ("0", 0.0, 0.0, False)],
)
def test_tolerances_are_shares_or_numbers(text: str, value: str | float, amount: float, *, relative: bool) -> None:
    assert tolerance(text) == value
    rule = Rule(tolerance=tolerance(text))
    assert (rule.tolerance, rule.amount, rule.relative) == (value, pytest.approx(amount), relative)


@pytest.mark.parametrize("text", ["", "%", "2 ms", "-1%", "2%%", "nan", "inf"])
def test_what_is_no_tolerance_is_refused(text: str) -> None:
    with pytest.raises(StudyError, match="is no tolerance: write a share such as 2%"):
        tolerance(text)


def changed(path: Path, change: dict[str, Any]) -> None:
    data = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(data | change), encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "has format 2, this version of simtier reads format 1: remove it and make one"),
        ({"seed": "one"}, "says what no baseline says at seed"),
        ({"replications": 4}, "it says 4 replications and has values of 3"),
        ({"metrics": {}}, "at metrics"),
        ({"alpha": 0.7}, "at alpha"),
        ({"colour": "red"}, "at colour"),
        ({"metrics": {MEAN: {"rule": {"tolerance": "2 ms"}, "values": [1, 2, 3]}}}, "'2 ms' is no tolerance"),
        ({"metrics": {MEAN: {"rule": {"tolerance": "2"}, "values": [1, 2, 3]}}}, "is a number in quotes"),
    ],
)
def test_what_no_baseline_says_is_refused_with_its_place(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    _, path = with_baseline(tmp_path)
    changed(path, change)
    with pytest.raises(StudyError) as told:
        load(path, "make one")
    assert message in str(told.value)
    assert str(path) in str(told.value)


def test_a_file_that_is_missing_or_broken_is_refused_with_the_way_out(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    with pytest.raises(StudyError, match=r"there is no baseline .*: make one"):
        load(path, "make one")
    path.write_text('{"format": 1,', encoding="utf-8")
    with pytest.raises(StudyError, match="is not JSON"):
        load(path, "make one")
    path.write_text("[]", encoding="utf-8")
    with pytest.raises(StudyError, match="has no format"):
        load(path, "make one")
    with pytest.raises(StudyError, match="cannot read the baseline"):
        load(tmp_path, "make one")


def test_a_disk_that_is_full_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, path = with_baseline(tmp_path)
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ResultError, match=r"cannot write .*baseline.json: No space left on device"):
        save(path, load(path, "?"))
    assert path.read_bytes() == before
    assert sorted(each.name for each in tmp_path.iterdir() if "baseline" in each.name) == ["baseline.json"]


def test_policies_and_what_changes_no_replication_are_no_part_of_the_world(tmp_path: Path) -> None:
    path = scenario_in(tmp_path)
    before = world_of(Scenario.load(path))
    free = {
        "services.web.policies.routing": "random",
        "policies.scheduling": "fifo",
        "apps.ask.policies.partitioning": "all_on_device",
        "run.seed": "5",
        "run.replications": "9",
        "run.samples": "10",
        "name": "other",
        "question": "why",
        "services.web.least": "0",  # its default
    }
    assert world_of(Scenario.load(path, free)) == before
    for field, value in {
        "services.web.concurrency": "3",
        "run.duration": "7 s",
        "links.ocean.latency": "81 ms",
        "nodes.near.cores": "8",
        "workloads.asks.arrivals.rate": "41 /s",
        "apps.ask.slo.latency": "1 s",
    }.items():
        now = world_of(Scenario.load(path, {field: value}))
        differs = {name for name in before if now[name] != before[name]}
        assert differs == {".".join(field.split(".")[:2])}


def test_every_shipped_scenario_has_a_world() -> None:
    for path in sorted((Path(__file__).parents[2] / "scenarios").glob("*.yaml")):
        scenario = Base.load(path).scenario()
        assert len(world_of(scenario)) >= 5, path
