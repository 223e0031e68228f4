"""Starts of instances in one replication: how long they took, and what became of the instances.

Memory follows the number of starts: they are kept as arrays, with a table of their places by the number of the instance.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simtier.metrics.reading import Columns, Sums, Texts
from simtier.models.serverless.spec import COMPONENTS

Window = tuple[float, float]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
IN_USE = ("busy", "draining")
"""States of an instance that has requests."""
COLUMNS = (
    "replication",
    "request",
    "service",
    "replica",
    "began_s",
    "ready_s",
    *(f"{name}_s" for name in COMPONENTS),
)

_KEPT = {"service": np.int64, "request": np.int64, "replica": np.int64, "began_s": np.float64, "ready_s": np.float64}


def within(times: Floats, window: Window) -> Flags:
    """Return which times lie in the window, its ends counted in."""
    inside: Flags = (times >= window[0]) & (times <= window[1])
    return inside


class Starts:
    """All starts of one replication.

    Args:
        batches: rows of the starts table.
        texts: numbers of names.
        window: the time counted.
    """

    def __init__(self, batches: Iterator[Columns], texts: Texts, window: Window) -> None:
        self._texts = texts
        self._window = window
        self._components = Sums(len(COMPONENTS))
        pieces: list[Columns] = [{name: np.empty(0, dtype=kind) for name, kind in _KEPT.items()}]
        for rows in batches:
            done = within(rows["began_s"], window) & ~np.isnan(rows["ready_s"])
            self._components.add([rows["service"][done]], [rows[f"{name}_s"][done] for name in COMPONENTS])
            pieces.append({name: rows[name] for name in _KEPT})
        self._service, self._request, instances, self._began_s, self._ready_s = (
            np.concatenate([piece[name] for piece in pieces]) for name in _KEPT
        )
        self._place = np.full(int(instances.max(initial=-1)) + 1, -1)
        self._place[instances] = np.arange(len(instances))
        self._last_s = self._ready_s.copy()
        self._ended_s = np.full(len(instances), np.nan)

    def follow(self, rows: Columns) -> None:
        """Take in states of instances: when each was last in use, and when it ended."""
        place, known = self._places(rows["replica"])
        used = known & np.isin(rows["state"], [self._texts.code(name) for name in IN_USE])
        ended = known & (rows["state"] == self._texts.code("expired"))
        np.fmax.at(self._last_s, place[used], rows["end_s"][used])
        self._ended_s[place[ended]] = rows["start_s"][ended]

    def awaited_s(self, visits: Columns) -> Floats:
        """Return for each visit how long the start took that it waited for and was first to be served by; 0 for all others.

        Of several visits of one request, such as copies of a stage in one batch, it is told for the first.
        """
        place, first = self._places(visits["replica"])
        first &= visits["start"] == self._texts.code("cold")
        first[first] = self._request[place[first]] == visits["request"][first]
        candidates = np.flatnonzero(first)
        first[:] = False
        first[candidates[np.unique(place[candidates], return_index=True)[1]]] = True
        found = np.zeros(len(place))
        found[first] = (self._ready_s - self._began_s)[place[first]]
        return found

    def called_off(self, service: int) -> int:
        """Return how many starts of a platform were called off in the window, whenever they began."""
        return int((self._of(service) & self._is_called_off & within(self._ended_s, self._window)).sum())

    def metrics(self, service: int) -> dict[str, Any]:
        """Return how many starts of a platform began in the window, what became of them, and how long they took."""
        begun = self._of(service) & within(self._began_s, self._window)
        done = begun & ~np.isnan(self._ready_s)
        took_s, used_s = (self._ready_s - self._began_s)[done], (self._last_s - self._ready_s)[done]
        utility = (used_s / np.where(took_s > 0, took_s, np.nan))[took_s > 0]
        sums = self._components.by_key.get((service,), np.zeros(len(COMPONENTS)))
        return {
            "starts": int(begun.sum()),
            "starts_ahead": int((done & (self._request < 0)).sum()),
            "starts_called_off": int((begun & self._is_called_off).sum()),
            "cold_start_s": distribution(took_s),
            "component_s": _over(sums, len(took_s)),
            "component_share": _over(sums, float(sums.sum())),
            "utility": {
                "p50": float(np.quantile(utility, 0.5)) if len(utility) else None,
                "below_1": float((utility < 1).mean()) if len(utility) else None,
            },
        }

    @property
    def _is_called_off(self) -> Flags:
        """Which were ended before they were done: not ready, and gone before the end of the run."""
        gone: Flags = np.isnan(self._ready_s) & ~np.isnan(self._ended_s)
        return gone

    def _of(self, service: int) -> Flags:
        mine: Flags = self._service == service
        return mine

    def _places(self, instances: NDArray[np.int64]) -> tuple[NDArray[np.int64], Flags]:
        """Return where each instance stands among the starts, and whether it does: provisioned ones do not."""
        place = np.full(len(instances), -1)
        inside = (instances >= 0) & (instances < len(self._place))
        place[inside] = self._place[instances[inside]]
        return place, place >= 0


def _over(sums: Floats, whole: float) -> dict[str, float | None]:
    return {name: float(part) / whole if whole else None for name, part in zip(COMPONENTS, sums, strict=True)}


def distribution(seconds: Floats) -> dict[str, float | None]:
    """Return mean, quantiles and maximum, each None if there are no times."""
    if not len(seconds):
        return dict.fromkeys(("mean", *QUANTILES, "max"))
    quantiles = np.quantile(seconds, list(QUANTILES.values())).tolist()
    return {"mean": float(seconds.mean()), **dict(zip(QUANTILES, quantiles, strict=True)), "max": float(seconds.max())}
