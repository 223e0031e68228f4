"""When requests arrive: sorted times in chunks, made as they are needed.

Every process is a generator of arrays of absolute times in seconds, sorted, without end unless it says so; `until` cuts it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import count

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Times = NDArray[np.float64]
Chunks = Iterator[Times]

CHUNK = 2048


def periodic(rate: float, phase: float, jitter: float, rng: Generator) -> Chunks:
    """Yield phase + k / rate + U(0, jitter): exact multiples of the period, never a running sum. Needs jitter < 1 / rate."""
    for first in count(0, CHUNK):
        times = phase + np.arange(first, first + CHUNK) / rate
        yield times + rng.uniform(0.0, jitter, CHUNK) if jitter else times


def renewal(gaps: Callable[[Generator, int], Times], rng: Generator) -> Chunks:
    """Yield the running sums of independent gaps; exponential gaps make a Poisson process."""
    last = 0.0
    while True:
        times = np.cumsum(gaps(rng, CHUNK))
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
        kept = rng.uniform(0.0, largest, CHUNK) < np.interp(candidates % period, times, rates)
        yield candidates[kept]


def replayed(stamps: Times, start: float, length: float, speed: float, share: float, rng: Generator) -> Chunks:
    """Yield the stamps of a trace in [start, start + length), moved to zero, `speed` times as fast, each kept with `share`."""
    window = stamps[(stamps >= start) & (stamps < start + length)]
    kept = window[rng.random(len(window)) < share] if share < 1 else window
    times = (kept - start) / speed
    for first in range(0, len(times), CHUNK):
        yield times[first : first + CHUNK]


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

    A chunk goes out once no source can yield anything earlier: up to the earliest of the sources' last known times.
    """
    waiting: list[Times] = [np.empty(0)] * len(sources)
    numbers = [0] * len(sources)
    live = set(range(len(sources)))
    while True:
        for source in sorted(live):
            while not len(waiting[source]):
                chunk = next(sources[source], None)
                if chunk is None:
                    live.discard(source)
                    break
                waiting[source] = chunk
        safe, last = min(((float(waiting[s][-1]), s) for s in live), default=(math.inf, len(sources)))
        pieces = []
        for source, times in enumerate(waiting):
            # Source `last` may have more at `safe`, which goes before those of higher sources.
            ready = int(np.searchsorted(times, safe, side="right" if source <= last else "left"))
            if ready:
                k = numbers[source]
                pieces.append((times[:ready], np.full(ready, source), np.arange(k, k + ready)))
                waiting[source] = times[ready:]
                numbers[source] += ready
        if pieces:
            yield _sorted(pieces)
        elif not live:
            return


def _sorted(
    pieces: Sequence[tuple[Times, NDArray[np.int64], NDArray[np.int64]]],
) -> tuple[Times, NDArray[np.int64], NDArray[np.int64]]:
    if len(pieces) == 1:
        return pieces[0]
    times, source, number = (np.concatenate(column) for column in zip(*pieces, strict=True))
    order = np.lexsort((source, times))
    return times[order], source[order], number[order]
