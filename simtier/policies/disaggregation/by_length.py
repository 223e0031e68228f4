"""Short prompts here, long ones there."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from simtier.contract import Disaggregation, RequestView, ServiceView


def _rising(limits: tuple[int, ...]) -> tuple[int, ...]:
    """Return limits of which each is above the one before; raises ValueError for others."""
    if any(after <= before for before, after in pairwise(limits)):
        raise ValueError(f"each limit must be above the one before, or its pool gets nothing; got {list(limits)}")
    return limits


class ByLength(Disaggregation):
    """A request goes wholly to one pool: the first whose limit its prompt does not exceed, else the last.

    A small model nearby answers short prompts, a large one far away the others; or aggregated replicas take the short prompts of a pool
    that is made for long ones. Assumed as a rule that operators use; no paper is followed.
    """

    sees_only_own: ClassVar[bool] = True
    limits: Annotated[tuple[Annotated[int, Field(ge=0)], ...], AfterValidator(_rising)] = (512,)
    """Tokens of the longest prompt of each pool but the last, rising; one limit if not given, 512 tokens."""

    @property
    def fewest_pools(self) -> int:
        """One more than there are limits."""
        return len(self.limits) + 1

    def pools(self, request: RequestView, pools: Sequence[ServiceView]) -> tuple[ServiceView, ServiceView]:
        """Return one pool twice."""
        for pool, limit in zip(pools[:-1], self.limits, strict=False):
            if request.prompt_tokens <= limit:
                return pool, pool
        return pools[-1], pools[-1]
