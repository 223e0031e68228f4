"""A DNN stage: a partitioning policy divides its layers among services of several tiers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any

from simtier.contract import Asker, Partitioning
from simtier.errors import SimulationError
from simtier.models.split_view import SplitFacade
from simtier.models.stage import Stage
from simtier.models.views import RequestFacade
from simtier.models.visit import Part, Visit

if TYPE_CHECKING:
    from simtier.models.app import App
    from simtier.models.replica import Replica
    from simtier.models.service import Service
    from simtier.models.timers import LayerTimer


class DnnStage(Stage):
    """A stage whose layers run on one or more of `services`, nearest first, as the partitioning policy says.

    Data moves from tier to tier in that order, through the node of a tier that runs no layer only if the network leads there.
    """

    def __init__(
        self,
        name: str,
        app: App,
        timer: LayerTimer,
        services: Sequence[Service],
        asker: Asker,
        output_bytes: float,
        result_bytes: float,
    ) -> None:
        super().__init__(name, app, timer, Part(services[0]), output_bytes)
        self._result_bytes = result_bytes
        self._salts = [app.new_salt() for _ in services]
        self._views: dict[tuple[str, str, float], SplitFacade] = {}
        self._crossing: dict[float, tuple[float, ...]] = {}
        self.layers = timer
        self._services = services
        self._asker = asker
        self._depth = len(timer.dnn.layers)
        self._parts: dict[tuple[int, int, int], Part] = {}
        self._plans: dict[tuple[int, ...], tuple[tuple[Part, float], ...]] = {}
        self._remembered: dict[SplitFacade, tuple[float, tuple[int, ...]]] = {}

    @property
    def services(self) -> Sequence[Service]:
        return self._services

    def _entrance(self) -> Callable[[Visit], None]:
        return self._split

    def _split(self, visit: Visit) -> None:
        """Ask how to split, and send the request to the first part."""
        self._take_plan(visit)
        visit.part.service.take(visit)

    def _admit_join(self, visit: Visit) -> None:
        """Ask how to split at the first input; all of them go to the replica that runs the first part."""
        self._take_plan(visit)
        visit.part.service.consider(visit)

    def _take_plan(self, visit: Visit) -> None:
        plan = self._plan(self._cuts(visit))
        visit.part = plan[0][0]
        visit.later = plan[1:]

    def _exit(self) -> Callable[[Visit], None]:
        return self._next_part

    def _next_part(self, visit: Visit) -> None:
        """Send what crosses the cut to the next part, or finish the stage."""
        if self.revocable and visit.id not in self.app.alive:
            return
        if not visit.later:
            self.done(visit)
            return
        part, nbytes = visit.later[0]
        following = visit.onward(self, part, nbytes, self._clock.now, self._salts[len(visit.later)])
        following.later = visit.later[1:]
        part.service.take(following)

    def crossing_bytes(self, input_bytes: float) -> tuple[float, ...]:
        """Return the bytes to move at each cut, for a request that brings `input_bytes`."""
        crossing = self._crossing.get(input_bytes)
        if crossing is None:
            inner = [self.layers.dnn.crossing_bytes(cut, self.layers.precision) for cut in range(1, self._depth)]
            crossing = self._crossing[input_bytes] = (input_bytes, *inner, self._result_bytes)
        return crossing

    def path_view(self, visit: Visit) -> SplitFacade:
        """Return what the policy sees: tiers, hops and bytes for a request at `visit`."""
        replicas = tuple(self._nearest(service, visit.at) for service in self._services)
        key = _seen_by(visit)
        view = self._views.get(key)
        if view is None or view.replicas != replicas:
            network = self._services[0].network
            view = self._views[key] = SplitFacade(self, replicas, network, *key)
        return view

    def _nearest(self, service: Service, node: str) -> Replica:
        replica = service.nearest(node) or service.known_replica()
        if replica is None:
            raise SimulationError(
                f"service {service.name!r} has never had a replica, so stage {self.name!r} cannot tell how its layers would run there: "
                "start it with at least one"
            )
        return replica

    def _cuts(self, visit: Visit) -> tuple[int, ...]:
        policy = self._asker.policy
        assert isinstance(policy, Partitioning)
        if len(self._services) == 1:
            return ()
        view = self.path_view(visit)
        if policy.on_link_change:
            until, cuts = self._remembered.get(view, (-1.0, ()))
            if self._clock.now < until:
                return cuts
        cuts = self._checked(self._asker.ask(policy.split, RequestFacade(visit), view))
        if policy.on_link_change:
            self._remembered[view] = (view.valid_until_s(self._clock.now), cuts)
        return cuts

    def _checked(self, answer: Any) -> tuple[int, ...]:
        expected = f"{len(self._services) - 1} layer numbers, not decreasing, each from 0 to {self._depth}"
        if isinstance(answer, str) or not isinstance(answer, Sequence):
            raise self._asker.wrong(answer, expected)
        whole = all(isinstance(cut, Integral) and not isinstance(cut, bool) for cut in answer)
        bounds = (0, *answer, self._depth)
        if len(answer) != len(self._services) - 1 or not whole or list(bounds) != sorted(bounds):
            raise self._asker.wrong(answer, expected)
        return tuple(int(cut) for cut in answer)

    def _plan(self, cuts: tuple[int, ...]) -> tuple[tuple[Part, float], ...]:
        """Return the parts that have layers, each with the bytes it is handed."""
        plan = self._plans.get(cuts)
        if plan is None:
            bounds = (0, *cuts, self._depth)
            dnn, precision = self.layers.dnn, self.layers.precision
            plan = self._plans[cuts] = tuple(
                (self._part(k, bounds[k], bounds[k + 1]), dnn.crossing_bytes(bounds[k], precision))
                for k in range(len(self._services))
                if bounds[k] < bounds[k + 1]
            )
        return plan

    def _part(self, tier: int, first: int, last: int) -> Part:
        part = self._parts.get((tier, first, last))
        if part is None:
            whole = first == 0 and last == self._depth
            name = "all layers" if whole else f"layers {first} to {last - 1}"
            part = self._parts[tier, first, last] = Part(self._services[tier], name, first, last)
        return part


def _seen_by(visit: Visit) -> tuple[str, str, float]:
    """Return all that the view of a visit depends on: where it is, where its answer goes, how much data it has."""
    return (visit.at, visit.origin.node, visit.nbytes)
