"""The same split for every request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from simtier.contract import Partitioning, RequestView, SplitView


class FixedCut(Partitioning):
    """Cut the network at given layers, whatever the links do.

    The static split that adaptive ones are measured against (Kang et al., Neurosurgeon, ASPLOS 2017).

    Raises:
        ValueError: the cuts do not fit the request's path or network.
    """

    sees_only_own: ClassVar[bool] = True
    keeps_apart: ClassVar[bool] = True
    on_link_change: ClassVar[bool] = True
    cuts: tuple[Annotated[int, Field(ge=0)], ...]
    """Layer numbers, one fewer than there are tiers, not decreasing: tier k runs the layers from cut k-1 up to cut k."""

    def split(self, request: RequestView, path: SplitView) -> Sequence[int]:
        """Return the given cuts."""
        tiers = [tier.tier for tier in path.tiers]
        layers = len(path.crossing_bytes) - 1
        if len(self.cuts) != len(tiers) - 1:
            raise ValueError(
                f"cuts {list(self.cuts)} do not fit {len(tiers)} tiers ({', '.join(tiers)}): one fewer needed"
            )
        if list(self.cuts) != sorted(self.cuts) or max(self.cuts, default=0) > layers:
            raise ValueError(
                f"cuts {list(self.cuts)} do not fit {layers} layers: they must not decrease, nor pass the last"
            )
        return self.cuts
