"""A neural network as a chain of layers that can be cut anywhere, with what crosses each cut.

Layers stand in the order they run. A cut at i puts layers 0 to i-1 before it and the rest after it, so a network of L layers
has the cuts 0 (all after) to L (all before). With skip connections several tensors cross one cut; they are all counted, each
once. Assumptions: one fixed input shape, no control flow that depends on data, and tensors cross a cut uncompressed.
"""

from __future__ import annotations

from dataclasses import dataclass

from simtier.errors import CatalogueError
from simtier.models.precision import bytes_per_element


@dataclass(frozen=True, slots=True)
class Layer:
    """One step of a network, per input item.

    Attributes:
        name: unique within its network.
        kind: conv, depthwise_conv, linear, pool, add, norm, attention, ...
        flop: operations; a multiply and an add count as two.
        parameters: numbers that must be loaded, folded normalisation included; not multiplied by the batch.
        input_elements: numbers read, all inputs together.
        output_elements: numbers written.
    """

    name: str
    kind: str
    flop: float
    parameters: float
    input_elements: float
    output_elements: float


@dataclass(frozen=True, slots=True)
class Dnn:
    """A network of L layers.

    Attributes:
        name: its key in the catalogue.
        input_elements: numbers of one input item.
        layers: in the order they run.
        crossing_elements: length L + 1; numbers alive across cut i. The first is the input, the last the result.
        source: the paper and the published totals.
    """

    name: str
    input_elements: float
    layers: tuple[Layer, ...]
    crossing_elements: tuple[float, ...]
    source: str = ""

    def __post_init__(self) -> None:
        if not self.layers:
            raise CatalogueError(f"network {self.name!r} has no layers")
        if len(self.crossing_elements) != len(self.layers) + 1:
            raise CatalogueError(
                f"network {self.name!r} has {len(self.layers)} layers and so {len(self.layers) + 1} cuts, "
                f"but crossing_elements has {len(self.crossing_elements)} values"
            )

    @property
    def flop(self) -> float:
        """Operations of one whole inference."""
        return sum(layer.flop for layer in self.layers)

    @property
    def parameters(self) -> float:
        """Numbers of all layers' weights."""
        return sum(layer.parameters for layer in self.layers)

    def crossing_bytes(self, cut: int, precision: str) -> float:
        """Return the bytes of one item that cross `cut`, in 0..L, when tensors are sent in `precision`.

        Cut 0 is the decoded input in that precision: a compressed image is smaller, and its size is the request's affair.
        """
        self._check_range(cut, cut)
        return self.crossing_elements[cut] * bytes_per_element(precision)

    def weight_bytes(self, first: int, last: int, precision: str) -> float:
        """Return the bytes of the weights of layers `first` up to, and without, `last`."""
        self._check_range(first, last)
        return sum(layer.parameters for layer in self.layers[first:last]) * bytes_per_element(precision)

    def segment_flop(self, first: int, last: int) -> float:
        """Return the operations of one item in layers `first` up to, and without, `last`."""
        self._check_range(first, last)
        return sum(layer.flop for layer in self.layers[first:last])

    def _check_range(self, first: int, last: int) -> None:
        if not 0 <= first <= last <= len(self.layers):
            raise CatalogueError(
                f"network {self.name!r} has cuts 0 to {len(self.layers)}, in order: got {first!r} to {last!r}"
            )
