"""The roofline cost model: how long layers take on a processor.

A layer takes as long as the slower of its arithmetic and its memory traffic, plus a fixed overhead (Williams, Waterman,
Patterson: Roofline, Communications of the ACM 52(4), 2009):

    t = max(batch flop / (peak eff_c), (weights + batch (inputs + outputs)) bytes / (bandwidth eff_m)) + overhead

Assumptions: weights are read once a batch, activations go to memory and back between layers, compute and traffic overlap
fully within a layer and not at all between layers, and the efficiencies do not depend on the layer or on the batch.
Applies to dense networks whose layers fill the device. Where small batches leave a large GPU half empty it is too
optimistic, and where a cache holds the activations too pessimistic: use a measured profile there.
"""

from __future__ import annotations

from itertools import accumulate

from simtier.errors import CatalogueError
from simtier.models.dnn import Dnn, Layer
from simtier.models.hardware import Processor
from simtier.models.precision import BYTES_PER_ELEMENT, bytes_per_element

__all__ = ["BYTES_PER_ELEMENT", "SegmentTimes", "layer_seconds", "roofline_seconds", "segment_seconds"]


def roofline_seconds(flop: float, bytes: float, processor: Processor, batch: int = 1) -> float:  # noqa: A002 - the quantity's name
    """Return the seconds of a stage given by its operations and the bytes it moves, both per item."""
    return _roofline(batch * flop, batch * bytes, processor)


def layer_seconds(layer: Layer, processor: Processor, batch: int, bytes_per_element: float) -> float:
    """Return the seconds `layer` takes for `batch` items; never below operations over peak or bytes over bandwidth."""
    elements = layer.parameters + batch * (layer.input_elements + layer.output_elements)
    return _roofline(batch * layer.flop, elements * bytes_per_element, processor)


def segment_seconds(dnn: Dnn, first: int, last: int, processor: Processor, batch: int, precision: str) -> float:
    """Return the seconds of layers `first` up to, and without, `last` for `batch` items stored in `precision`."""
    return SegmentTimes(dnn, processor, precision).seconds(first, last, batch)


class SegmentTimes:
    """Times of every segment of one network on one processor, each answered in O(1) once its batch size was seen.

    Sums are differences of prefix sums, so a segment's time may differ from adding up its layers by the rounding of the
    whole network's time: less than L times 1.2e-16 of it.
    """

    def __init__(self, dnn: Dnn, processor: Processor, precision: str) -> None:
        self._dnn = dnn
        self._processor = processor
        self._width = bytes_per_element(precision)
        self._prefix: dict[int, tuple[float, ...]] = {}

    def seconds(self, first: int, last: int, batch: int = 1) -> float:
        """Return the seconds of layers `first` up to, and without, `last` for `batch` items.

        Raises CatalogueError unless 0 <= first <= last <= number of layers and batch >= 1.
        """
        prefix = self._prefix.get(batch) or self._add(batch)
        if not 0 <= first <= last < len(prefix):
            raise CatalogueError(
                f"network {self._dnn.name!r} has cuts 0 to {len(prefix) - 1}: got {first!r} to {last!r}"
            )
        return prefix[last] - prefix[first]

    def _add(self, batch: int) -> tuple[float, ...]:
        if batch < 1:
            raise CatalogueError(f"a batch has at least one item, got {batch!r}")
        times = (layer_seconds(layer, self._processor, batch, self._width) for layer in self._dnn.layers)
        prefix = tuple(accumulate(times, initial=0.0))
        self._prefix[batch] = prefix
        return prefix


def _roofline(flop: float, moved: float, processor: Processor) -> float:
    return max(flop / processor.flop_per_s, moved / processor.bytes_per_s) + processor.overhead_s
