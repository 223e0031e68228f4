"""Links in words: both directions of a connection together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from simtier.report.facts import Facts
from simtier.report.numbers import TIMES, given, percent, quantity


@dataclass(frozen=True)
class Cable:
    """A group of links: one direction, or both.

    Attributes:
        name: the group's name in the scenario.
        source, target: groups of nodes at the ends.
        count: how many links in one direction.
        there, back: what they are and how busy they were, in words; empty if there is no such direction.
    """

    name: str
    source: str
    target: str
    count: int
    there: str
    back: str

    @property
    def title(self) -> str:
        """The name, and how many there are."""
        return self.name + (f" {TIMES} {self.count}" if self.count > 1 else "")

    def lines(self, *, swapped: bool) -> list[str]:
        """Return a line for each direction with its arrow; `swapped` if the source stands to the right."""
        arrows = "\u2190\u2192" if swapped else "\u2192\u2190"
        return [
            f"{arrow} {part}"
            for arrow, whole in zip(arrows, (self.there, self.back), strict=True)
            for part in ([whole] if whole else [])
        ]


def cables(facts: Facts) -> list[Cable]:
    """Return the groups of links, each with its way back."""
    links = facts.layout["links"]
    backs = {name: f"{name}.back" for name in links if f"{name}.back" in links}
    return [
        Cable(
            name,
            info["from"],
            info["to"],
            len(info["names"]),
            _words(facts, name),
            _words(facts, backs[name]) if name in backs else "",
        )
        for name, info in links.items()
        if name not in backs.values()
    ]


def _words(facts: Facts, name: str) -> str:
    info, metrics = facts.layout["links"][name], facts.summary["links"][name]
    rate = info["mean_bytes_per_s"]
    if rate is None:
        return f"{given(info['latency_s'], 's')}, delay only"
    return f"{given(info['latency_s'], 's')}, {quantity(rate, 'B/s')}, {info['sharing']}, {busy(info, metrics)}"


def busy(info: dict[str, Any], metrics: dict[str, Any]) -> str:
    """Return how busy a group of links was: a share of time, or messages at once where several may be sent together."""
    used = metrics["utilisation"]
    if used == 0:
        return "unused"
    if info["sharing"] == "fifo":
        return f"{percent(used)} busy"
    if used < 0.01:
        return "< 0.01 at once"
    return f"{used:,.0f} at once" if used >= 10 else f"{used:.2g} at once"
