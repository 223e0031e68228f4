"""Vision transformer (Dosovitskiy et al., An Image Is Worth 16x16 Words, ICLR 2021), Table 1, as in torchvision."""

from __future__ import annotations

from simtier.models.dnn import Dnn
from simtier.models.dnn_graph import Graph, Tensor

_WIDTH, _BLOCKS, _HEADS, _HIDDEN = 768, 12, 12, 3072


def vit_b_16() -> Dnn:
    """Return ViT-B/16 for 224x224 images: 196 patches and the class token."""
    graph = Graph(3, 224, 224)
    patches = graph.patches("patches", graph.input, _WIDTH, 16)
    tokens = patches.shape[1] + 1
    shape = (_WIDTH, tokens)
    # The class token joins, and each token's position is added: both are learned.
    x = graph.layer("embed", "add", (patches,), shape, flop=_WIDTH * tokens, parameters=_WIDTH + _WIDTH * tokens)
    for index in range(_BLOCKS):
        x = _encoder_block(graph, f"block{index}", x)
    x = graph.layer_norm("norm", x)
    x = graph.linear("head", x.one_place(), 1000)
    return graph.build(
        "vit_b_16", x, "Dosovitskiy et al., ICLR 2021; torchvision vit_b_16: 86,567,656 parameters, 17.56 GMAC"
    )


def _encoder_block(graph: Graph, name: str, x: Tensor) -> Tensor:
    y = graph.layer_norm(f"{name}.norm1", x)
    y = graph.linear(f"{name}.qkv", y, 3 * _WIDTH)
    y = graph.attention(f"{name}.attention", y, _HEADS)
    x = graph.linear(f"{name}.project", y, _WIDTH, plus=x)
    y = graph.layer_norm(f"{name}.norm2", x)
    y = graph.linear(f"{name}.mlp1", y, _HIDDEN)
    return graph.linear(f"{name}.mlp2", y, _WIDTH, plus=x)
