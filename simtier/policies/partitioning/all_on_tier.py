"""All layers on one tier: the baselines every split is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from simtier.contract import Partitioning, RequestView, SplitView
from simtier.errors import did_you_mean


class AllOnTier(Partitioning):
    """Run every layer on one tier.

    The "mobile only" and "cloud only" baselines of Kang et al., Neurosurgeon (ASPLOS 2017), for any tier. Of
    several tiers with that name the nearest one is taken.

    Raises:
        ValueError: the request's path has no tier of that name.
    """

    sees_only_own: ClassVar[bool] = True
    keeps_apart: ClassVar[bool] = True
    on_link_change: ClassVar[bool] = True
    tier: str
    """Name of the tier, e.g. "edge"."""

    def split(self, request: RequestView, path: SplitView) -> Sequence[int]:
        """Return no layers for the tiers before the wanted one, and all up to it."""
        names = [tier.tier for tier in path.tiers]
        if self.tier not in names:
            raise ValueError(f"no tier of this path is called {self.tier!r}{did_you_mean(self.tier, names)}")
        wanted = names.index(self.tier)
        layers = len(path.crossing_bytes) - 1
        return (0,) * wanted + (layers,) * (len(names) - 1 - wanted)


class AllOnDevice(AllOnTier):
    """Run every layer on the tier called "device"."""

    sees_only_own: ClassVar[bool] = True
    keeps_apart: ClassVar[bool] = True
    tier: Literal["device"] = "device"
    """Name of the tier."""


class AllOnEdge(AllOnTier):
    """Run every layer on the tier called "edge"."""

    sees_only_own: ClassVar[bool] = True
    keeps_apart: ClassVar[bool] = True
    tier: Literal["edge"] = "edge"
    """Name of the tier."""


class AllOnCloud(AllOnTier):
    """Run every layer on the tier called "cloud"."""

    sees_only_own: ClassVar[bool] = True
    keeps_apart: ClassVar[bool] = True
    tier: Literal["cloud"] = "cloud"
    """Name of the tier."""
