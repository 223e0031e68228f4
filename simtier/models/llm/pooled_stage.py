"""A stage with tokens that several pools of engines may serve: one computes the prompt, and another may decode."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from simtier.contract import Asker
from simtier.contract.disaggregation import Disaggregation
from simtier.models.stage import Stage
from simtier.models.views import RequestFacade
from simtier.models.visit import Part, Visit

if TYPE_CHECKING:
    from simtier.models.app import App
    from simtier.models.llm.tokens import TokenTimer
    from simtier.models.service import Service


class PooledStage(Stage):
    """A stage whose requests are served by one or two of `services`, as the disaggregation policy says.

    Keys and values move only between services that run the same model.
    """

    def __init__(
        self,
        name: str,
        app: App,
        timer: TokenTimer,
        services: Sequence[Service],
        asker: Asker,
        output_bytes: float,
    ) -> None:
        super().__init__(name, app, timer, Part(services[0]), output_bytes)
        self._services = services
        self._asker = asker
        self._views = tuple(service.view for service in services)
        self._both = [Part(service) for service in services]
        self._prompts = [Part(service, "prompt") for service in services]
        self._tokens = [Part(service, "tokens") for service in services]
        self._salt = app.new_salt()

    @property
    def services(self) -> Sequence[Service]:
        return self._services

    def _entrance(self) -> Callable[[Visit], None]:
        return self._divide

    def _divide(self, visit: Visit) -> None:
        """Ask which pools serve it, and send the request to the first."""
        self._take_parts(visit)
        visit.part.service.take(visit)

    def _admit_join(self, visit: Visit) -> None:
        self._take_parts(visit)
        visit.part.service.consider(visit)

    def _take_parts(self, visit: Visit) -> None:
        policy = self._asker.policy
        assert isinstance(policy, Disaggregation)
        first, second = self._places(self._asker.ask(policy.pools, RequestFacade(visit), self._views))
        if first == second:
            visit.part, visit.later = self._both[first], ()
        else:
            visit.part, visit.later = self._prompts[first], (self._tokens[second],)

    def _places(self, answer: Any) -> tuple[int, int]:
        """Return where in the split the two pools of an answer stand."""
        pair = answer if isinstance(answer, tuple) and len(answer) == 2 else ()
        found = [place for pool in pair for place, view in enumerate(self._views) if view is pool]
        if len(found) < 2:
            raise self._asker.wrong(answer, "two of the pools it was shown: for the prompt, and for the tokens")
        first, second = found
        if self._services[first].spec.model != self._services[second].spec.model:
            raise self._asker.wrong(answer, "two pools that run the same model, or one pool twice")
        return first, second

    def beyond(self, visit: Visit) -> Visit:
        """Return the visit of the same request to the pool that decodes."""
        return visit.onward(self, visit.later[0], 0.0, self._clock.now, self._salt)
