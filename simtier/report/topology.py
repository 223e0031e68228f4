"""The topology as a drawing: tiers are columns, groups of nodes boxes, links lines with what they are and how busy they were.

Only the places of things are computed here; the template draws them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from simtier.report.facts import Facts
from simtier.report.links import Cable, cables
from simtier.report.numbers import TIMES, percent, quantity, shorten

BOX_W, GAP_W, LABEL_W, MARGIN, TOP = 206.0, 262.0, 222.0, 8.0, 40.0
LINE, LABEL_LINE, BETWEEN = 16.0, 14.0, 18.0
MOST_BOXES, MOST_LABELS, MOST_SERVICES = 8, 12, 4
_CHARS, _BOLD = 28, 23
"""Letters that fit into a box, plain and bold."""


@dataclass
class Box:
    """A group of nodes, or several that are folded into one box."""

    column: int
    title: str
    lines: list[str]
    bars: list[tuple[str, float, str]] = field(default_factory=list)
    services: list[str] = field(default_factory=list)
    x: float = 0.0
    y: float = 0.0

    @property
    def height(self) -> float:
        """Height in pixels."""
        return 16 + LINE * (1 + len(self.lines) + len(self.bars) + len(self.services)) + (6 if self.services else 0)

    @property
    def middle(self) -> float:
        """Where lines meet it."""
        return self.y + self.height / 2


@dataclass
class Wire:
    """A line between two boxes by way of its label."""

    ends: tuple[Box, Box]
    title: str
    lines: list[str]
    path: str = ""
    x: float = 0.0
    y: float = 0.0

    @property
    def height(self) -> float:
        """Height of the label in pixels."""
        return 8 + LABEL_LINE * (1 + len(self.lines))


@dataclass(frozen=True)
class Drawing:
    """Everything in its place, in pixels."""

    width: float
    height: float
    columns: list[tuple[float, str]]
    boxes: list[Box]
    wires: list[Wire]
    unlabelled: int


def drawing(facts: Facts) -> Drawing:
    """Return the drawing of a result's topology."""
    tiers = list(dict.fromkeys(info["tier"] for info in facts.layout["nodes"].values()))
    box_of, boxes = _boxes(facts, tiers)
    wires = _wires(cables(facts), box_of)
    labelled = _pick(wires)
    across = [wire for wire in labelled if abs(wire.ends[0].column - wire.ends[1].column) > 1]
    roof = TOP + sum(wire.height + 8 for wire in across) + (10 if across else 0)
    loops = any(wire.ends[0].column == wire.ends[1].column == len(tiers) - 1 for wire in labelled)
    floor = max(_stack(boxes, len(tiers), roof), _place_labels(boxes, labelled, across, roof))
    for wire in wires:
        wire.path = _path(wire, drawn=any(wire is other for other in labelled))
    columns = [(_left(column) + BOX_W / 2, shorten(tier, _CHARS)) for column, tier in enumerate(tiers)]
    width = _left(len(tiers) - 1) + BOX_W + MARGIN + (GAP_W if loops else 0)
    plain = [wire for wire in wires if not any(wire is other for other in labelled)]
    for wire in plain:
        wire.title, wire.lines = "", []
    return Drawing(width, floor + MARGIN, columns, boxes, wires, len(plain))


def _left(column: int) -> float:
    return MARGIN + column * (BOX_W + GAP_W)


def _boxes(facts: Facts, tiers: list[str]) -> tuple[dict[str, Box], list[Box]]:
    """Return the box of each group, and all boxes; a tier with very many groups folds its least used into one box."""
    of: dict[str, Box] = {}
    boxes: list[Box] = []
    for column, tier in enumerate(tiers):
        groups = [name for name, info in facts.layout["nodes"].items() if info["tier"] == tier]
        shown = groups
        if len(groups) > MOST_BOXES:
            busiest = sorted(groups, key=lambda name: -_busiest(facts.summary["nodes"][name]))[: MOST_BOXES - 1]
            shown = [name for name in groups if name in busiest]
        for name in shown:
            of[name] = _box(facts, name, column)
            boxes.append(of[name])
        folded = [name for name in groups if name not in shown]
        if folded:
            nodes = sum(len(facts.layout["nodes"][name]["names"]) for name in folded)
            rest = Box(column, f"{len(folded)} more groups", [f"{nodes:,} nodes, none busier"])
            of |= dict.fromkeys(folded, rest)
            boxes.append(rest)
    return of, boxes


def _busiest(metrics: dict[str, Any]) -> float:
    return max(metrics["utilisation"] or 0.0, metrics["accelerator_utilisation"] or 0.0)


