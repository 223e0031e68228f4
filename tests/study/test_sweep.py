"""Sweeps: every cell once, failures as rows, the same bytes however they came about."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from sweeping import PARAMETER, files, finished, marks, started, study

from simtier.errors import MetricError, ResultError, ScenarioError, StudyError
from simtier.study.sweep import Swept, failures, load, sweep
from simtier.study.workers import Answers, Here, workers

NAMES = ("cell", "replication", "status", "message", "scenario", "fingerprint")


def test_every_cell_has_a_row_for_each_replication(tmp_path: Path) -> None:
    told: list[Swept] = []
    made = study(tmp_path, [marks(2), {"grid": {"run.seed": [1, 2]}}])
    swept = sweep(made, tmp_path / "out", watch=told.append)
    assert (swept.cells, swept.done, swept.began, swept.failed) == (4, 4, 0, 0)
    assert [each.played for each in told] == list(range(1, 9))
    table = pq.read_table(tmp_path / "out" / "table.parquet")
    assert table.column_names[:8] == [*NAMES, PARAMETER + "mark", "run.seed"]
    rows = table.to_pylist()
    assert [(row["cell"], row["replication"]) for row in rows] == [(c, r) for c in range(4) for r in range(2)]
    assert [row["run.seed"] for row in rows[:4]] == ["1", "1", "2", "2"]
    assert {row["status"] for row in rows} == {"ok"}
    assert all(row["apps.ask.latency_s.mean"] > 0 for row in rows)
    prints = [row["fingerprint"] for row in rows]
    assert prints[:4] == prints[4:], "a mark changes no trajectory"
    assert len(set(prints)) == 4, "seeds and replications do"
    assert len({row["scenario"] for row in rows}) == 2, "a seed is no part of what is run, a policy's parameter is"
    again, loaded = load(tmp_path / "out")
    assert loaded.equals(table)
    assert again.axes == made.axes


def test_what_is_finished_is_not_played_again(tmp_path: Path) -> None:
    made, out = study(tmp_path, [marks(5)]), tmp_path / "out"
    stopped = sweep(made, out, stop=lambda: len(finished(out)) == 2)
    assert (stopped.done, stopped.finished) == (2, False)
    assert not (out / "table.parquet").exists()
    kept = finished(out)
    resumed = sweep(made, out, resume=True)
    assert (resumed.began, resumed.done, resumed.to_play) == (2, 5, 6)
    assert {name: finished(out)[name] for name in kept} == kept
    assert sorted(started(tmp_path)) == sorted(f"m{each}" for each in range(5) for _ in range(2))
    assert sweep(made, out, resume=True).to_play == 0
    assert len(started(tmp_path)) == 10
    sweep(made, tmp_path / "whole")
    assert files(out) == files(tmp_path / "whole")


class Shuffled(Here):
    """Plays the last task first."""

    def answers(self, tasks: Any, stop: Any = lambda: False) -> Answers:
        return super().answers(reversed(list(tasks)), stop)


def test_the_order_in_which_cells_are_finished_does_not_matter(tmp_path: Path) -> None:
    made = study(tmp_path, [{"grid": {PARAMETER + "does": ["nothing", "raise", "nothing else"]}}])
    sweep(made, tmp_path / "one")
    sweep(made, tmp_path / "other", workers=Shuffled())
    assert files(tmp_path / "one") == files(tmp_path / "other")


def test_a_failure_is_a_row_with_its_message(tmp_path: Path) -> None:
    sizes = {"nodes.server.cores": [1, 2], "services.queue.cores": [1, 2]}
    axes = [
        {"grid": {PARAMETER + "does": ["nothing", "raise"]}},
        *({"grid": {key: each}} for key, each in sizes.items()),
    ]
    swept = sweep(study(tmp_path, axes), tmp_path / "out")
    assert (swept.finished, swept.failed, failures(tmp_path / "out")) == (True, 10, 10)
    rows = pq.read_table(tmp_path / "out" / "table.parquet").to_pylist()
    assert [row["status"] for row in rows[::2]] == ["ok", "failed", "ok", "ok", *["failed"] * 4]
    assert rows[2]["message"].endswith("a replica takes 2 cores, but a node of 'server' has 1")
    assert "--set" not in rows[2]["message"]
    assert "no such thing" in rows[8]["message"]
    failed = [row for row in rows if row["status"] == "failed"]
    assert all(row["apps.ask.latency_s.mean"] is None and row["fingerprint"] == "" for row in failed)
    assert all(row["scenario"] for row in rows)


def test_a_value_that_fits_nowhere_is_refused_before_anything_is_played(tmp_path: Path) -> None:
    axes = [{"grid": {PARAMETER + "mark": ["a", "b"]}}, {"grid": {"services.queue.cores": [1, 99]}}]
    with pytest.raises(ScenarioError, match=r"axes.1: services.queue.cores: a replica takes 99 cores"):
        sweep(study(tmp_path, axes), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert not started(tmp_path)
    with pytest.raises(ScenarioError, match="a point stands there twice"):
        sweep(study(tmp_path, [{"grid": {PARAMETER + "mark": ["a", "a"]}}]), tmp_path / "out")
    with pytest.raises(ScenarioError, match=r"`run\.replications` is no field to vary"):
        sweep(study(tmp_path, [{"grid": {"run.replications": [1, 2]}}]), tmp_path / "out")


def test_failed_cells_are_played_again_on_request(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    axes = [{"grid": {PARAMETER + "does": ["nothing", "raise"]}}]
    made, out = study(broken, axes), tmp_path / "out"
    assert sweep(made, out).failed == 2
    assert sweep(made, out, resume=True).to_play == 0
    again = sweep(made, out, resume=True, retry=True)
    assert (again.to_play, again.failed, again.finished) == (2, 2, True)
    assert len(started(broken)) == 6


def test_a_full_disk_is_told_and_nothing_half_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, out = study(tmp_path, [marks(4)]), tmp_path / "out"
    real, calls = os.fsync, []

    def full(number: int) -> None:
        calls.append(number)
        if len(calls) == 4:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(number)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ResultError, match=r"cannot write .*cell-000002.parquet: No space left on device; .*--resume"):
        sweep(made, out)
    assert sorted(finished(out)) == ["cell-000000.parquet", "cell-000001.parquet"]
    assert not [each for each in out.rglob(".*") if each.is_file()]
    assert sweep(made, out, resume=True).began == 2
    sweep(made, tmp_path / "whole")
    assert files(out) == files(tmp_path / "whole")


def test_a_directory_that_is_there_is_left_alone(tmp_path: Path) -> None:
    made, out = study(tmp_path, [marks(2)]), tmp_path / "out"
    sweep(made, out)
    before = files(out)
    with pytest.raises(StudyError, match=r"out exists already: --resume goes on with it, --out DIR takes another"):
        sweep(made, out)
    assert files(out) == before
    longer = study(tmp_path, [marks(2)], set={"run.duration": "3 s"})
    with pytest.raises(StudyError, match=r"holds another study: study \(set\) changed; restore it, take another --out"):
        sweep(longer, out, resume=True)
    (tmp_path / "logged.py").write_text((tmp_path / "logged.py").read_text(encoding="utf-8") + "\n", encoding="utf-8")
    with pytest.raises(StudyError, match=r"holds another study: policy_files \(./logged.py\) changed"):
        sweep(made, out, resume=True)
    assert files(out) == before


def test_a_wrong_metric_ends_the_study_at_once_and_can_be_mended(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(MetricError, match=r"no metric is called 'latency_s.p955' \(did you mean 'latency_s.p95'\?\)"):
        sweep(study(tmp_path, [marks(3)], metrics=["latency_s.p955"]), out)
    assert len(started(tmp_path)) == 1
    assert sweep(study(tmp_path, [marks(3)], metrics=["latency_s.p95"]), out).finished


def test_a_metric_that_some_cells_lack_is_a_failure_of_those_cells(tmp_path: Path) -> None:
    """Whoever is asked first: with other workers, or resumed, the same bytes."""
    axes = [{"grid": {"apps.ask.slo": [{"latency": "1 s"}, None]}}]
    made = study(tmp_path, axes, metrics=["slo.attainment"])
    sweep(made, tmp_path / "one")
    sweep(made, tmp_path / "other", workers=Shuffled())
    sweep(made, tmp_path / "third", stop=lambda: len(finished(tmp_path / "third")) == 1)
    sweep(made, tmp_path / "third", resume=True)
    assert files(tmp_path / "one") == files(tmp_path / "other") == files(tmp_path / "third")
    rows = pq.read_table(tmp_path / "one" / "table.parquet").to_pylist()
    assert [row["status"] for row in rows] == ["ok", "ok", "failed", "failed"]
    assert "no metric is called 'slo.attainment'" in rows[2]["message"]


def test_a_base_that_is_not_there_is_told_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"nowhere\.yaml"):
        sweep(study(tmp_path, [marks(2)], base="nowhere.yaml"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_study_is_not_resumed_with_another_agent(tmp_path: Path) -> None:
    agent = tmp_path / "agent.json"
    agent.write_text("{}", encoding="utf-8")
    made, out = study(tmp_path, [marks(3)], set={PARAMETER + "agent": str(agent)}), tmp_path / "out"
    sweep(made, out, stop=lambda: len(finished(out)) == 1)
    agent.write_text("{ }", encoding="utf-8")
    with pytest.raises(StudyError, match="a file that cell 0 was played with has changed since"):
        sweep(made, out, resume=True)
    agent.write_text("{}", encoding="utf-8")
    assert sweep(made, out, resume=True).finished


def test_two_studies_do_not_share_a_directory(tmp_path: Path) -> None:
    made, out = study(tmp_path, [marks(2)]), tmp_path / "out"
    longer = study(tmp_path, [marks(3)])
    told = []

    class Meanwhile(Here):
        def answers(self, tasks: Any, stop: Any = lambda: False) -> Answers:
            with pytest.raises(StudyError, match="holds another study") as found:
                sweep(longer, out)
            told.append(found.value)
            return super().answers(tasks, stop)

    assert sweep(made, out, workers=Meanwhile()).finished
    assert told


def test_what_a_policy_raises_is_told_without_addresses(tmp_path: Path) -> None:
    made = study(tmp_path, [{"grid": {PARAMETER + "does": ["address"]}}])
    sweep(made, tmp_path / "out")
    message = load(tmp_path / "out")[1]["message"][0].as_py()
    assert "at 0x...>" in message


def test_an_interrupt_that_a_policy_raises_is_a_failure_in_a_worker(tmp_path: Path) -> None:
    made = study(tmp_path, [{"grid": {PARAMETER + "does": ["interrupt", "nothing"]}}])
    with workers(1) as hired:
        swept = sweep(made, tmp_path / "out", workers=hired)
    assert (swept.finished, swept.failed) == (True, 2)
