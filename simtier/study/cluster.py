"""A Dask cluster: workers on as many machines as it has (`pip install 'simtier[dask]'`).

Workers need the same version of simtier, and to find policy files and traces under the same paths. One thread a worker: a simulation keeps a core busy.
A worker that dies costs time only: its tasks are played again on another one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from importlib import import_module
from itertools import islice
from typing import Any, Self

from simtier import __version__
from simtier.errors import MissingPackage, StudyError
from simtier.study.task import Played, Task, play
from simtier.study.workers import DIED, Answers

_CONNECT_S = 10
_POLL_S = 0.5
_AHEAD = 2


class DaskWorkers:
    """Plays tasks on the workers of the scheduler at `address`, such as `tcp://10.0.0.1:8786`.

    Raises MissingPackage without Dask, StudyError if no scheduler answers within ten seconds, has no workers, or has some of another version.
    """

    def __init__(self, address: str) -> None:
        try:
            distributed: Any = import_module("distributed")
        except ModuleNotFoundError as error:
            raise MissingPackage("--dask needs Dask: pip install 'simtier[dask]'") from error
        logging.getLogger("distributed").setLevel(logging.ERROR)  # what it says of lost workers, the study says better
        self._dask = distributed
        self._address = address
        try:
            self._client: Any = distributed.Client(address, timeout=_CONNECT_S, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise StudyError(
                f"no Dask scheduler answers at {address}: start one with `dask scheduler`, or leave --dask out to use this machine"
            ) from error
        self.count = self._cores()
        self._require_same_version()

    def _cores(self) -> int:
        threads = sum(self._client.nthreads().values())
        if not threads:
            self._client.close()
            raise StudyError(
                f"the Dask scheduler at {self._address} has no workers: start some with `dask worker {self._address} --nthreads 1`"
            )
        return int(threads)

    def _require_same_version(self) -> None:
        try:
            versions = self._client.run(_version)
        except ModuleNotFoundError as error:
            self._client.close()
            raise StudyError(f"a Dask worker lacks a package ({error}): install simtier {__version__} there") from error
        for worker, version in versions.items():
            if version != __version__:
                self._client.close()
                raise StudyError(
                    f"the Dask worker {worker} has simtier {version}, here is {__version__}: one study, one version"
                )

    def answers(self, tasks: Iterable[Task], stop: Callable[[], bool] = lambda: False) -> Answers:
        """Yield each task with what became of it; see Workers. Raises StudyError if the scheduler is lost."""
        todo, under_way = iter(tasks), dict[Any, Task]()
        try:
            while not stop():
                for task in islice(todo, self.count * _AHEAD - len(under_way)):
                    under_way[self._client.submit(play, task, pure=False)] = task
                if not under_way:
                    return
                for future in self._finished(list(under_way)):
                    yield under_way.pop(future), self._result(future)
        finally:
            if under_way:
                self._client.cancel(list(under_way))

    def _finished(self, futures: list[Any]) -> list[Any]:
        try:
            with self._client.as_current():  # other clients in this process are none of ours
                return list(self._dask.wait(futures, timeout=_POLL_S, return_when="FIRST_COMPLETED").done)
        except TimeoutError:
            if self._client.status in ("closed", "connecting"):
                raise self._gone() from None
            return []
        except self._dask.CancelledError as error:
            raise self._gone() from error

    def _result(self, future: Any) -> Played:
        try:
            played: Played = future.result()
        except self._dask.CancelledError as error:
            raise self._gone() from error
        except self._dask.KilledWorker:
            return Played(error=DIED)
        except Exception as error:  # noqa: BLE001 - one task is a row of the study, not its end
            return Played(error=f"the cluster gave it up: {type(error).__name__}: {error}")
        return played

    def _gone(self) -> StudyError:
        return StudyError(f"the Dask scheduler at {self._address} is gone: resume the study when it is back")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()


def _version() -> str:
    return __version__
