"""MobileNetV2 (Sandler et al., Inverted Residuals and Linear Bottlenecks, CVPR 2018), Table 2, width 1."""

from __future__ import annotations

from simtier.models.dnn import Dnn
from simtier.models.dnn_graph import Graph, Tensor

# Expansion, channels, repeats, stride of the first: the rows of Table 2.
_STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def mobilenet_v2() -> Dnn:
    """Return MobileNetV2 for 224x224 images."""
    graph = Graph(3, 224, 224)
    x = graph.conv("stem", graph.input, 32, 3, stride=2)
    for stage, (expansion, channels, repeats, stride) in enumerate(_STAGES, start=1):
        for index in range(repeats):
            wide = expansion * x.channels
            x = _inverted_residual(graph, f"stage{stage}.{index}", x, (wide, channels), stride if index == 0 else 1)
    x = graph.conv("last", x, 1280, 1)
    x = graph.mean("pool", x)
    return graph.build(
        "mobilenet_v2",
        graph.linear("head", x, 1000),
        "Sandler et al., CVPR 2018; torchvision mobilenet_v2: 3,504,872 parameters before folding, 0.301 GMAC",
    )


def _inverted_residual(graph: Graph, name: str, x: Tensor, widths: tuple[int, int], stride: int) -> Tensor:
    wide, channels = widths
    y = graph.conv(f"{name}.expand", x, wide, 1) if wide > x.channels else x
    y = graph.conv(f"{name}.depthwise", y, wide, 3, stride, groups=wide)
    skip = x if stride == 1 and x.channels == channels else None
    return graph.conv(f"{name}.project", y, channels, 1, plus=skip)
