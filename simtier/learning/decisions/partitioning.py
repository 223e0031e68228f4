"""Which layers of a DNN run on which tier, as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from simtier.contract import RequestView, SiteView, SplitView
from simtier.errors import PolicyError
from simtier.learning.decisions.base import Decision, Observation, seen_as, squeezed

SLACK_S = 1.0
SIZE_BYTES = 1e5
WORK_S = 0.1
QUEUED = 4.0
LATENCY_S = 0.05
RATE_BYTES_PER_S = 1e6


class SplitDecision(Decision):
    """An action says for each tier but the last where it stops: places among `cuts`; two tiers need one number.

    Numbers are sorted, so every action is a legal split. A cut behind the last layer of a network is taken for that.

    Amounts without bound are squeezed: x / (x + c), which is 1/2 at c. Of the request: slack until its deadline (c = 1 s) and its size
    (100 kB). Of each tier: time of all layers there (0.1 s), requests at its replica (4), and of the hop that leads there its
    latency (50 ms) and rate (1 MB/s; 1 if unlimited).

    Args:
        tiers: how many.
        cuts: layer numbers at which it may be cut, rising: before layer 0, so that a tier runs none, up to behind the last.
    """

    kind: ClassVar[str] = "partitioning"

    def __init__(self, tiers: int, cuts: Sequence[int]) -> None:
        self.tiers, self.cuts = tiers, tuple(cuts)
        self.sizes = (len(self.cuts),) * (tiers - 1)
        of_tier = ("work", "queued", "latency", "rate")
        self.names = (
            "request.slack",
            "request.size",
            *(f"tier{tier}.{name}" for tier in range(tiers) for name in of_tier),
        )

    def start(self, site: SiteView) -> None:
        """Remember where the time is read."""
        self._site = site

    def observe(self, *seen: Any) -> Observation:
        """Return what is seen of a request and its way over the tiers; raises PolicyError if these are more or fewer."""
        request: RequestView = seen[0]
        path: SplitView = seen[1]
        if len(path.tiers) != self.tiers:
            raise PolicyError(f"the agent knows splits over {self.tiers} tiers; this stage has {len(path.tiers)}")
        numbers = [
            squeezed(request.deadline_s - self._site.now_s, SLACK_S),
            squeezed(path.crossing_bytes[0], SIZE_BYTES),
        ]
        for tier, hop in zip(path.tiers, path.hops, strict=True):
            numbers += [
                squeezed(sum(tier.layer_s), WORK_S),
                squeezed(tier.queued, QUEUED),
                squeezed(hop.latency_s, LATENCY_S),
                squeezed(hop.rate_bytes_per_s, RATE_BYTES_PER_S),
            ]
        return seen_as(numbers)

    def answer(self, action: Any, *seen: Any) -> tuple[int, ...]:
        """Return the cuts."""
        layers = len(seen[1].crossing_bytes) - 1
        return tuple(sorted(min(self.cuts[number], layers) for number in self.numbers(action)))

    def written(self) -> dict[str, Any]:
        """Return its parameters as plain data."""
        return {"kind": self.kind, "tiers": self.tiers, "cuts": list(self.cuts)}
