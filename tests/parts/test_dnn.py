"""Networks: published totals, and by hand what crosses a cut."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simtier.catalogue.dnn import dnn, dnns
from simtier.errors import CatalogueError
from simtier.models.dnn import Dnn, Layer
from simtier.models.dnn_graph import Graph, concat

# Channels that a batch normalisation follows, added up by hand from the papers' tables. Folding replaces each one's scale and
# shift by one bias, so that a folded network has one parameter less per channel than the published one.
_RESNET18_NORMALISED = 64 + 4 * 64 + (4 + 1) * (128 + 256 + 512)
_RESNET50_NORMALISED = (
    64 + (3 * 6 + 4) * 64 + (4 * 6 + 4) * 128 + (6 * 6 + 4) * 256 + (3 * 6 + 4) * 512
)  # a block of width w has w + w + 4 w, a stage's first block also a shortcut of 4 w
# Channels in, expansion, channels out, how often: Table 2 of the MobileNetV2 paper, block by block.
_MOBILENET_BLOCKS = (
    (32, 1, 16, 1),
    (16, 6, 24, 1),
    (24, 6, 24, 1),
    (24, 6, 32, 1),
    (32, 6, 32, 2),
    (32, 6, 64, 1),
    (64, 6, 64, 3),
    (64, 6, 96, 1),
    (96, 6, 96, 2),
    (96, 6, 160, 1),
    (160, 6, 160, 2),
    (160, 6, 320, 1),
)
_MOBILENET_NORMALISED = (
    32
    + sum(count * ((2 if grow > 1 else 1) * grow * width + out) for width, grow, out, count in _MOBILENET_BLOCKS)
    + 1280
)


@pytest.mark.parametrize(
    ("name", "published", "normalised"),
    [
        ("resnet18", 11_689_512, _RESNET18_NORMALISED),
        ("resnet50", 25_557_032, _RESNET50_NORMALISED),
        ("vgg16", 138_357_544, 0),
        ("mobilenet_v2", 3_504_872, _MOBILENET_NORMALISED),
        ("vit_b_16", 86_567_656, 0),
        ("yolov8n", 3_151_904, 0),  # published for the fused network
    ],
)
def test_parameters_are_the_published_ones_less_one_per_folded_channel(
    name: str, published: int, normalised: int
) -> None:
    assert dnn(name).parameters == published - normalised


@pytest.mark.parametrize(
    ("name", "gflop"),
    [
        ("resnet18", 2 * 1.814),
        ("resnet50", 2 * 4.089),
        ("vgg16", 2 * 15.47),
        ("mobilenet_v2", 2 * 0.301),
        ("vit_b_16", 2 * 17.56),
        ("yolov8n", 8.7),
    ],
)
def test_operations_match_published_totals_within_one_percent(name: str, gflop: float) -> None:
    assert dnn(name).flop / 1e9 == pytest.approx(gflop, rel=0.01)


def _cut_before(network: Dnn, layer: str) -> int:
    return [one.name for one in network.layers].index(layer)


@pytest.mark.parametrize("name", dnns())
def test_every_network_begins_with_its_input_and_layers_have_names_of_their_own(name: str) -> None:
    network = dnn(name)
    side = 640 if name == "yolov8n" else 224
    assert network.crossing_elements[0] == network.input_elements == 3 * side * side
    assert network.crossing_elements[-1] == network.layers[-1].output_elements
    assert len({layer.name for layer in network.layers}) == len(network.layers)


@pytest.mark.parametrize(
    ("name", "before", "elements"),
    [
        ("vgg16", "conv1_2", 64 * 224 * 224),
        ("vgg16", "conv2_1", 64 * 112 * 112),  # after pool1
        ("vgg16", "fc6", 512 * 7 * 7),
        ("vgg16", "fc8", 4096),
        ("resnet18", "stage1.0.conv1", 64 * 56 * 56),
        ("resnet18", "stage1.0.conv2", 2 * 64 * 56 * 56),  # inside a block: the branch and the skipped input
        ("resnet18", "stage2.0.shortcut", 64 * 56 * 56),
        ("resnet18", "stage2.0.conv1", 64 * 56 * 56 + 128 * 28 * 28),
        ("resnet18", "stage2.0.conv2", 2 * 128 * 28 * 28),
        ("resnet18", "head", 512),
        ("resnet50", "stage1.1.conv2", 256 * 56 * 56 + 64 * 56 * 56),
        ("resnet50", "stage1.1.conv3", 256 * 56 * 56 + 64 * 56 * 56),
        ("mobilenet_v2", "stage2.0.depthwise", 96 * 112 * 112),  # no skip where the stride is 2
        ("mobilenet_v2", "stage2.1.depthwise", 24 * 56 * 56 + 144 * 56 * 56),
        ("yolov8n", "backbone2.0.conv1", 32 * 160 * 160),
        ("yolov8n", "backbone2.0.conv2", (32 + 16) * 160 * 160),
        ("yolov8n", "backbone2.out", (32 + 16) * 160 * 160),
        ("yolov8n", "backbone9.in", 64 * 80 * 80 + 128 * 40 * 40 + 256 * 20 * 20),  # the neck still needs p3 and p4
        ("yolov8n", "backbone9.out", 64 * 80 * 80 + 128 * 40 * 40 + 4 * 128 * 20 * 20),
        ("yolov8n", "detect0.box0", 64 * 80 * 80 + 128 * 40 * 40 + 256 * 20 * 20),
        ("yolov8n", "decode", 144 * 8400),
        ("vit_b_16", "embed", 768 * 196),
        ("vit_b_16", "block0.attention", 768 * 197 + 3 * 768 * 197),
        ("vit_b_16", "block0.mlp2", 768 * 197 + 3072 * 197),
        ("vit_b_16", "head", 768 * 197),
    ],
)
def test_what_crosses_a_cut_is_counted_by_hand(name: str, before: str, elements: int) -> None:
    network = dnn(name)
    assert network.crossing_elements[_cut_before(network, before)] == elements


def test_results_have_the_published_shapes() -> None:
    assert dnn("yolov8n").crossing_elements[-2:] == (84 * 8400, 6 * 300)
    assert dnn("resnet50").crossing_elements[-1] == 1000


def test_crossing_and_weight_bytes_follow_the_precision() -> None:
    network = dnn("resnet18")
    assert network.crossing_bytes(0, "fp32") == 4 * 150_528
    assert network.crossing_bytes(0, "int8") == 150_528
    assert network.weight_bytes(0, len(network.layers), "fp16") == 2 * network.parameters
    assert network.weight_bytes(3, 3, "fp16") == 0
    assert network.weight_bytes(0, 1, "fp32") == 4 * (7 * 7 * 3 * 64 + 64)


@given(st.sampled_from(dnns()), st.data())
def test_segments_add_up_to_the_whole(name: str, data: st.DataObject) -> None:
    network = dnn(name)
    cut = data.draw(st.integers(0, len(network.layers)))
    end = len(network.layers)
    parts = network.weight_bytes(0, cut, "int8") + network.weight_bytes(cut, end, "int8")
    assert parts == network.parameters
    assert math.isclose(network.segment_flop(0, cut) + network.segment_flop(cut, end), network.flop)


def test_a_layer_by_hand_has_its_operations_weights_and_traffic() -> None:
    graph = Graph(3, 8, 8)
    x = graph.conv("a", graph.input, 4, 3, stride=2)
    y = graph.conv("b", x, 4, 3, groups=4)
    z = graph.conv("c", y, 4, 1, plus=x)
    a, b, c = graph.build("tiny", z).layers
    assert a == Layer("a", "conv", 2 * 27 * 4 * 16, 27 * 4 + 4, 3 * 64, 4 * 16)
    assert b == Layer("b", "depthwise_conv", 2 * 9 * 4 * 16, 9 * 4 + 4, 64, 64)
    assert c == Layer("c", "conv", 2 * 4 * 4 * 16 + 64, 16 + 4, 128, 64)


def test_an_input_that_is_read_late_is_carried_across_every_cut_before() -> None:
    graph = Graph(2, 4, 4)
    x = graph.conv("a", graph.input, 8, 3)
    y = graph.conv("b", x, 2, 3, plus=graph.input)
    assert graph.build("late", y).crossing_elements == (32, 32 + 128, 32)


def test_joined_tensors_cross_once_each_however_often_they_are_named() -> None:
    graph = Graph(2, 4, 4)
    x = graph.conv("a", graph.input, 8, 3)
    both = concat(x, x.part(4))
    y = graph.conv("b", both, 2, 1)
    network = graph.build("joined", y)
    assert both.channels == 12
    assert network.crossing_elements == (32, 128, 32)
    assert network.layers[1].input_elements == 12 * 16


def test_a_network_may_end_with_several_tensors() -> None:
    graph = Graph(2, 4, 4)
    x = graph.conv("a", graph.input, 3, 3)
    y = graph.conv("b", x, 5, 3)
    assert graph.build("two", concat(x, y)).crossing_elements == (32, 48, 48 + 80)


def test_shapes_that_do_not_fit_are_refused() -> None:
    graph = Graph(2, 4, 4)
    x = graph.conv("a", graph.input, 3, 3, stride=2)
    with pytest.raises(CatalogueError, match="layer 'b' gives shape"):
        graph.conv("b", x, 4, 3, plus=graph.input)
    with pytest.raises(CatalogueError, match="cannot join tensors of shapes"):
        concat(x, graph.input)


def test_wrong_cuts_names_and_precisions_are_refused() -> None:
    network = dnn("resnet18")
    for cut in (-1, len(network.layers) + 1):
        with pytest.raises(CatalogueError, match="has cuts 0 to 23"):
            network.crossing_bytes(cut, "fp16")
    with pytest.raises(CatalogueError, match="has cuts 0 to 23"):
        network.weight_bytes(2, 1, "fp16")
    with pytest.raises(CatalogueError, match=r"unknown precision 'fp17' \(did you mean 'fp16'\?\)"):
        network.crossing_bytes(0, "fp17")
    with pytest.raises(CatalogueError, match=r"unknown network 'resnet81' \(did you mean 'resnet18'\?\)"):
        dnn("resnet81")


def test_a_network_without_layers_or_with_missing_cuts_is_refused() -> None:
    layer = Layer("a", "conv", 1, 1, 1, 1)
    with pytest.raises(CatalogueError, match="has no layers"):
        Dnn("empty", 1, (), (1,))
    with pytest.raises(CatalogueError, match="1 layers and so 2 cuts"):
        Dnn("short", 1, (layer,), (1,))


def test_yolo_adds_its_skips_in_the_backbone_and_not_in_the_neck() -> None:
    network = dnn("yolov8n")
    place = 80 * 80
    in_backbone = network.layers[_cut_before(network, "backbone4.0.conv2")]
    in_neck = network.layers[_cut_before(network, "neck15.0.conv2")]
    assert in_backbone.input_elements == 2 * 32 * place
    assert in_neck.input_elements == 32 * place
    assert in_backbone.flop - in_neck.flop == 32 * place
