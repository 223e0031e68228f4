"""The kind of policy that says where the prompt of a request is computed, and where its tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from simtier.contract.policy import Policy
from simtier.contract.views import RequestView, ServiceView


class Disaggregation(Policy):
    """Which pools serve a request of a language model: one for its prompt and one for its tokens, or one for both."""

    kind: ClassVar[str] = "disaggregation"
    divides: ClassVar[bool] = False
    """True: it may answer any two pools, so that all of a split must run the same model."""

    @property
    def fewest_pools(self) -> int:
        """Fewest pools that a policy with these parameters chooses among; a `split` of fewer is refused."""
        return 1

    def pools(self, request: RequestView, pools: Sequence[ServiceView]) -> tuple[ServiceView, ServiceView]:
        """Return the pool that computes the prompt and the one that decodes, both of `pools`; the same one twice for both on one replica.

        Two different ones must run the same model: keys and values move from one to the other. Asked by a stage with `tokens` and a
        `split` when a request reaches it; the routing policy of each pool chooses among its replicas.
        """
        raise NotImplementedError
