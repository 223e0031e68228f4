"""How long the starts of a function take on average, layer by layer."""

from __future__ import annotations

from collections.abc import Callable

from simtier.models.serverless.spec import COMPONENTS, LAYERS, Times


class StartTimes:
    """Means over the starts so far; before the first what `expected` says."""

    def __init__(self, expected: Callable[[], Times]) -> None:
        self._expected = expected
        self._sums = [0.0] * len(COMPONENTS)
        self._starts = 0

    def learn(self, times: Times) -> None:
        """Take into account how long a start took."""
        self._starts += 1
        self._sums = [a + b for a, b in zip(self._sums, times, strict=True)]

    def layer_s(self) -> tuple[float, float, float]:
        """Return the mean time that the bare, the language and the user layer take to start."""
        means = [total / self._starts for total in self._sums] if self._starts else self._expected()
        told = dict(zip(COMPONENTS, means, strict=True))
        bare, language, user = (sum(told[name] for name in names) for names in LAYERS.values())
        return bare, language, user
