"""When requests arrive: sorted times in chunks, made as they are needed.

Every process is a generator of arrays of absolute times in seconds, sorted, without end unless it says so; `until` cuts it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Times = NDArray[np.float64]
Chunks = Iterator[Times]

FIRST_CHUNK, LARGEST_CHUNK = 64, 4096


def sizes() -> Iterator[int]:
    """Yield how many arrivals to make at a time: few at first, for there may be many sources, then more, for speed.

    A source's own history decides, so its arrivals are the same whatever else there is.
    """
    size = FIRST_CHUNK
    while True:
        yield size
        size = min(2 * size, LARGEST_CHUNK)


def periodic(rate: float, phase: float, jitter: float, rng: Generator) -> Chunks:
    """Yield phase + k / rate + U(0, jitter): exact multiples of the period, never a running sum. Needs jitter < 1 / rate."""
    first = 0
    for size in sizes():
        times = phase + np.arange(first, first + size) / rate
        yield times + rng.uniform(0.0, jitter, size) if jitter else times
        first += size


def renewal(gaps: Callable[[Generator, int], Times], rng: Generator) -> Chunks:
    """Yield the running sums of independent gaps; exponential gaps make a Poisson process."""
    last = 0.0
    for size in sizes():
        times = np.cumsum(gaps(rng, size))
        times += last
        last = float(times[-1])
        yield times


def markov_modulated(rates: Sequence[float], stay: Sequence[float], rng: Generator) -> Chunks:
    """Yield a Markov-modulated Poisson process: state i lasts Exp(stay[i]) with rate rates[i], then i+1 follows, cyclically.

    Starts in a state drawn by its share of the time. Reference: Fischer and Meier-Hellstern, Performance Evaluation 18 (1993).
    """
    state = int(rng.choice(len(rates), p=np.asarray(stay) / sum(stay)))
    begin = 0.0
    while True:
        length = rng.exponential(stay[state])
        number = rng.poisson(rates[state] * length)
        yield begin + np.sort(rng.uniform(0.0, length, number))
        begin += length
        state = (state + 1) % len(rates)


def varying(points: Sequence[tuple[float, float]], rng: Generator) -> Chunks:
    """Yield a Poisson process whose rate follows straight lines between `points` (time, rate), repeated after the last.

    By thinning at the largest rate (Lewis and Shedler, Naval Research Logistics 26, 1979).
    """
    times, rates = (np.array(column) for column in zip(*points, strict=True))
    largest, period = rates.max(), times[-1]
    for candidates in renewal(lambda g, n: g.exponential(1 / largest, n), rng):
        kept = rng.uniform(0.0, largest, len(candidates)) < np.interp(candidates % period, times, rates)
        yield candidates[kept]


def between(chunks: Chunks, start: float, stop: float) -> Chunks:
    """Move a process by `start` and end it before `stop`."""
    for chunk in chunks:
        times = chunk + start if start else chunk
        if len(times) and times[-1] >= stop:
            yield times[times < stop]
            return
        yield times


def merged(sources: Sequence[Chunks]) -> Iterator[tuple[Times, NDArray[np.int64], NDArray[np.int64]]]:
    """Merge sorted sources; yield arrays (times, source, k): the k-th arrival of that source. Ties: the lower source first.

    Each round goes up to a time that half of the sources are known beyond, and first asks the others for more; so the work for
    each arrival does not grow with the number of sources.
    """
    known = [_Known(chunks) for chunks in sources]
    live = list(range(len(sources)))
    while live:
        lasts = sorted(known[s].last for s in live)
        safe = lasts[(len(lasts) - 1) // 2]
        pieces = []
        for source in live:
            k, times = known[source].take(safe)
            if len(times):
                pieces.append((times, np.full(len(times), source), np.arange(k, k + len(times))))
        if pieces:
            yield _sorted(pieces)
        live = [source for source in live if known[source].more]


class _Known:
    """What is known of one source's arrivals and not taken yet."""

    def __init__(self, chunks: Chunks) -> None:
        self._chunks = chunks
        self._times = np.empty(0)
        self._ended = False
        self._taken = 0
        self._extend()

    @property
    def more(self) -> bool:
        """Whether anything is left."""
        return not self._ended or len(self._times) > 0

    @property
    def last(self) -> float:
        """The time up to which all is known; infinity if the source has ended."""
        return math.inf if self._ended else float(self._times[-1])

    def take(self, until: float) -> tuple[int, Times]:
        """Return the number of the first arrival up to `until` (inclusive) and the times of all of them."""
        while self.last <= until and not self._ended:
            self._extend()
        ready = int(np.searchsorted(self._times, until, side="right"))
        first, times = self._taken, self._times[:ready]
        self._times = self._times[ready:]
        self._taken += ready
        return first, times

    def _extend(self) -> None:
        chunk = next((chunk for chunk in self._chunks if len(chunk)), None)
        if chunk is None:
            self._ended = True
        else:
            self._times = np.concatenate((self._times, chunk)) if len(self._times) else chunk


def _sorted(
    pieces: Sequence[tuple[Times, NDArray[np.int64], NDArray[np.int64]]],
) -> tuple[Times, NDArray[np.int64], NDArray[np.int64]]:
    if len(pieces) == 1:
        return pieces[0]
    times, source, number = (np.concatenate(column) for column in zip(*pieces, strict=True))
    order = np.lexsort((source, times))
    return times[order], source[order], number[order]
