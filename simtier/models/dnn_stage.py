"""A DNN stage: a partitioning policy divides its layers among services of several tiers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from simtier.contract import Asker, Partitioning
from simtier.errors import SimulationError
from simtier.models.cost import SegmentTimes, roofline_seconds
from simtier.models.dnn import Dnn
from simtier.models.request import Part, Request, Visit
from simtier.models.split_view import SplitFacade
from simtier.models.stage import Stage
from simtier.models.views import RequestFacade

if TYPE_CHECKING:
    from simtier.models.app import App
    from simtier.models.hardware import Processor
    from simtier.models.replica import Replica
    from simtier.models.service import Service


def processor_of(replica: Replica, precision: str) -> Processor:
    """Return what a replica computes on: its accelerator, or its share of the node's cores."""
    if replica.device is not None:
        return replica.device.spec.processor(precision)
    processor = replica.node.processor(precision, min(replica.service.cores, replica.node.cores))
    if processor is None:
        raise SimulationError(f"node {replica.node.name!r} has no known hardware, so no cost model can time work there")
    return processor


class LayerTimer:
    """Times of DNN layers by the roofline model, on whatever the replica runs on."""

    def __init__(self, dnn: Dnn, precision: str) -> None:
        self.dnn = dnn
        self.precision = precision
        self._tables: dict[Processor, SegmentTimes] = {}

    def typical_s(self, replica: Replica) -> float:
        return self.table(replica).seconds(0, len(self.dnn.layers), 1)

    def seconds(self, visit: Visit, replica: Replica) -> float:
        return self.table(replica).seconds(visit.part.first, visit.part.last, 1)

    def batch_seconds(self, batch: Sequence[Visit], replica: Replica) -> float:
        part = batch[0].part
        return self.table(replica).seconds(part.first, part.last, len(batch))

    def table(self, replica: Replica) -> SegmentTimes:
        """Return the times of all segments on this replica's processor."""
        table: SegmentTimes | None = replica.times.get(self)
        if table is None:
            processor = processor_of(replica, self.precision)
            table = self._tables.get(processor)
            if table is None:
                table = self._tables[processor] = SegmentTimes(self.dnn, processor, self.precision)
            replica.times[self] = table
        return table


class CostTimer:
    """The time of a stage given by operations and bytes, by the roofline model."""

    def __init__(self, flop: float, nbytes: float, precision: str) -> None:
        self._flop, self._nbytes, self._precision = flop, nbytes, precision

    def typical_s(self, replica: Replica) -> float:
        return self._time(replica, 1)

    def seconds(self, visit: Visit, replica: Replica) -> float:
        return self._time(replica, 1)

    def batch_seconds(self, batch: Sequence[Visit], replica: Replica) -> float:
        return self._time(replica, len(batch))

    def _time(self, replica: Replica, batch: int) -> float:
        seconds: float | None = replica.times.get((self, batch))
        if seconds is None:
            processor = processor_of(replica, self._precision)
            seconds = replica.times[self, batch] = roofline_seconds(self._flop, self._nbytes, processor, batch)
        return seconds


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
        self._crossing: dict[float, tuple[float, ...]] = {}
        self.layers = timer
        self._services = services
        self._asker = asker
        self._depth = len(timer.dnn.layers)
        self._parts: dict[tuple[int, int, int], Part] = {}
        self._plans: dict[tuple[int, ...], tuple[tuple[Part, float], ...]] = {}
        self._remembered: dict[str, tuple[float, tuple[int, ...]]] = {}

    def _enter(self, request: Request, at: str, nbytes: float) -> None:
        """Ask how to split, and send the request to the first part."""
        first = Visit(request, self, self.whole, at, nbytes, self._clock.now)
        plan = self._plan(self._cuts(first))
        part, later = plan[0][0], plan[1:]
        first.part = part
        first.later = later
        part.service.take(first)

    def _after(self) -> Callable[[Visit], None]:
        return self._next_part

    def _next_part(self, visit: Visit) -> None:
        """Send what crosses the cut to the next part, or finish the stage."""
        if visit.request.over:
            return
        if not visit.later:
            self.done(visit)
            return
        part, nbytes = visit.later[0]
        following = Visit(visit.request, self, part, visit.at, nbytes, self._clock.now)
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
        return SplitFacade(self, self._services, visit)

    def _cuts(self, visit: Visit) -> tuple[int, ...]:
        policy = self._asker.policy
        assert isinstance(policy, Partitioning)
        if len(self._services) == 1:
            return ()
        if policy.on_link_change:
            until, cuts = self._remembered.get(visit.at, (-1.0, ()))
            if self._clock.now < until:
                return cuts
        view = self.path_view(visit)
        cuts = self._checked(self._asker.ask(policy.split, RequestFacade(visit), view))
        if policy.on_link_change:
            self._remembered[visit.at] = (view.valid_until_s(), cuts)
        return cuts

    def _checked(self, answer: Any) -> tuple[int, ...]:
        expected = f"{len(self._services) - 1} layer numbers, not decreasing, each from 0 to {self._depth}"
        if isinstance(answer, str) or not isinstance(answer, Sequence):
            raise self._asker.wrong(answer, expected)
        whole = all(isinstance(cut, int) and not isinstance(cut, bool) for cut in answer)
        bounds = (0, *answer, self._depth)
        if len(answer) != len(self._services) - 1 or not whole or list(bounds) != sorted(bounds):
            raise self._asker.wrong(answer, expected)
        return tuple(answer)

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
