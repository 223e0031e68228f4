"""What a partitioning policy sees of a DNN stage: read-only views, always showing the present; see `views`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class HopView(Protocol):
    """The way from one node to another, as a partitioning policy sees it."""

    @property
    def latency_s(self) -> float:
        """Sum of link latencies."""

    @property
    def rate_bytes_per_s(self) -> float:
        """What one new transfer would get now if alone; infinity if nothing limits it."""

    @property
    def joules_per_byte(self) -> float:
        """Energy to move a byte all the way."""


class TierView(Protocol):
    """One place where layers can run: the replica nearest to the request of one service."""

    @property
    def tier(self) -> str:
        """Tier of the node, e.g. "edge"."""

    @property
    def service(self) -> str:
        """Service that would run the layers."""

    @property
    def node(self) -> str:
        """Node of the nearest replica."""

    @property
    def layer_s(self) -> Sequence[float]:
        """Time of each layer there, alone and unbatched."""

    @property
    def active_w(self) -> float:
        """Power drawn above idle while a layer runs there."""

    @property
    def queued(self) -> int:
        """Requests sent to that replica and not finished: on their way, waiting or running."""


class SplitView(Protocol):
    """What a partitioning policy sees of one DNN stage: tiers in order from the request outwards, and the hops between."""

    @property
    def tiers(self) -> Sequence[TierView]:
        """The places where layers can run, nearest first."""

    @property
    def hops(self) -> Sequence[HopView]:
        """`hops[k]` leads to `tiers[k]`: from the request's node for k = 0, else from `tiers[k - 1]`."""

    @property
    def returns(self) -> Sequence[HopView]:
        """`returns[k]` leads from `tiers[k]` to where the stage's result goes."""

    @property
    def crossing_bytes(self) -> Sequence[float]:
        """`crossing_bytes[c]`: bytes to move when layers before `c` have run; [0] is the input, [-1] the result."""
