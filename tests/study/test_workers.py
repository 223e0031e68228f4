"""Local processes: the same answers as in this process, no more lost than the task of a process that dies, none left behind."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from sweeping import PARAMETER, coordinator, files, finished, marks, started, station, study, study_file, until

from simtier.errors import StudyError
from simtier.study.processes import MOST, LocalProcesses, cores
from simtier.study.sweep import sweep
from simtier.study.task import Base, Task
from simtier.study.workers import Here, workers


def tasks(base: Base, does: dict[int, str], number: int = 6) -> list[Task]:
    return [
        Task(base, ((PARAMETER + "mark", f"m{each}"), (PARAMETER + "does", does.get(each, "nothing"))), (0,), each)
        for each in range(number)
    ]


def alive(pid: int) -> bool:
    """Return whether a process runs; one that has ended and is only waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_two_processes_write_the_same_bytes_as_none_and_lose_only_what_ends_them(tmp_path: Path) -> None:
    made = study(tmp_path, [marks(4), {"grid": {"run.seed": [1, 2]}}])
    base = Base.load(station(tmp_path / "other"))
    assert sweep(made, tmp_path / "here").finished
    with LocalProcesses(2) as hired:
        assert sweep(made, tmp_path / "beside", workers=hired).finished
        found = {task.label: played for task, played in hired.answers(tasks(base, {2: "exit"}))}
    assert files(tmp_path / "here") == files(tmp_path / "beside")
    assert len(set(files(tmp_path / "here").values())) == 10
    assert sorted(found) == list(range(6))
    assert [number for number, played in found.items() if played.error] == [2]
    assert "was ended from outside" in found[2].error
    quiet = {task.label: played for task, played in Here().answers(tasks(base, {}))}
    assert all(found[number].replications == quiet[number].replications for number in (0, 1, 3, 4, 5))


def test_what_a_policy_raises_is_told_in_the_answer(tmp_path: Path) -> None:
    base = Base.load(station(tmp_path))
    found = [played for _, played in Here().answers(tasks(base, {1: "raise"}, 3))]
    assert [bool(played.error) for played in found] == [False, True, False]
    assert "no such thing" in found[1].error
    assert found[1].identity
    assert not found[1].replications


@pytest.mark.slow
def test_a_killed_process_costs_time_only(tmp_path: Path) -> None:
    base = Base.load(station(tmp_path))
    with LocalProcesses(2) as hired:
        answers = hired.answers(tasks(base, {3: "sleep 2"}))
        found = [next(answers)]
        until(lambda: "m3" in started(tmp_path))
        lines = (tmp_path / "log").read_text(encoding="utf-8").splitlines()
        os.kill(int(next(line.split()[1] for line in lines if line.startswith("m3"))), signal.SIGKILL)
        found += answers
    assert sorted(task.label for task, _ in found) == list(range(6))
    assert not any(played.error for _, played in found)
    assert started(tmp_path).count("m3") == 2


@pytest.mark.parametrize("number", [signal.SIGKILL, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_a_sweep_that_is_ended_leaves_no_process_and_resumes_without_playing_twice(
    tmp_path: Path, number: signal.Signals
) -> None:
    """By SIGKILL or SIGTERM in mid-study: workers end with it, and resuming plays the unfinished cells only."""
    axes, does = [marks(6)], "sleep 0.2"
    file, out = study_file(tmp_path, axes, does=does), tmp_path / "out"
    with coordinator(tmp_path, file, out, 2) as program:
        until(lambda: len(finished(out)) >= 2)
        assert [*(tmp_path / "scratch").iterdir()]
        program.send_signal(number)
    assert program.returncode == (-9 if number == signal.SIGKILL else 1)
    pids = {int(line.split()[1]) for line in (tmp_path / "log").read_text(encoding="utf-8").splitlines()}
    until(lambda: not any(map(alive, pids)))
    if number == signal.SIGTERM:
        assert not [*(tmp_path / "scratch").iterdir()]
    kept, before = finished(out), len(started(tmp_path))
    swept = sweep(study(tmp_path, axes, does=does), out, resume=True)
    assert swept.finished
    assert 2 <= swept.began == len(kept) < 6
    assert {name: finished(out)[name] for name in kept} == kept
    assert len(started(tmp_path)) - before == 2 * (6 - len(kept))
    sweep(study(tmp_path, axes, does=does), tmp_path / "whole")
    assert {name: text for name, text in files(out).items() if "/." not in name} == files(tmp_path / "whole")


def test_the_number_of_processes_is_checked() -> None:
    for number in (0, -1, MOST + 1):
        with pytest.raises(StudyError, match=f"must be 1 to {MOST}, not {number}"):
            LocalProcesses(number)
    with pytest.raises(StudyError, match="either --workers or --dask"):
        workers(2, "tcp://127.0.0.1:1")
    assert [workers(1).count, workers().count, workers(3).count] == [1, cores(), 3]


def test_nothing_more_is_begun_once_it_is_to_stop(tmp_path: Path) -> None:
    seen: list[int] = []
    for task, _ in Here().answers(tasks(Base.load(station(tmp_path)), {}, 20), lambda: len(seen) >= 2):
        seen.append(task.label)
    assert seen == [0, 1]
    assert started(tmp_path) == ["m0", "m1"]
