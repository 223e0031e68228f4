"""What engines of language models did with their time: sums over the table `iterations` of one replication.

A row stands for k iterations in which the same n sequences decode, from `begin_s` to `end_s`; what reaches over the edge of the time counted
counts by the share of its time that lies inside. Held blocks grow from `blocks` to `blocks_end` at a constant rate.

The gaps between the tokens of a sequence: n of each iteration. The first iteration takes g_1 = first_s - begin_s, and the times rise linearly,
g_i = g_1 + (i - 1) d, so that they sum to end_s - begin_s: exact where an iteration's time is affine in the tokens it reads. `again`
sequences get a token besides; of all, the `resumed` ones waited since their last token: one the longest of their times, the others what the mean leaves.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from simtier.metrics.latencies import Floats
from simtier.metrics.reading import Columns, Sums, overlap
from simtier.metrics.weighted import Weighted

Window = tuple[float, float]

COLUMNS = (
    "replication",
    "service",
    "node",
    "device",
    "blocks_total",
    "iterations",
    "decodes",
    "prompt_tokens",
    "blocks",
    "blocks_end",
    "held_before",
    "firsts",
    "again",
    "resumed",
    "resumed_gap_s",
    "longest_gap_s",
    "begin_s",
    "first_s",
    "end_s",
    "watts",
    "lanes",
)
_NAMES = (
    "busy_s",
    "iterations",
    "decoded",
    "decode_s",
    "held_s",
    "output_tokens",
    "prompt_tokens_in",
    "output_tokens_in",
)
AT_ONCE = 1_000_000
"""Iterations whose times are held at once."""


class Engines:
    """The engines of all services in one replication.

    Args:
        batches: rows of the table.
        window: the time counted.
        until_s: where arrivals end; tokens are counted up to there for their rates.

    Attributes:
        ran: by service, node and device the time in which iterations run, and the joules that all accelerators of the replica draw in it.
        arriving_s: how long requests that count arrive.
    """

    def __init__(self, batches: Iterator[Columns], window: Window, until_s: float) -> None:
        self._window = window
        self._arrivals = (window[0], min(window[1], until_s))
        self.arriving_s = self._arrivals[1] - self._arrivals[0]
        self._sums = Sums(len(_NAMES))
        self._gaps: dict[int, Weighted] = {}
        self._batches: dict[int, Weighted] = {}
        self._most_held: dict[int, float] = {}
        self.ran = Sums(2)
        for rows in batches:
            self._add(rows)

    def sums(self, service: int) -> dict[str, float]:
        """Return sums of a service by name.

        How long iterations ran, how many, decodes summed over them and over time, the share of blocks held over time, and tokens; those that
        end in `_in` only up to the end of arrivals.
        """
        found = self._sums.by_key.get((service,), np.zeros(len(_NAMES)))
        return dict(zip(_NAMES, found.tolist(), strict=True))

    def gaps(self, service: int) -> Weighted:
        """Return the times between tokens of a service."""
        return self._gaps.get(service, Weighted())

    def batches(self, service: int) -> Weighted:
        """Return how many sequences decode in the iterations of a service."""
        return self._batches.get(service, Weighted())

    def most_held(self, service: int) -> float | None:
        """Return the largest share of the blocks that an engine's sequences ever held; None if it never ran."""
        return self._most_held.get(service)

    def _add(self, rows: Columns) -> None:
        inside = _share(rows, self._window)
        arriving = _share(rows, self._arrivals)
        took_s = (rows["end_s"] - rows["begin_s"]) / rows["lanes"]
        decoded = rows["decodes"] * rows["iterations"]
        tokens = decoded + rows["firsts"] + rows["again"]
        held = (rows["blocks"] + rows["blocks_end"]) / (2 * rows["blocks_total"])
        values = (
            took_s * inside,
            rows["iterations"] * inside,
            decoded * inside,
            rows["decodes"] * took_s * inside,
            (held * took_s + rows["held_before"] / (rows["blocks_total"] * rows["lanes"])) * inside,
            tokens * inside,
            rows["prompt_tokens"] * arriving,
            tokens * arriving,
        )
        self._sums.add([rows["service"]], values)
        self.ran.add([rows["service"], rows["node"], rows["device"]], [values[0], rows["watts"] * values[0]])
        for service in np.unique(rows["service"]).tolist():
            mine = (rows["service"] == service) & (inside > 0)
            if mine.any():
                most = np.maximum(rows["blocks"], rows["blocks_end"])[mine] / rows["blocks_total"][mine]
                self._most_held[service] = max(self._most_held.get(service, 0.0), float(most.max()))
                iterations = rows["iterations"][mine] * inside[mine]
                self._batches.setdefault(service, Weighted()).add(rows["decodes"][mine].astype(np.float64), iterations)
            begun = (rows["service"] == service) & (rows["begin_s"] >= self._window[0])
            _add_gaps(self._gaps.setdefault(service, Weighted()), {name: each[begun] for name, each in rows.items()})


def _share(rows: Columns, window: Window) -> Floats:
    """Return the share of each row's time that lies in the window."""
    begin, end = rows["begin_s"], rows["end_s"]
    took_s = end - begin
    at_once = ((begin >= window[0]) & (begin <= window[1])).astype(np.float64)
    found: Floats = np.divide(overlap(begin, end, window), took_s, out=at_once, where=took_s > 0)
    return found


def _add_gaps(gaps: Weighted, rows: Columns) -> None:
    """Add the times between the tokens of all rows."""
    resumed = rows["resumed"].astype(np.float64)
    first_s = np.maximum(rows["first_s"] - rows["begin_s"], 0.0)
    gaps.add(first_s, rows["decodes"] + rows["again"] - resumed)
    longest_s, others = rows["longest_gap_s"], resumed - 1
    left_s = np.divide(resumed * rows["resumed_gap_s"] - longest_s, others, out=np.zeros(len(others)), where=others > 0)
    gaps.add(longest_s, (resumed > 0).astype(np.float64))
    gaps.add(np.maximum(left_s, 0.0), others)
    later = rows["iterations"] - 1
    long = np.flatnonzero((later > 0) & (rows["decodes"] > 0))
    mean_s = (rows["end_s"] - rows["begin_s"]) / rows["iterations"]
    for places in np.split(long, np.flatnonzero(np.diff(np.cumsum(later[long]) // AT_ONCE)) + 1):
        number = later[places]
        which = np.repeat(places, number)
        step = np.arange(len(which)) - np.repeat(np.cumsum(number) - number, number) + 1
        values = first_s[which] + step * (2 * (mean_s - first_s)[which] / later[which])
        gaps.add(np.maximum(values, 0.0), rows["decodes"][which].astype(np.float64))
