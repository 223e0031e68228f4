"""Prompts in one pool, tokens in another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from simtier.contract import Disaggregation, RequestView, ServiceView


class Apart(Disaggregation):
    """The first pool computes the prompt of every request, the last one decodes it.

    Source: DistServe (Zhong et al., OSDI 2024), section 4.
    """

    sees_only_own: ClassVar[bool] = True
    divides: ClassVar[bool] = True

    def pools(self, request: RequestView, pools: Sequence[ServiceView]) -> tuple[ServiceView, ServiceView]:
        """Return the first and the last."""
        return pools[0], pools[-1]
