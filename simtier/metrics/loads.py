"""Staged starts of language models' replicas in one replication: how many, from where, and how long each stage took.

A start counts if it began in the time counted. Its time is from the begin of its first stage to the end of its last; starts that were called
off, or that the end of the run met, have none. Means of stages are over the starts that have a time, those without the stage included, so they add up.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from simtier.metrics.reading import Columns, Texts
from simtier.metrics.starts import Window, distribution, within

SOURCES = ("attach", "peer", "host", "remote", "disk")
STAGES = ("runtime", *SOURCES, "connect", "warmup")
COLUMNS = ("replication", "replica", "service", "source", "stage", "begin_s", "end_s")


class Loads:
    """All staged starts of one replication; memory follows their number.

    Args:
        batches: rows of the table loads; those of one start stand one after the other.
        texts: numbers of names.
        window: the time counted.
    """

    def __init__(self, batches: Iterator[Columns], texts: Texts, window: Window) -> None:
        kinds = {name: np.float64 if name.endswith("_s") else np.int64 for name in COLUMNS}
        pieces = [{name: np.empty(0, dtype=kind) for name, kind in kinds.items()}, *batches]
        self._rows = {name: np.concatenate([piece[name] for piece in pieces]) for name in COLUMNS}
        self._texts = texts
        self._window = window

    def metrics(self, service: int) -> dict[str, Any]:
        """Return what is known of the starts of one service."""
        rows = {name: values[self._rows["service"] == service] for name, values in self._rows.items()}
        replicas, first, start = np.unique(rows["replica"], return_index=True, return_inverse=True)
        began_s, ended_s = np.full(len(replicas), np.inf), np.full(len(replicas), -np.inf)
        np.minimum.at(began_s, start, rows["begin_s"])
        np.maximum.at(ended_s, start, rows["end_s"])  # NaN where a stage did not end, and it stays NaN
        counted = within(began_s, self._window)
        done = counted & ~np.isnan(ended_s)
        number, took_s = int(done.sum()), (ended_s - began_s)[done]
        stage_s = {name: self._sum(rows, done[start], name) for name in STAGES}
        whole = sum(stage_s.values())
        return {
            "starts": int(counted.sum()),
            "starts_done": number,
            "sources": {name: int((rows["source"][first][done] == self._texts.code(name)).sum()) for name in SOURCES},
            "cold_start_s": distribution(took_s),
            "component_s": {name: total / number if number else None for name, total in stage_s.items()},
            "component_share": {name: total / whole if whole else None for name, total in stage_s.items()},
        }

    def _sum(self, rows: Columns, counted: np.ndarray[Any, np.dtype[np.bool_]], stage: str) -> float:
        mine = counted & (rows["stage"] == self._texts.code(stage))
        return float((rows["end_s"] - rows["begin_s"])[mine].sum())
