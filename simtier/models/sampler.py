"""Looks at queues and utilisation at regular times, for the plots. Nothing is computed from what it records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import count

from simtier.clock import OBSERVE, Clock
from simtier.journal import Journal

Probe = tuple[str, str, str, Callable[[], float]]
"""Kind, name, metric, and what reads its value now."""


class Sampler:
    """Records every probe at k * every, k = 0, 1, ..."""

    def __init__(self, clock: Clock, journal: Journal, every: float, probes: Iterable[Probe]) -> None:
        self._clock = clock
        self._every = every
        self._append = journal.tables["samples"].append
        code = partial(journal.code, traced=False)
        self._probes: Sequence[tuple[int, int, int, Callable[[], float]]] = [
            (code(kind), code(name), code(metric), read) for kind, name, metric, read in probes
        ]
        self._ticks = count()
        self._next()

    def _next(self) -> None:
        self._clock.call_at(next(self._ticks) * self._every, self._sample, None, OBSERVE)

    def _sample(self, _: object) -> None:
        now = self._clock.now
        for kind, name, metric, read in self._probes:
            self._append((now, kind, name, metric, read()))
        self._next()
