"""VGG (Simonyan, Zisserman: Very Deep Convolutional Networks, ICLR 2015), configuration D, as in torchvision's vgg16."""

from __future__ import annotations

from simtier.models.dnn import Dnn
from simtier.models.dnn_graph import Graph

_STAGES = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))


def vgg16() -> Dnn:
    """Return VGG-16 without batch normalisation, for 224x224 images."""
    graph = Graph(3, 224, 224)
    x = graph.input
    for stage, (channels, repeats) in enumerate(_STAGES, start=1):
        for index in range(1, repeats + 1):
            x = graph.conv(f"conv{stage}_{index}", x, channels, 3)
        x = graph.pool(f"pool{stage}", x, 2, 2)
    x = x.flat()
    for index, width in enumerate((4096, 4096, 1000), start=6):
        x = graph.linear(f"fc{index}", x, width)
    return graph.build(
        "vgg16", x, "Simonyan and Zisserman, ICLR 2015; torchvision vgg16: 138,357,544 parameters, 15.47 GMAC"
    )
