"""What a plot over time needs of a stream of unknown length: bins that widen, rows that thin out."""

from __future__ import annotations

import numpy as np

from simtier.traces.statistics.quantiles import Floats

MOST_BINS = 400
_HELD = 4096
_WIDTHS_S = (0.001, 0.01, 0.1, 1, 5, 10, 30, 60, 300, 600, 1800, 3600, 10800, 21600, 86400, 604800)
"""Each divides the next, so that bins only ever merge."""


class TimeBins:
    """Sums and numbers of values in equal bins of time from 0; the bins merge to a wider width when they become too many."""

    def __init__(self) -> None:
        self._step = 0
        self._until_s = 0.0
        self._sums = np.zeros(_HELD)
        self._counts = np.zeros(_HELD)

    @property
    def width_s(self) -> float:
        """Present width of a bin, in seconds."""
        last = len(_WIDTHS_S) - 1
        return float(_WIDTHS_S[min(self._step, last)] * 10 ** max(self._step - last, 0))

    def add(self, times: Floats, values: Floats) -> None:
        """Take in values at times in seconds from the trace's first row, in order."""
        self._until_s = float(times[-1])
        while self._until_s / self.width_s >= _HELD:
            self._widen()
        places = np.floor_divide(times, self.width_s).astype(np.int64)
        self._sums += np.bincount(places, weights=values, minlength=_HELD)
        self._counts += np.bincount(places, minlength=_HELD)

    def bins(self) -> tuple[Floats, Floats, Floats]:
        """Return the beginnings, sums and numbers of at most MOST_BINS bins; of more than three, none that was cut short."""
        while self._until_s / self.width_s >= MOST_BINS:
            self._widen()
        used = int(self._until_s // self.width_s) + 1
        used = used - 1 if used > 3 else used
        return np.arange(used, dtype=np.float64) * self.width_s, self._sums[:used], self._counts[:used]

    def _widen(self) -> None:
        before = self.width_s
        self._step += 1
        factor = round(self.width_s / before)
        self._sums, self._counts = _merged(self._sums, factor), _merged(self._counts, factor)


class Thinned:
    """Every row, or every second, fourth, ... of a stream: as many as keep between `most` and half of it."""

    def __init__(self, most: int = 4000) -> None:
        self.stride = 1
        self._most = most
        self._seen = 0
        self._times = np.empty(0)
        self._values = np.empty(0)

    def add(self, times: Floats, values: Floats) -> None:
        """Take in the next rows."""
        start = -self._seen % self.stride
        self._seen += len(times)
        self._times = np.concatenate([self._times, times[start :: self.stride]])
        self._values = np.concatenate([self._values, values[start :: self.stride]])
        while len(self._times) > self._most:
            self._times, self._values, self.stride = self._times[::2], self._values[::2], self.stride * 2

    def rows(self) -> tuple[Floats, Floats]:
        """Return the times and values kept."""
        return self._times, self._values


def _merged(values: Floats, factor: int) -> Floats:
    padded = np.concatenate([values, np.zeros(-len(values) % factor)])
    sums = padded.reshape(-1, factor).sum(axis=1)
    return np.concatenate([sums, np.zeros(_HELD - len(sums))])
