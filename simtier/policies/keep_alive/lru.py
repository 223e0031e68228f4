"""The least recently used instance goes when memory is needed."""

from __future__ import annotations

from typing import ClassVar

from simtier.policies.keep_alive.forever import Forever


class Lru(Forever):
    """Keep instances as a cache keeps objects, evicting the least recently used: worth = the time since which it is idle.

    The baseline "LRU" of Fuerst and Sharma, "FaasCache: Keeping serverless computing alive with greedy-dual caching", ASPLOS 2021.
    That is what `forever` does too, since it is the order of eviction unless a policy has its own; this is the name
    under which comparisons of caching policies know it.
    """

    sees_only_own: ClassVar[bool] = True
    keeps_apart: ClassVar[bool] = True
