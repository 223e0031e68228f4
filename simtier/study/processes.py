"""Processes on this machine: a dead one costs a task at most, and none outlives the study."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing.connection import wait as wait_for
from typing import Self

from simtier.errors import StudyError
from simtier.study.task import Played, Task, play
from simtier.study.workers import DIED, Answer, Answers

MOST = 256
_POLL_S = 0.5
_AHEAD = 2
"""Tasks handed over for each process: the one it plays and one for when that ends."""


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class LocalProcesses:
    """Plays tasks in `count` processes, started anew (not forked), so that nothing of this one is in their way.

    Raises StudyError for a count outside 1 to MOST.
    """

    def __init__(self, count: int) -> None:
        if not 1 <= count <= MOST:
            raise StudyError(f"the number of workers must be 1 to {MOST}, not {count}")
        self.count = count
        self._pool: ProcessPoolExecutor | None = None
        self._scratch = ""

    def answers(self, tasks: Iterable[Task], stop: Callable[[], bool] = lambda: False) -> Answers:
        """Yield each task with what became of it; see Workers.

        When a process dies it takes the whole pool with it: those whose tasks were under way are then played one at a time, so that the one
        that is to blame is known, and told as failed.
        """
        todo = iter(tasks)
        while suspects := (yield from self._together(todo, stop)):
            for task in suspects:
                yield from self._alone(task, stop)

    def _together(self, todo: Iterator[Task], stop: Callable[[], bool]) -> Generator[Answer, None, list[Task]]:
        """Play tasks side by side until there are no more; return those under way when a process died, of whom one is to blame."""
        under_way: dict[Future[Played], Task] = {}
        while not stop():
            for task in islice(todo, self.count * _AHEAD - len(under_way)):
                try:
                    under_way[self._start(task)] = task
                except BrokenProcessPool:
                    self._end()
                    return [*under_way.values(), task]
            if not under_way:
                break
            done, _ = wait(under_way, timeout=_POLL_S, return_when=FIRST_COMPLETED)
            for future in done:
                try:
                    played = future.result()
                except BrokenProcessPool:
                    self._end()
                    return [*under_way.values()]
                except Exception as error:  # noqa: BLE001 - an answer that cannot travel
                    played = _not_brought(error)
                yield under_way.pop(future), played
        return []

    def _alone(self, task: Task, stop: Callable[[], bool]) -> Answers:
        """Play one task with nobody beside it."""
        future = self._start(task)
        while not stop():
            if wait([future], timeout=_POLL_S).done:
                try:
                    played = future.result()
                except BrokenProcessPool:
                    self._end()
                    played = Played(error=DIED)
                except Exception as error:  # noqa: BLE001 - an answer that cannot travel
                    played = _not_brought(error)
                yield task, played
                return

    def _start(self, task: Task) -> Future[Played]:
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._scratch = tempfile.mkdtemp(prefix=".simtier-workers-")
            self._pool = ProcessPoolExecutor(
                self.count, mp_context=context, initializer=begin_worker, initargs=(self._scratch,)
            )
        return self._pool.submit(_play, task)

    def _end(self) -> None:
        """End all processes, whatever they do."""
        if self._pool is None:
            return
        mine = list((self._pool._processes or {}).values())  # noqa: SLF001 - the pool has no way of its own to end them before Python 3.14
        self._pool.shutdown(wait=False, cancel_futures=True)
        for process in mine:
            process.kill()
        for process in mine:
            process.join()
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._pool = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()


def _not_brought(error: Exception) -> Played:
    return Played(error=f"its answer could not be brought here: {type(error).__name__}: {error}")


def _play(task: Task) -> Played:
    """Play a task in a worker, to whom nobody says Ctrl-C: an interrupt is a policy's."""
    try:
        return play(task)
    except KeyboardInterrupt:
        return Played(error="internal error: KeyboardInterrupt")


def begin_worker(scratch: str) -> None:
    """Prepare a worker: Ctrl-C is for the one who started it to hear, and when that one is gone so is this.

    What it writes on its way goes to `scratch`, so that nothing is left of a run that was ended in the middle.
    """
    tempfile.tempdir = scratch
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        wait_for([parent.sentinel])
        shutil.rmtree(scratch, ignore_errors=True)
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
