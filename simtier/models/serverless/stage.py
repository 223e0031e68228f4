"""A stage whose function the request itself names, as in a trace."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

from simtier.models.stage import Stage
from simtier.models.visit import Part, Server, Visit

if TYPE_CHECKING:
    from simtier.models.app import App
    from simtier.models.timers import Timer


class NamedFunctionStage(Stage):
    """A stage of a platform whose requests each go to a function of their own: that of the trace's row.

    Args:
        function_of: returns a visit's function as a part, made when it is first named.
    """

    def __init__(
        self, name: str, app: App, timer: Timer, function_of: Callable[[Visit], Part], output_bytes: float
    ) -> None:
        # No request comes to the part of the whole: `enter` puts its function's in the place.
        super().__init__(name, app, timer, Part(cast("Server", None)), output_bytes)
        self.function_of = function_of

    @property
    def services(self) -> Sequence[Server]:
        """None is known before the requests are."""
        return ()

    def _entrance(self) -> Callable[[Visit], None]:
        def enter(visit: Visit) -> None:
            part = visit.part = self.function_of(visit)
            part.service.take(visit)

        return enter

    def _admit_join(self, visit: Visit) -> None:
        visit.part = self.function_of(visit)
        visit.part.service.consider(visit)