def _box(facts: Facts, name: str, column: int) -> Box:
    info, metrics = facts.layout["nodes"][name], facts.summary["nodes"][name]
    count = len(info["names"])
    times = f" {TIMES} {count:,}" if count > 1 else ""
    title = shorten(name, _BOLD - len(times)) + times
    memory = f", {quantity(info['memory_bytes'], 'B')}" if info["memory_bytes"] else ""
    lines = [f"{info['cores']:g} core{'s' if info['cores'] != 1 else ''}{memory}"]
    if info["hardware"]:
        lines.insert(0, info["hardware"])
    bars = [("cores", metrics["utilisation"], percent(metrics["utilisation"]))]
    kinds = [device["kind"] for device in info["devices"]]
    lines += [f"{kinds.count(kind)} {TIMES} {kind}" for kind in dict.fromkeys(kinds)]
    if kinds:
        used = metrics["accelerator_utilisation"] or 0.0
        bars.append(("accelerators", used, percent(used)))
    hosted = {**facts.layout["services"], **facts.layout["platforms"]}
    services = [service for service, where in hosted.items() if name in where["on"]]
    more = [f"and {len(services) - MOST_SERVICES + 1} more"] if len(services) > MOST_SERVICES else []
    services = services[: MOST_SERVICES - 1] + more if more else services
    return Box(
        column, title, [shorten(line, _CHARS) for line in lines], bars, [shorten(each, _BOLD) for each in services]
    )


def _wires(found: Iterable[Cable], box_of: dict[str, Box]) -> list[Wire]:
    """Return one wire a cable; those that would lie on one another, for their boxes are folded, become one."""
    wires: list[Wire] = []
    between: dict[tuple[int, int], list[Cable]] = defaultdict(list)
    ends: dict[tuple[int, int], tuple[Box, Box]] = {}
    for cable in found:
        pair = (box_of[cable.source], box_of[cable.target])
        pair = pair if pair[0].column <= pair[1].column else (pair[1], pair[0])
        between[id(pair[0]), id(pair[1])].append(cable)
        ends[id(pair[0]), id(pair[1])] = pair
    for key, several in between.items():
        pair = ends[key]
        if len(several) > 1 and not all(box.bars for box in pair):
            wires.append(Wire(pair, f"{len(several)} groups of links", ["see the table of links"]))
            continue
        for cable in several:
            swapped = box_of[cable.source] is not pair[0]
            wires.append(Wire(pair, shorten(cable.title, 30), cable.lines(swapped=swapped)))
    return wires


def _pick(wires: list[Wire]) -> list[Wire]:
    """Return the wires that get a label: in each gap as many as fit."""
    taken: dict[tuple[int, int], int] = defaultdict(int)
    picked = []
    for wire in wires:
        gap = wire.ends[0].column, wire.ends[1].column
        taken[gap] += 1
        if taken[gap] <= MOST_LABELS:
            picked.append(wire)
    return picked


def _stack(boxes: list[Box], columns: int, roof: float) -> float:
    """Give the boxes their places, each column centred on the highest; return where they end."""
    heights = [
        sum(box.height + BETWEEN for box in boxes if box.column == column) - BETWEEN for column in range(columns)
    ]
    for column in range(columns):
        y = roof + (max(heights) - heights[column]) / 2
        for box in boxes:
            if box.column == column:
                box.x, box.y = _left(column), y
                y += box.height + BETWEEN
    return roof + max(heights)


def _place_labels(boxes: list[Box], labelled: list[Wire], across: list[Wire], roof: float) -> float:
    """Give the labels their places, near the middle of what they join and never on one another; return where they end."""
    floor = max(box.y + box.height for box in boxes)
    end, y = floor, TOP
    for wire in across:
        wire.x = (_left(wire.ends[0].column) + _left(wire.ends[1].column) + BOX_W - LABEL_W) / 2
        wire.y, y = y, y + wire.height + 8
    gaps: dict[int, list[Wire]] = defaultdict(list)
    for wire in labelled:
        if not any(wire is other for other in across):
            gaps[wire.ends[0].column].append(wire)
    for column, wires in gaps.items():
        wires.sort(key=lambda wire: wire.ends[0].middle + wire.ends[1].middle)
        total = sum(wire.height + 10 for wire in wires) - 10
        wanted = sum((wire.ends[0].middle + wire.ends[1].middle) / 2 for wire in wires) / len(wires)
        y = max(roof, min(wanted - total / 2, floor - total))
        for wire in wires:
            wire.x, wire.y = _left(column) + BOX_W + (GAP_W - LABEL_W) / 2, y
            y += wire.height + 10
        end = max(end, y - 10)
    return end


def _path(wire: Wire, *, drawn: bool) -> str:
    """Return the SVG path of a wire: from box to label to box, or straight if it has no label."""
    left, right = wire.ends
    start, middle = (left.x + BOX_W, left.middle), wire.y + wire.height / 2
    if left.column == right.column:
        bend = left.x + BOX_W + GAP_W / 4
        if not drawn:
            return f"M{start[0]:.1f} {start[1]:.1f}C{bend:.1f} {start[1]:.1f} {bend:.1f} {right.middle:.1f} {start[0]:.1f} {right.middle:.1f}"
        return _bend(*start, wire.x, middle) + _bend(start[0], right.middle, wire.x, middle)
    if not drawn:
        return _bend(*start, right.x, right.middle)
    return _bend(*start, wire.x, middle) + _bend(wire.x + LABEL_W, middle, right.x, right.middle)


def _bend(x1: float, y1: float, x2: float, y2: float) -> str:
    half = min((x2 - x1) / 2, 60.0)
    return f"M{x1:.1f} {y1:.1f}C{x1 + half:.1f} {y1:.1f} {x2 - half:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"
