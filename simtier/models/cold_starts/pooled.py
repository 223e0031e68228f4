"""Cold starts from pools of ready instances, searched in stages, with code and dependencies fetched to the node."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from simtier.models.cold_starts.cache import LruCache
from simtier.models.cold_starts.given import Drawn
from simtier.models.cold_starts.pool import Pool
from simtier.models.cold_starts.rows import key
from simtier.models.serverless.spec import FunctionSpec, Start, Times


@dataclass(frozen=True)
class Fetching:
    """How code and dependencies come to a node.

    Attributes:
        bytes_per_s: rate of a download; each has it for itself.
        cache_bytes: what a node keeps of them, least recently used first to go.
        cached_s: what finding them in the cache takes.
    """

    bytes_per_s: float = float("inf")
    cache_bytes: float = 0.0
    cached_s: float = 0.0


class Pooled:
    """A start takes an instance from a pool, or has one made from scratch, and loads it with the function.

    Allocating: stage k of the search takes its time and looks into the k smallest pools whose instances are large enough, the smallest
    first; it ends with `from_pool` at the first that has one. Past the last stage, or for a runtime without pool, or a function larger
    than all pools, it is `from_scratch`. Scheduling: a base, and `per_start_s` for each other start under way. Then the
    runtime starts, code and dependencies are fetched or found in the node's cache, and the function initialises.

    Source: the mechanism that Joosen et al. describe, "Serverless Cold Starts and Where to Find Them", EuroSys 2025, section 2: staged
    search that widens, else from scratch; no pool for custom images.

    Assumptions: a larger instance serves as well as one of the right size, and the function takes its own memory only; pools are of
    the platform, caches of each node; downloads do not share the network; only what `Pool` and `LruCache` say is remembered.

    Args:
        pools: in any order.
        drawn: times called "search 1" ..., "from_pool", "from_scratch", "scheduling", "starting_runtime", "initialising".
        stages: how many stages the search has.
        no_pool: runtimes that are always made from scratch.
        per_start_s: see above.
        fetching: see there.

    Attributes:
        pools: the smallest first.
    """

    def __init__(
        self,
        pools: Sequence[Pool],
        drawn: Drawn,
        stages: int,
        no_pool: Sequence[str],
        per_start_s: float,
        fetching: Fetching,
    ) -> None:
        self.pools: Sequence[Pool] = tuple(sorted(pools, key=lambda pool: pool.memory_bytes))
        self._drawn = drawn
        self._search = tuple(f"search {stage + 1}" for stage in range(stages))
        self._no_pool = frozenset(map(key, no_pool))
        self._per_start_s = per_start_s
        self._fetching = fetching
        self._caches: dict[str, LruCache] = {}

    def times(self, start: Start) -> Times:
        function, drawn = start.function, self._drawn
        return (
            drawn.of("scheduling", start) + self._per_start_s * start.under_way,
            self._allocate(start),
            drawn.of("starting_runtime", start),
            self._fetch(start, "code", function.code_bytes),
            self._fetch(start, "dependencies", function.dependency_bytes),
            drawn.of("initialising", start),
        )

    def expected(self, function: FunctionSpec) -> Times:
        """Return the mean times of a start that finds an instance in the first stage, if there is a pool, and nothing in the cache."""
        mean, rate = self._drawn.mean, self._fetching.bytes_per_s
        found = self._search and self._large_enough(function)
        return (
            mean("scheduling"),
            mean("search 1") + mean("from_pool") if found else mean("from_scratch"),
            mean("starting_runtime"),
            function.code_bytes / rate,
            function.dependency_bytes / rate,
            mean("initialising"),
        )

    def _allocate(self, start: Start) -> float:
        """Take an instance from a pool, or from none; return how long that takes."""
        if start.held:
            return 0.0  # it has its sandbox
        pools, drawn = self._large_enough(start.function), self._drawn
        took_s, seen = 0.0, 0
        if pools:
            for stage, name in enumerate(self._search):
                took_s += drawn.of(name, start)
                for pool in pools[seen : stage + 1]:
                    if pool.take(start.now_s):
                        return took_s + drawn.of("from_pool", start)
                seen = stage + 1
        return took_s + drawn.of("from_scratch", start)

    def _large_enough(self, function: FunctionSpec) -> Sequence[Pool]:
        """Return the pools a function may take from, the smallest first."""
        if key(function.runtime) in self._no_pool:
            return ()
        return [pool for pool in self.pools if pool.memory_bytes >= function.memory_bytes]

    def _fetch(self, start: Start, what: str, size_bytes: float) -> float:
        """Return how long fetching something of a function to a node takes, and have the node's cache keep it."""
        if not size_bytes:
            return 0.0
        cache = self._caches.get(start.node)
        if cache is None:
            cache = self._caches[start.node] = LruCache(self._fetching.cache_bytes)
        if cache.hit((start.function.name, what), size_bytes):
            return self._fetching.cached_s
        return size_bytes / self._fetching.bytes_per_s
