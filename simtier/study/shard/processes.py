"""Parts in processes of their own: one that fails ends the others, and none outlives the one who started them."""

from __future__ import annotations

import contextlib
import multiprocessing
import pickle
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from simtier.errors import SimtierError, StudyError
from simtier.study.processes import begin_worker
from simtier.study.shard.part import Job, Played, play

_POLL_S = 0.5
_TELL_S = 0.2
"""A part tells no more often how far it is."""


@dataclass(frozen=True)
class Step:
    """How far a part is: the place of its replication, simulated time, requests that have got their outcome in it."""

    part: int
    replication: int
    time_s: float
    requests_done: int


class Stopped(Exception):  # noqa: N818 - not an error: somebody wanted it
    """The parts were given up because somebody wanted to stop."""


def play_all(
    jobs: Sequence[Job], workers: int, watch: Callable[[Step], object], stop: Callable[[], bool]
) -> list[Played]:
    """Play all parts, at most `workers` at a time, and return what each left, in their order.

    Raises what the first part raises that fails, StudyError for a process that is ended from outside, and Stopped when `stop` returns True; the
    others are ended then.
    """
    waiting = list(reversed(jobs))
    under_way: dict[Connection, tuple[SpawnProcess, Job]] = {}
    done: dict[int, Played] = {}
    try:
        while waiting or under_way:
            while waiting and len(under_way) < workers:
                _start(waiting.pop(), under_way)
            for ready in wait([*under_way], timeout=_POLL_S):
                assert isinstance(ready, Connection)
                told = _read(ready, under_way[ready][1])
                if isinstance(told, Step):
                    watch(told)
                else:
                    process, job = under_way.pop(ready)
                    done[job.part] = told
                    process.join()
                    ready.close()
            if under_way and stop():
                raise Stopped
    finally:
        for process, _ in under_way.values():
            process.terminate()
        for process, _ in under_way.values():
            process.join()
    return [done[job.part] for job in jobs]


def _start(job: Job, under_way: dict[Connection, tuple[SpawnProcess, Job]]) -> None:
    context = multiprocessing.get_context("spawn")  # started anew, not forked: nothing of this process is in their way
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(job, there), daemon=True)
    process.start()
    there.close()
    under_way[here] = (process, job)


def _read(connection: Connection, job: Job) -> Step | Played:
    """Return what a part has to tell; raises what it has raised."""
    try:
        told: Step | Played | Exception = pickle.loads(connection.recv_bytes())  # noqa: S301 - from a process of ours
    except EOFError:
        raise StudyError(
            f"the process that played part {job.part + 1} was ended from outside: most likely the machine's memory ran out"
        ) from None
    if isinstance(told, Exception):
        raise told
    return told


def _work(job: Job, connection: Connection) -> None:
    """Play a part, in a process of its own."""
    begin_worker(str(job.folder))
    last_s = -_TELL_S

    def tell(replication: int, time_s: float, requests_done: int) -> None:
        nonlocal last_s
        now_s = time.monotonic()
        if now_s - last_s >= _TELL_S:
            last_s = now_s
            connection.send(Step(job.part, replication, time_s, requests_done))

    try:
        connection.send(play(job, tell))
    except Exception as error:  # noqa: BLE001 - whatever it is, the one who waits raises it
        connection.send_bytes(_packed(error))


def _packed(error: Exception) -> bytes:
    """Return an error as bytes; one that cannot travel as it is goes as its text."""
    with contextlib.suppress(Exception):
        packed = pickle.dumps(error)
        if str(pickle.loads(packed)) == str(error):  # noqa: S301 - made in the line before
            return packed
    name = "" if isinstance(error, SimtierError) else f"{type(error).__name__}: "
    return pickle.dumps(StudyError(f"{name}{error}"))
