"""Pools for prompts and for tokens, with a mixed pool between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from simtier.contract import Disaggregation, RequestView, ServiceView, runs_engine


class Splitwise(Disaggregation):
    """Prompts go to the first pool and tokens to the last; where a pool has too much to do, the pools between them help.

    A prompt goes to a mixed pool if even the shortest queue of the prompt pool holds more than `prompt_limit` tokens, and the mixed pool's
    shortest is shorter; its tokens then stay there. Tokens go to a mixed pool if the least loaded of the token pool holds more than
    `token_share` of its blocks, and the mixed pool's holds less.

    Source: Splitwise (Patel et al., ISCA 2024), section 4.1, and its simulator (splitwise-sim, `MixedPoolScheduler`), which moves machines
    between the pools; here the mixed pool is a pool of its own, whose size autoscaling may change.
    """

    sees_only_own: ClassVar[bool] = True
    divides: ClassVar[bool] = True

    prompt_limit: Annotated[int, Field(ge=0)] = 8192
    """Queued prompt tokens of a machine that are too many; 8,192 in splitwise-sim."""
    token_share: Annotated[float, Field(gt=0, le=1)] = 0.9
    """Share of a machine's blocks that is too much; assumed."""

    def pools(self, request: RequestView, pools: Sequence[ServiceView]) -> tuple[ServiceView, ServiceView]:
        """Return the pool of the prompt and that of the tokens."""
        prompts, *mixed, tokens = pools
        helper = min(mixed, key=_shortest_queue, default=None)
        if helper is None:
            return prompts, tokens
        if self.prompt_limit < _shortest_queue(prompts) > _shortest_queue(helper):
            return helper, helper
        if self.token_share < _least_held(tokens) > _least_held(helper):
            return prompts, helper
        return prompts, tokens


def _shortest_queue(pool: ServiceView) -> float:
    """Return the queued tokens of the replica that has fewest; infinity without one."""
    return min((each.queued_tokens for each in pool.replicas if runs_engine(each)), default=float("inf"))


def _least_held(pool: ServiceView) -> float:
    """Return the share of blocks in use of the replica where it is least; 1 without one."""
    shares = (1 - each.blocks_free / each.blocks_total for each in pool.replicas if runs_engine(each))
    return min(shares, default=1.0)
