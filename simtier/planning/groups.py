"""Groups of accelerators that several models share: who waits for whom, request by request.

A group computes one request after the other, in order of arrival, in the stages of its pipeline: a stage takes the next request when it has passed
on the last one (a flow shop with unlimited room between stages). A request goes to the group with its model where it would be
done first, and is rejected if that is after its deadline.

Source: Li et al., AlpaServe, OSDI 2023, sections 3 (queues with and without model parallelism) and 4.3 (dispatching, rejection).
Assumptions: no batching; a request passes each stage once, with all that its prompt and answer take there, which is exact for
requests of one pass; models of a group wait for each other and for nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Work:
    """What a request takes on a group.

    Attributes:
        all_s: in all stages, alone.
        stage_s: in the slowest one, which is as long as the next request waits for.
    """

    all_s: float
    stage_s: float


@dataclass(frozen=True, slots=True)
class Ask:
    """One request: when it comes, of which model, and how long it may take."""

    at_s: float
    model: str
    within_s: float


def latencies(
    asks: Sequence[Ask], works: Mapping[str, Sequence[Work]], placed: Sequence[frozenset[str]], stages: int
) -> NDArray[np.float64]:
    """Return how long each request takes from its arrival on; NaN for those rejected.

    Args:
        asks: requests in order of time.
        works: of each model, what its requests take, in their order.
        placed: models of each group.
        stages: of each group's pipeline.
    """
    free_s = [[0.0] * stages for _ in placed]
    found = np.full(len(asks), np.nan)
    counts = dict.fromkeys(works, 0)
    for number, ask in enumerate(asks):
        work = works[ask.model][counts[ask.model]]
        counts[ask.model] += 1
        ends = [
            (_end_s(free_s[group], ask.at_s, work), group) for group, models in enumerate(placed) if ask.model in models
        ]
        if not ends:
            continue
        end_s, group = min(ends)
        if end_s - ask.at_s <= ask.within_s:
            _pass(free_s[group], ask.at_s, work)
            found[number] = end_s - ask.at_s
    return found


def _end_s(free_s: list[float], now: float, work: Work) -> float:
    each_s = work.all_s / len(free_s)
    for stage_free_s in free_s:
        now = max(now, stage_free_s) + each_s
    return now


def _pass(free_s: list[float], now: float, work: Work) -> None:
    """Let a request through all stages."""
    each_s = work.all_s / len(free_s)
    for stage, stage_free_s in enumerate(free_s):
        begin_s = max(now, stage_free_s)
        free_s[stage] = begin_s + work.stage_s
        now = begin_s + each_s
