"""A pool of instances ready to become one of any function of their size."""

from __future__ import annotations

from collections.abc import Callable


class Pool:
    """Instances kept ready, made one after the other when some are missing.

    How many there are is computed when somebody asks, from when the first missing one began to be made; no event is needed. The n-th
    is ready `n * refill_s` seconds after that, with no running sum.

    Assumptions: instances in a pool do not age, and take nothing of any node; one is made at a time. An instance is being made
    whenever one is missing, and when the size is lowered those too many vanish at once.

    Args:
        platform, name: whose, and by size, such as "512 MB".
        memory_bytes: of an instance.
        size: how many it is filled up to, and holds at time zero.
        refill_s: what making one takes.
        now: tells the time to those who look at it; as of the last change if not given.

    Attributes:
        view: what policies see of it; see simtier.contract.PoolView.
    """

    def __init__(
        self, platform: str, name: str, memory_bytes: float, size: int, refill_s: float, now: Callable[[], float] | None
    ) -> None:
        self.platform = platform
        self.name = name
        self.memory_bytes = memory_bytes
        self.size = size
        self.taken = 0
        self.missed = 0
        self.view = PoolFacade(self)
        self._refill_s = refill_s
        self._now = now
        self._last_s = 0.0
        self._base = size  # how many there were when refilling began, less those taken since
        self._began_s: float | None = None  # when refilling began; None if nothing is missing

    def available_at(self, now_s: float) -> int:
        """Return how many instances are ready at `now_s`, not before the last time it was asked to change."""
        if self._began_s is None:
            return self._base
        missing = self.size - self._base
        return self._base + min(missing, self._made(now_s - self._began_s, missing))

    def available(self) -> int:
        """Return how many instances are ready now."""
        return self.available_at(self._now() if self._now is not None else self._last_s)

    def take(self, now_s: float) -> bool:
        """Take an instance; return False, and count a miss, if there is none."""
        self._settle(now_s)
        if not self.available_at(now_s):
            self.missed += 1
            return False
        self._base -= 1
        self.taken += 1
        if self._began_s is None:
            self._began_s = now_s
        return True

    def resize(self, size: int, now_s: float) -> None:
        """Fill up to `size` instances from now on. Raises ValueError if it is negative."""
        if size < 0:
            raise ValueError(f"pool {self.name!r} of platform {self.platform!r} cannot have a size of {size}")
        self._settle(now_s)
        if size <= self.available_at(now_s):
            self._base, self._began_s = size, None
        elif self._began_s is None:
            self._began_s = now_s
        self.size = size

    def _settle(self, now_s: float) -> None:
        """Note that a pool that has been filled up is full."""
        self._last_s = now_s
        if self._began_s is not None and self.available_at(now_s) == self.size:
            self._base, self._began_s = self.size, None

    def _made(self, passed_s: float, most: int) -> int:
        """Return how many instances, up to `most`, have been made in so many seconds."""
        if passed_s >= most * self._refill_s:
            return most
        made = int(passed_s / self._refill_s)
        if (made + 1) * self._refill_s <= passed_s:
            return made + 1
        return made - 1 if made * self._refill_s > passed_s else made


class PoolFacade:
    """A pool as policies see it; see simtier.contract.PoolView."""

    __slots__ = ("_pool",)

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @property
    def platform(self) -> str:
        return self._pool.platform

    @property
    def name(self) -> str:
        return self._pool.name

    @property
    def available(self) -> int:
        return self._pool.available()

    @property
    def size(self) -> int:
        return self._pool.size

    @property
    def taken(self) -> int:
        return self._pool.taken

    @property
    def missed(self) -> int:
        return self._pool.missed
