"""YOLOv8n (Jocher et al., Ultralytics 8.0, 2023; yolov8.yaml at depth 0.33 and width 0.25), after fusing, for 640x640 images."""

from __future__ import annotations

from simtier.models.dnn import Dnn
from simtier.models.dnn_graph import Graph, Tensor, concat

_CLASSES = 80
_DETECTIONS = 300  # Ultralytics' max_det; each a box of four, its class and its score
_BINS = 16  # each side of a box is a distribution over 16 distances (DFL; Li et al., NeurIPS 2020)


def yolov8n() -> Dnn:
    """Return YOLOv8n: backbone, neck, detection head, and the suppression of overlaps, which leaves at most 300 boxes."""
    graph = Graph(3, 640, 640)
    p3, p4, p5 = _backbone(graph)
    maps = _neck(graph, p3, p4, p5)
    return graph.build(
        "yolov8n",
        _head(graph, maps),
        "Ultralytics yolov8n: 3,157,200 parameters, 3,151,904 fused (16 of them DFL's fixed distances), 8.7 GFLOP at 640",
    )


def _backbone(graph: Graph) -> tuple[Tensor, Tensor, Tensor]:
    x = graph.conv("backbone0", graph.input, 16, 3, stride=2)
    x = graph.conv("backbone1", x, 32, 3, stride=2)
    x = _c2f(graph, "backbone2", x, 32, repeats=1, shortcut=True)
    x = graph.conv("backbone3", x, 64, 3, stride=2)
    p3 = _c2f(graph, "backbone4", x, 64, repeats=2, shortcut=True)
    x = graph.conv("backbone5", p3, 128, 3, stride=2)
    p4 = _c2f(graph, "backbone6", x, 128, repeats=2, shortcut=True)
    x = graph.conv("backbone7", p4, 256, 3, stride=2)
    x = _c2f(graph, "backbone8", x, 256, repeats=1, shortcut=True)
    return p3, p4, _sppf(graph, "backbone9", x, 256)


def _neck(graph: Graph, p3: Tensor, p4: Tensor, p5: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    x = concat(graph.upsample("neck10", p5, 2), p4)
    middle = _c2f(graph, "neck12", x, 128, repeats=1, shortcut=False)
    x = concat(graph.upsample("neck13", middle, 2), p3)
    small = _c2f(graph, "neck15", x, 64, repeats=1, shortcut=False)
    x = concat(graph.conv("neck16", small, 64, 3, stride=2), middle)
    medium = _c2f(graph, "neck18", x, 128, repeats=1, shortcut=False)
    x = concat(graph.conv("neck19", medium, 128, 3, stride=2), p5)
    return small, medium, _c2f(graph, "neck21", x, 256, repeats=1, shortcut=False)


def _head(graph: Graph, maps: tuple[Tensor, ...]) -> Tensor:
    box_width = max(16, maps[0].channels // 4, 4 * _BINS)
    class_width = max(maps[0].channels, min(_CLASSES, 100))
    outputs = []
    for index, x in enumerate(maps):
        outputs += [
            _branch(graph, f"detect{index}.box", x, box_width, 4 * _BINS),
            _branch(graph, f"detect{index}.class", x, class_width, _CLASSES),
        ]
    anchors = sum(x.shape[1] * x.shape[2] for x in maps)
    # For each anchor: softmax and mean of 4 x 16 bins (about 7 operations a bin), then 80 sigmoids of about 4.
    flop = anchors * (4 * _BINS * 7 + _CLASSES * 4)
    boxes = graph.layer("decode", "decode", tuple(outputs), (4 + _CLASSES, anchors), flop=flop, parameters=_BINS)
    # The best class of each anchor, then about ten operations for the overlap of each pair of those kept.
    flop = anchors * _CLASSES + 10 * _DETECTIONS**2
    return graph.layer("suppress", "suppression", (boxes,), (6, _DETECTIONS), flop=flop)


def _branch(graph: Graph, name: str, x: Tensor, width: int, channels: int) -> Tensor:
    x = graph.conv(f"{name}0", x, width, 3)
    x = graph.conv(f"{name}1", x, width, 3)
    return graph.conv(f"{name}2", x, channels, 1)


def _c2f(graph: Graph, name: str, x: Tensor, channels: int, *, repeats: int, shortcut: bool) -> Tensor:
    half = channels // 2
    both = graph.conv(f"{name}.in", x, channels, 1)
    parts, last = [both], both.part(half)
    for index in range(repeats):
        y = graph.conv(f"{name}.{index}.conv1", last, half, 3)
        last = graph.conv(f"{name}.{index}.conv2", y, half, 3, plus=last if shortcut else None)
        parts.append(last)
    return graph.conv(f"{name}.out", concat(*parts), channels, 1)


def _sppf(graph: Graph, name: str, x: Tensor, channels: int) -> Tensor:
    parts = [graph.conv(f"{name}.in", x, x.channels // 2, 1)]
    for index in range(3):
        parts.append(graph.pool(f"{name}.pool{index}", parts[-1], 5, 1, padding=2))
    return graph.conv(f"{name}.out", concat(*parts), channels, 1)
