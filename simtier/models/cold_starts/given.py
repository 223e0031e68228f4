"""Cold starts whose components are given one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from simtier.models.cold_starts.rows import MakeDraws
from simtier.models.distributions import Distribution
from simtier.models.serverless.spec import COMPONENTS, FunctionSpec, Start, Times
from simtier.streams import Draws


class Drawn:
    """Times that each start draws from distributions, every one with random numbers of its own, read by the start's number.

    Args:
        distributions: by name.
        draws: makes a function's random numbers.
    """

    def __init__(self, distributions: Mapping[str, Distribution], draws: MakeDraws) -> None:
        self._distributions = distributions
        self._make_draws = draws
        self._draws: dict[tuple[str, str], Draws] = {}

    def of(self, name: str, start: Start) -> float:
        """Return the time called `name` of a start, in seconds."""
        distribution = self._distributions[name]
        if distribution.constant:
            return distribution.mean
        key = (start.function.name, name)
        draws = self._draws.get(key)
        if draws is None:
            draws = self._draws[key] = self._make_draws(f"{start.function.name}/cold_start/{name}", distribution.sample)
        return draws(start.number)

    def mean(self, name: str) -> float:
        """Return the mean of the time called `name`."""
        return self._distributions[name].mean


class Given:
    """Each component a time or a distribution, the same for all functions.

    Assumption: components are independent of each other, of the node, and of how many starts are under way.

    Args:
        components: distributions by name of the component; all of `COMPONENTS`.
        draws: makes a function's random numbers.
    """

    def __init__(self, components: Mapping[str, Distribution], draws: MakeDraws) -> None:
        self._drawn = Drawn(components, draws)

    def times(self, start: Start) -> Times:
        return _six(lambda name: self._drawn.of(name, start))

    def expected(self, function: FunctionSpec) -> Times:  # noqa: ARG002 - all functions start alike
        return _six(self._drawn.mean)


def _six(seconds: Callable[[str], float]) -> Times:
    a, b, c, d, e, f = (seconds(name) for name in COMPONENTS)
    return (a, b, c, d, e, f)
