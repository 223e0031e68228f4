"""A Dask cluster of real processes: a scheduler and workers on loopback, one of them killed in mid-study."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sweeping import files, finished, marks, started, study, until

from simtier.errors import StudyError
from simtier.study import cluster
from simtier.study.sweep import sweep

pytest.importorskip("distributed", reason="Dask is optional: pip install 'simtier[dask]'")

DOES = "sleep 0.2"


class Cluster:
    """A scheduler, and workers that are started on request; each is a process of its own, without a nanny that would start it again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: list[subprocess.Popen[bytes]] = []
        self._start("scheduler", "--host", "127.0.0.1", "--port", "0")
        told = folder / "told.json"
        until(told.exists)
        from simtier.scenario.document import parse_value

        self.address: str = parse_value(told.read_text(encoding="utf-8"))["address"]

    def worker(self) -> subprocess.Popen[bytes]:
        """Start a worker with one thread."""
        return self._start("worker", "--no-nanny", "--nthreads", "1")

    def end(self) -> None:
        for each in self._running:
            each.kill()
        for each in self._running:
            each.wait()

    def _start(self, what: str, *options: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.dask_{what}", *options, "--no-dashboard"]
        command += ["--scheduler-file", str(self._folder / "told.json")]
        with (self._folder / "cluster.log").open("ab") as log:
            made = subprocess.Popen(command, stdout=log, stderr=log, cwd=self._folder)
        self._running.append(made)
        return made


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    made = Cluster(tmp_path_factory.mktemp("cluster"))
    yield made
    made.end()


def test_a_scheduler_without_workers_is_told(dask: Cluster) -> None:
    with pytest.raises(StudyError, match=r"has no workers: start some with `dask worker tcp://"):
        cluster.DaskWorkers(dask.address)


def test_a_worker_killed_in_mid_study_changes_no_byte(
    dask: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, out = study(tmp_path, [marks(8)], does=DOES), tmp_path / "far"
    before = {each.pid: each for each in (dask.worker(), dask.worker())}
    import distributed

    with distributed.Client(dask.address, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=60)
    with cluster.DaskWorkers(dask.address) as hired:
        assert hired.count == 2
        killed: list[int] = []

        def kill() -> bool:
            """Kill the worker that was the last to begin something, once two cells are finished; never stop."""
            if not killed and len(finished(out)) >= 2:
                pid = int((tmp_path / "log").read_text(encoding="utf-8").split()[-1])
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)
            return False

        swept = sweep(made, out, workers=hired, stop=kill)
    assert set(killed) < set(before)
    assert before[killed[0]].wait() == -signal.SIGKILL
    assert (swept.finished, swept.failed) == (True, 0)
    assert len(started(tmp_path)) >= 16
    sweep(made, tmp_path / "near")
    assert files(out) == files(tmp_path / "near")
    monkeypatch.setattr(cluster, "__version__", "9.9")
    with pytest.raises(
        StudyError, match=r"the Dask worker tcp://.* has simtier .*, here is 9\.9: one study, one version"
    ):
        cluster.DaskWorkers(dask.address)


def test_a_scheduler_that_is_lost_ends_the_sweep_and_what_is_finished_stays(dask: Cluster, tmp_path: Path) -> None:
    """Goes on with the worker that the test before has left."""
    made, out = study(tmp_path, [marks(8)], does=DOES), tmp_path / "far"

    def end() -> bool:
        if len(finished(out)) >= 2:
            dask.end()
        return False

    with cluster.DaskWorkers(dask.address) as hired, pytest.raises(StudyError, match="is gone: resume the study"):
        sweep(made, out, workers=hired, stop=end)
    kept = finished(out)
    assert 2 <= len(kept) < 8
    assert sweep(made, out, resume=True).began == len(kept)


def test_an_address_that_nobody_answers_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_CONNECT_S", 1)
    for address in ("tcp://127.0.0.1:1", "nonsense://x", "127.0.0.1"):
        with pytest.raises(
            StudyError, match=f"no Dask scheduler answers at {address}: start one with `dask scheduler`"
        ):
            cluster.DaskWorkers(address)
