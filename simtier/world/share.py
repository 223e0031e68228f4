"""A share of a scenario: what one of several worlds plays, where the others play the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Share:
    """Whose requests arrive in a world; everything else is built there all the same, and has its numbers.

    Attributes:
        source: whether the requests of a source arrive here, by its name, such as `frames/camera-3`.
        divided: applications whose sources arrive everywhere, each request in the world that plays its function.
        function: whether a function is called here, by its name in the trace; asked only for applications that are divided.
    """

    source: Callable[[str], bool]
    divided: frozenset[str]
    function: Callable[[str], bool]
