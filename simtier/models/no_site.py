"""A site where nothing is, for policies that are played without one: a job on an instance, experts on accelerators."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from simtier.contract import NodeView, ServiceView
from simtier.errors import PolicyError


class NoSite:
    """Satisfies `SiteView`, at time zero; asking for a way raises PolicyError."""

    now_s = 0.0

    @property
    def nodes(self) -> Mapping[str, NodeView]:
        return MappingProxyType({})

    @property
    def services(self) -> Mapping[str, ServiceView]:
        return MappingProxyType({})

    def latency_s(self, a: str, b: str) -> float:
        raise PolicyError(f"there is no way from {a!r} to {b!r}: this policy is played without a network")

    def rate_bytes_per_s(self, a: str, b: str) -> float:
        return self.latency_s(a, b)

    def transfer_s(self, a: str, b: str, nbytes: float) -> float:  # noqa: ARG002 - as in SiteView
        return self.latency_s(a, b)
