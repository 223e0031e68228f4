"""ResNet (He et al., Deep Residual Learning for Image Recognition, CVPR 2016), as in torchvision: stride on the 3x3."""

from __future__ import annotations

from collections.abc import Callable

from simtier.models.dnn import Dnn
from simtier.models.dnn_graph import Graph, Tensor

_Block = Callable[[Graph, str, Tensor, int, int], Tensor]
_SOURCE = "He et al., CVPR 2016; torchvision {name}: {parameters} parameters before folding, {gmac} GMAC"


def resnet18() -> Dnn:
    """Return ResNet-18 for 224x224 images."""
    return _resnet(
        "resnet18", _basic, (2, 2, 2, 2), _SOURCE.format(name="resnet18", parameters="11,689,512", gmac="1.814")
    )


def resnet50() -> Dnn:
    """Return ResNet-50 for 224x224 images."""
    return _resnet(
        "resnet50", _bottleneck, (3, 4, 6, 3), _SOURCE.format(name="resnet50", parameters="25,557,032", gmac="4.089")
    )


def _resnet(name: str, block: _Block, repeats: tuple[int, ...], source: str) -> Dnn:
    graph = Graph(3, 224, 224)
    x = graph.conv("stem", graph.input, 64, 7, stride=2)
    x = graph.pool("stem.pool", x, 3, 2, padding=1)
    for stage, count in enumerate(repeats, start=1):
        for index in range(count):
            stride = 2 if stage > 1 and index == 0 else 1
            x = block(graph, f"stage{stage}.{index}", x, 32 * 2**stage, stride)
    x = graph.mean("pool", x)
    return graph.build(name, graph.linear("head", x, 1000), source)


def _basic(graph: Graph, name: str, x: Tensor, width: int, stride: int) -> Tensor:
    skip = _shortcut(graph, name, x, width, stride)
    y = graph.conv(f"{name}.conv1", x, width, 3, stride)
    return graph.conv(f"{name}.conv2", y, width, 3, plus=skip)


def _bottleneck(graph: Graph, name: str, x: Tensor, width: int, stride: int) -> Tensor:
    skip = _shortcut(graph, name, x, 4 * width, stride)
    y = graph.conv(f"{name}.conv1", x, width, 1)
    y = graph.conv(f"{name}.conv2", y, width, 3, stride)
    return graph.conv(f"{name}.conv3", y, 4 * width, 1, plus=skip)


def _shortcut(graph: Graph, name: str, x: Tensor, channels: int, stride: int) -> Tensor:
    if x.channels == channels:
        return x
    return graph.conv(f"{name}.shortcut", x, channels, 1, stride)
