"""Markov chains over a few states."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator

import numpy as np
from numpy.random import Generator as Rng
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from simtier.traces.synthesis.parameters import check

Matrix = tuple[tuple[float, ...], ...]


def check_transitions(transitions: Matrix, states: int) -> None:
    """Raise TraceError unless `transitions` is a matrix of `states` rows of probabilities that add up to 1."""
    square = len(transitions) == states and all(len(row) == states for row in transitions)
    check(square, f"transitions takes {states} rows of {states} probabilities")
    check(
        all(min(row) >= 0 and abs(sum(row) - 1) < 1e-6 for row in transitions),
        "each row of transitions must add up to 1",
    )


def stationary(transitions: Matrix) -> NDArray[np.float64]:
    """Return the long-run probabilities of the states."""
    matrix = np.array(transitions)
    equations = np.vstack([matrix.T - np.eye(len(matrix)), np.ones(len(matrix))])
    answer = np.linalg.lstsq(equations, np.append(np.zeros(len(matrix)), 1.0), rcond=None)[0]
    return np.asarray(np.clip(answer, 0, None), dtype=np.float64)


def walk(rng: Rng, transitions: Matrix, size: int) -> Iterator[NDArray[np.int64]]:
    """Yield the states of a chain that starts in the long run, `size` at a time, without end."""
    rows = [np.cumsum(row)[:-1].tolist() for row in transitions]
    state = bisect(np.cumsum(stationary(transitions))[:-1].tolist(), float(rng.random()))
    while True:
        states = []
        for draw in rng.random(size).tolist():
            states.append(state)
            state = bisect(rows[state], draw)
        yield np.array(states, dtype=np.int64)


def count_transitions(sequences: list[NDArray[np.int64]], states: int) -> Matrix:
    """Return the maximum-likelihood transitions of observed sequences; a state never left stays where it is."""
    counts = np.zeros((states, states))
    for sequence in sequences:
        np.add.at(counts, (sequence[:-1], sequence[1:]), 1)
    counts[counts.sum(axis=1) == 0] += np.eye(states)[counts.sum(axis=1) == 0]
    return tuple(tuple(float(x) for x in row) for row in counts / counts.sum(axis=1, keepdims=True))


def gaussian_transitions(states: int, correlation: float) -> Matrix:
    """Return the transitions between equally likely bands of a normal AR(1) with that lag-1 correlation.

    A start is averaged over 200 even places in its band.
    """
    edges = ndtri(np.arange(states + 1) / states)
    starts = ndtri((np.arange(states * 200) + 0.5) / (states * 200)).reshape(states, 200, 1)
    below = ndtr((edges - correlation * starts) / np.sqrt(1 - correlation**2)).mean(axis=1)
    mass = np.round(np.diff(below, axis=1), 6)
    return tuple(tuple(float(x) for x in row / row.sum()) for row in mass)
