"""A small builder that traces shapes through a network and counts operations, weights and what crosses each cut.

What one layer is follows deployed inference engines, which is where a network can really be cut: batch normalisation,
activation and the addition of a skip connection are folded into the convolution or linear layer before them, so a batch
normalisation leaves one bias per channel; concatenation and slicing are views (the producers write into a common buffer),
so they are no layers. Pools, upsampling, layer normalisation and attention are layers. Operations are counted as in published
totals, two per multiply-add of a matrix product, plus one per element and step of the rest; biases and activations are free.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from simtier.errors import CatalogueError
from simtier.models.dnn import Dnn, Layer


@dataclass(frozen=True, slots=True)
class Tensor:
    """A value while tracing: its shape, channels first, and the layers that wrote it (-1 is the network's input)."""

    shape: tuple[int, ...]
    writers: tuple[int, ...]

    @property
    def elements(self) -> int:
        """Numbers in it."""
        return prod(self.shape)

    @property
    def channels(self) -> int:
        """Length of the first axis."""
        return self.shape[0]

    def flat(self) -> Tensor:
        """Return it as one axis of channels."""
        return Tensor((self.elements,), self.writers)

    def part(self, channels: int) -> Tensor:
        """Return some of its channels. The whole stays alive as long as the part."""
        return Tensor((channels, *self.shape[1:]), self.writers)

    def one_place(self) -> Tensor:
        """Return all channels at one place, such as one token. The whole stays alive as long as the part."""
        return Tensor(self.shape[:1], self.writers)


def concat(*tensors: Tensor) -> Tensor:
    """Return the tensors joined along the channels; raises CatalogueError when their other axes differ."""
    places = {tensor.shape[1:] for tensor in tensors}
    if len(places) != 1:
        raise CatalogueError(f"cannot join tensors of shapes {', '.join(str(tensor.shape) for tensor in tensors)}")
    writers = dict.fromkeys(writer for tensor in tensors for writer in tensor.writers)
    return Tensor((sum(tensor.channels for tensor in tensors), *places.pop()), tuple(writers))


class Graph:
    """Records layers in the order they are called; `build` returns the network."""

    def __init__(self, *input_shape: int) -> None:
        self.input = Tensor(input_shape, (-1,))
        self._layers: list[Layer] = []
        self._last_use: dict[int, int] = {}

    def layer(
        self,
        name: str,
        kind: str,
        inputs: tuple[Tensor, ...],
        shape: tuple[int, ...],
        *,
        flop: float,
        parameters: float = 0,
    ) -> Tensor:
        """Append a layer that reads `inputs` and writes one tensor of `shape`."""
        index = len(self._layers)
        for tensor in inputs:
            self._last_use.update(dict.fromkeys(tensor.writers, index))
        read = sum(tensor.elements for tensor in inputs)
        self._layers.append(Layer(name, kind, float(flop), float(parameters), float(read), float(prod(shape))))
        return Tensor(shape, (index,))

    def conv(
        self,
        name: str,
        x: Tensor,
        channels: int,
        kernel: int,
        stride: int = 1,
        *,
        groups: int = 1,
        plus: Tensor | None = None,
    ) -> Tensor:
        """Convolution with bias and activation, padded to keep the size at stride 1; `plus` is added to its result.

        `kernel` is odd, and the padding on each side is half of it, rounded down.
        """
        shape = (channels, *_slide(x, kernel, stride, (kernel - 1) // 2))
        weights = kernel * kernel * x.channels // groups * channels
        kind = "depthwise_conv" if groups == x.channels > 1 else "conv"
        return self._product(name, kind, _inputs(x, plus), shape, weights)

    def patches(self, name: str, x: Tensor, channels: int, size: int) -> Tensor:
        """Convolution over tiles that do not overlap, as vision transformers begin; the result is (channels, tiles)."""
        tiles = prod(_slide(x, size, size, 0))
        return self._product(name, "conv", (x,), (channels, tiles), size * size * x.channels * channels)

    def linear(self, name: str, x: Tensor, channels: int, *, plus: Tensor | None = None) -> Tensor:
        """Matrix product with bias over the channels, at every place of the other axes; `plus` is added to its result."""
        shape = (channels, *x.shape[1:])
        return self._product(name, "linear", _inputs(x, plus), shape, x.channels * channels)

    def pool(self, name: str, x: Tensor, kernel: int, stride: int, padding: int = 0) -> Tensor:
        """Largest value of each window."""
        shape = (x.channels, *_slide(x, kernel, stride, padding))
        return self.layer(name, "pool", (x,), shape, flop=kernel * kernel * prod(shape))

    def mean(self, name: str, x: Tensor) -> Tensor:
        """Mean over all places: one number a channel."""
        return self.layer(name, "pool", (x,), (x.channels,), flop=x.elements)

    def upsample(self, name: str, x: Tensor, factor: int) -> Tensor:
        """Each value repeated `factor` times along both image axes."""
        shape = (x.channels, x.shape[1] * factor, x.shape[2] * factor)
        return self.layer(name, "upsample", (x,), shape, flop=0)

    def layer_norm(self, name: str, x: Tensor) -> Tensor:
        """Layer normalisation: mean, variance, then scale and shift; about eight operations a number."""
        return self.layer(name, "norm", (x,), x.shape, flop=8 * x.elements, parameters=2 * x.channels)

    def attention(self, name: str, qkv: Tensor, heads: int) -> Tensor:
        """Scaled dot-product attention, one fused layer: reads queries, keys and values of shape (3 width, tokens)."""
        width, tokens = qkv.channels // 3, qkv.shape[1]
        products = 2 * 2 * tokens * tokens * width
        softmax = 5 * heads * tokens * tokens  # scale, largest, subtract, exponential, divide
        return self.layer(name, "attention", (qkv,), (width, tokens), flop=products + softmax)

    def _product(
        self, name: str, kind: str, inputs: tuple[Tensor, ...], shape: tuple[int, ...], weights: int
    ) -> Tensor:
        """Append a layer that uses each weight once per place of its result, has a bias, and adds its second input."""
        skips = inputs[1:]
        for skip in skips:
            if skip.shape != shape:
                raise CatalogueError(f"layer {name!r} gives shape {shape}, to which {skip.shape} cannot be added")
        flop = 2 * weights * prod(shape[1:]) + sum(skip.elements for skip in skips)
        return self.layer(name, kind, inputs, shape, flop=flop, parameters=weights + shape[0])

    def build(self, name: str, result: Tensor, source: str = "") -> Dnn:
        """Return the network whose result is `result`."""
        end = len(self._layers)
        last_use = self._last_use | dict.fromkeys(result.writers, end)
        sizes = {-1: float(self.input.elements)} | {i: layer.output_elements for i, layer in enumerate(self._layers)}
        crossing = tuple(
            sum(sizes[writer] for writer, use in last_use.items() if writer < cut <= use) for cut in range(end + 1)
        )
        return Dnn(name, float(self.input.elements), tuple(self._layers), crossing, source)


def _slide(x: Tensor, kernel: int, stride: int, padding: int) -> tuple[int, ...]:
    """Return the image size after a window of `kernel` moved over it by `stride`."""
    return tuple((side + 2 * padding - kernel) // stride + 1 for side in x.shape[1:])


def _inputs(x: Tensor, plus: Tensor | None) -> tuple[Tensor, ...]:
    """Return what a product reads: its operand and, if there is one, what is added to its result."""
    return (x,) if plus is None else (x, plus)
