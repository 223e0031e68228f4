"""How long a stage takes on a replica: a constant, a draw, or a cost model."""

from __future__ import annotations

from collections.abc import Sequence
from operator import mul
from typing import TYPE_CHECKING, Protocol

from simtier.errors import SimulationError
from simtier.models.cost import SegmentTimes, roofline_seconds
from simtier.streams import BLOCK_BITS, BLOCK_MASK

if TYPE_CHECKING:
    from simtier.models.dnn import Dnn
    from simtier.models.hardware import Processor
    from simtier.models.replica import Replica
    from simtier.models.visit import Visit
    from simtier.streams import Draws


class Timer(Protocol):
    """How long a stage takes on a replica."""

    by_cores: bool
    """Whether the time depends on the cores of the replica; if not, it is that on a whole core."""

    def typical_s(self, replica: Replica, batch: int = 1) -> float:
        """Return the mean service time of the whole stage on `replica`, alone, or of a batch whose requests all take the mean."""

    def seconds(self, visit: Visit, replica: Replica) -> float:
        """Return the service time of one visit, alone."""

    def batch_seconds(self, batch: Sequence[Visit], replica: Replica) -> float:
        """Return the service time of a batch of visits to the same part."""


class ConstantTimer:
    """The same time for every request, divided by the node's speed; a batch adds `batch_cost` times the time for each further one."""

    by_cores = False

    def __init__(self, time_s: float, batch_cost: float) -> None:
        self._time_s = time_s
        self._batch_cost = batch_cost

    def typical_s(self, replica: Replica, batch: int = 1) -> float:
        return self._time_s / replica.node.speed * (1 + self._batch_cost * (batch - 1))

    def seconds(self, visit: Visit, replica: Replica) -> float:  # noqa: ARG002 - the same for all
        return self._time_s / replica.node.speed

    def batch_seconds(self, batch: Sequence[Visit], replica: Replica) -> float:
        return self._time_s / replica.node.speed * (1 + self._batch_cost * (len(batch) - 1))


class DrawnTimer:
    """A time drawn for each request, divided by the node's speed.

    A batch takes its longest time plus `batch_cost` times the other times: 1 is one after the other, 0 fully in parallel. If `padded`
    each of the others counts as much as the longest.
    """

    by_cores = False

    def __init__(self, draws: Draws, mean_s: float, batch_cost: float, *, padded: bool = False) -> None:
        self._draws = draws
        self._mean_s = mean_s
        self._batch_cost = batch_cost
        self._padded = padded

    def typical_s(self, replica: Replica, batch: int = 1) -> float:
        return self._mean_s / replica.node.speed * (1 + self._batch_cost * (batch - 1))

    def seconds(self, visit: Visit, replica: Replica) -> float:
        # Draws.__call__ without the call: every request of most runs comes by here.
        index, draws = visit.id, self._draws
        if index >> BLOCK_BITS != draws.block:
            draws.load(index >> BLOCK_BITS)
        return draws.values[index & BLOCK_MASK] / replica.node.speed

    def batch_seconds(self, batch: Sequence[Visit], replica: Replica) -> float:
        return _together_s(batch, replica, self._batch_cost, padded=self._padded)


class TracedTimer:
    """A time made of what the trace tells of the request, divided by the node's speed; batches as in DrawnTimer.

    Args:
        base_s: the same for all.
        weights: seconds for each unit of each number of `Visit.traced`.
        mean_s: the mean over the first rows of the trace, for those who ask before a request is known.
    """

    by_cores = False

    def __init__(
        self, base_s: float, weights: tuple[float, ...], mean_s: float, batch_cost: float, *, padded: bool = False
    ) -> None:
        self._base_s = base_s
        self._weights = weights
        self._mean_s = mean_s
        self._batch_cost = batch_cost
        self._padded = padded

    def typical_s(self, replica: Replica, batch: int = 1) -> float:
        return self._mean_s / replica.node.speed * (1 + self._batch_cost * (batch - 1))

    def seconds(self, visit: Visit, replica: Replica) -> float:
        told_s: float = sum(map(mul, self._weights, visit.traced))
        return (self._base_s + told_s) / replica.node.speed

    def batch_seconds(self, batch: Sequence[Visit], replica: Replica) -> float:
        return _together_s(batch, replica, self._batch_cost, padded=self._padded)


def _together_s(batch: Sequence[Visit], replica: Replica, batch_cost: float, *, padded: bool) -> float:
    """Return how long a batch takes whose requests take times of their own."""
    times = [visit.stage.seconds(visit, replica) for visit in batch]
    longest = max(times)
    others_s = longest * (len(times) - 1) if padded else sum(times) - longest
    return longest + batch_cost * others_s


class CostTimer:
    """The time of a stage given by operations and bytes, by the roofline model."""

    by_cores = True

    def __init__(self, flop: float, nbytes: float, precision: str) -> None:
        self._flop, self._nbytes, self._precision = flop, nbytes, precision

    def typical_s(self, replica: Replica, batch: int = 1) -> float:
        return self._time(replica, batch)

    def seconds(self, visit: Visit, replica: Replica) -> float:  # noqa: ARG002 - the same for all
        return self._time(replica, 1)

    def batch_seconds(self, batch: Sequence[Visit], replica: Replica) -> float:
        return self._time(replica, len(batch))

    def _time(self, replica: Replica, batch: int) -> float:
        seconds: float | None = replica.times.get((self, batch))
        if seconds is None:
            processor = processor_of(replica, self._precision)
            seconds = replica.times[self, batch] = roofline_seconds(self._flop, self._nbytes, processor, batch)
        return seconds


class LayerTimer:
    """Times of DNN layers by the roofline model, on whatever the replica runs on."""

    by_cores = True

    def __init__(self, dnn: Dnn, precision: str) -> None:
        self.dnn = dnn
        self.precision = precision
        self._tables: dict[Processor, SegmentTimes] = {}

    def typical_s(self, replica: Replica, batch: int = 1) -> float:
        return self.table(replica).seconds(0, len(self.dnn.layers), batch)

    def seconds(self, visit: Visit, replica: Replica) -> float:
        return self.table(replica).seconds(visit.part.first, visit.part.last, 1)

    def batch_seconds(self, batch: Sequence[Visit], replica: Replica) -> float:
        part = batch[0].part
        return self.table(replica).seconds(part.first, part.last, len(batch))

    def layer_s(self, replica: Replica) -> tuple[float, ...]:
        """Return the time of each layer alone, unbatched."""
        times: tuple[float, ...] | None = replica.times.get(("layers", self))
        if times is None:
            table = self.table(replica)
            times = tuple(table.seconds(k, k + 1, 1) for k in range(len(self.dnn.layers)))
            replica.times["layers", self] = times
        return times

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


def processor_of(replica: Replica, precision: str) -> Processor:
    """Return what one slot of a replica computes on: its accelerator, or its share of the replica's cores."""
    if replica.device is not None:
        return replica.device.spec.processor(precision)
    processor = replica.node.processor(precision, min(replica.cores_each, replica.node.cores))
    if processor is None:
        raise SimulationError(f"node {replica.node.name!r} has no known hardware, so no cost model can time work there")
    return processor
