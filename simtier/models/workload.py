"""Workloads: open sources merged into the clock's feed, and closed-loop clients."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, repeat
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simtier.clock import Arrival, Clock
from simtier.errors import SimulationError
from simtier.models.app import Origin
from simtier.models.arrivals import Chunks, merged
from simtier.models.visit import Visit
from simtier.streams import Draws

MOST_AT_ONCE = 10_000
"""Requests of one client at one instant that pass for a model and not for a mistake."""


TRACED = ("duration_s", "input_tokens", "output_tokens")
"""What a request of a trace carries, in this order; 0 for what its trace does not tell."""


Mine = Callable[[int], NDArray[np.bool_]]
"""Tells of so many more requests of a source, in their order, which of them arrive in this world."""


def feed(
    origins: Sequence[Origin],
    sources: Sequence[Chunks],
    firsts: Sequence[int],
    mine: Mapping[int, Mine] = MappingProxyType({}),
) -> Iterator[Arrival]:
    """Return the arrivals of open sources as the clock wants them.

    `firsts` holds the number of each source's first request; `mine` has the sources of which only some requests arrive in this world.
    """

    def arrivals() -> Iterator[Iterator[Arrival]]:
        handlers = [origin.arrive for origin in origins]
        bases = np.array(firsts, dtype=np.int64)
        for times, source, k in merged(sources):
            if mine:
                here = _here(source, mine)
                times, source, k = times[here], source[here], k[here]  # noqa: PLW2901 - the same, less others' arrivals
            acts: Any = repeat(handlers[0]) if len(handlers) == 1 else [handlers[s] for s in source.tolist()]
            yield zip(times.tolist(), acts, (k + bases[source]).tolist(), strict=False)

    return chain.from_iterable(arrivals())


def _here(source: NDArray[np.int64], mine: Mapping[int, Mine]) -> NDArray[np.bool_]:
    """Return which of the arrivals of these sources are in this world."""
    here = np.ones(len(source), dtype=bool)
    for number, tells in mine.items():
        places = np.flatnonzero(source == number)
        here[places] = tells(len(places))
    return here


class Client:
    """One closed-loop client: thinks, asks, waits for the end of its request, and thinks again.

    Args:
        origin: where it sits; the client takes it over.
        first: number of its first request.
        think: think times by index of its own requests.
        stop_s: asks nothing from this time on.
    """

    def __init__(self, clock: Clock, origin: Origin, first: int, think: Draws, start_s: float, stop_s: float) -> None:
        self._clock = clock
        self._origin = origin
        self._first = first
        self._think = think
        self._asked = 0
        self._last_s = -1.0
        self._at_once = 0
        self._stop_s = stop_s
        origin.on_end = self._ended
        clock.call_at(start_s, self._ended)

    def _ended(self, _: Visit | None) -> None:
        """Think after a finished request (or before the first)."""
        at = self._clock.now + self._think(self._asked)
        if at < self._stop_s:
            self._clock.call_at(at, self._ask)

    def _ask(self, _: object) -> None:
        self._guard()
        self._asked += 1
        self._origin.arrive(self._first + self._asked - 1)

    def _guard(self) -> None:
        """Refuse to ask for ever at one instant, as a client does whose thoughts and answers take no time."""
        now = self._clock.now
        self._at_once = self._at_once + 1 if now == self._last_s else 0
        self._last_s = now
        if self._at_once >= MOST_AT_ONCE:
            raise SimulationError(
                f"workload {self._origin.workload!r}: a client on {self._origin.node!r} has asked {MOST_AT_ONCE} times at {now:.6g} s, "
                "because its requests end at once: give it a think time"
            )
