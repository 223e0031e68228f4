"""What planning finds: pools of replicas, what they reach, and how that was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from simtier.planning.cluster import serve
from simtier.planning.engines import Division, EngineMaker
from simtier.planning.question import Question
from simtier.statistics import half_width

PROMPTS, TOKENS, BOTH = "prompts", "tokens", "both"
"""What a pool computes."""

_CHECKED = 5
_MOST_CHECKED = 3000
_PLAIN = 999.5
"""From here on three digits would be written with an exponent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Replicas that are alike.

    Attributes:
        role: `PROMPTS`, `TOKENS` or `BOTH`.
        hardware: accelerators, by the catalogue's name.
        division: how each replica's model is divided.
        replicas: how many there are.
        goodput: requests/s that one of them takes within its part of the promise; None where only the whole was simulated.
    """

    role: str
    hardware: str
    division: Division
    replicas: int
    goodput: float | None = None

    @property
    def accelerators(self) -> int:
        """Accelerators of all replicas."""
        return self.replicas * self.division.accelerators


@dataclass(frozen=True, slots=True, kw_only=True)
class Colocated:
    """The best that replicas reach which compute prompts and decode.

    Attributes:
        division: how each replica's model is divided.
        goodput: requests/s of one; 0 if none meets the promise at any rate.
    """

    division: Division | None
    goodput: float

    @property
    def per_accelerator(self) -> float:
        """Requests/s of each accelerator."""
        return 0.0 if self.division is None else self.goodput / self.division.accelerators


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Pools for one language model.

    Attributes:
        method: how it was found.
        question: what it answers.
        pools: what to run.
        goodput: requests/s of all pools together within the promise.
        simulations: how many simulations were needed.
        checked_at: requests/s that all pools together were simulated at, once found.
        attained: share of requests within the promise there, a mean over repetitions with other random numbers; NaN if there are too few
            accelerators for the pools, which are then not simulated together.
        half_width: of that mean, at 95 % confidence; NaN for requests of a trace, which are always the same.
        colocated: the best without pools, to compare with; None if not looked for.
        price: of all pools by `unit`, dollars per second for `cost` or watts for `power`; None if nothing was counted.
        notes: what else was found, in sentences.
        trouble: what stands against the plan, one sentence; empty if nothing does.
    """

    method: str
    question: Question
    pools: tuple[Pool, ...]
    goodput: float
    simulations: int
    checked_at: float
    attained: float
    half_width: float
    colocated: Colocated | None = None
    price: float | None = None
    unit: str = ""
    notes: tuple[str, ...] = ()
    trouble: str = ""

    @property
    def accelerators(self) -> int:
        """Accelerators of all pools."""
        return sum(pool.accelerators for pool in self.pools)

    @property
    def per_accelerator(self) -> float:
        """Requests/s of each accelerator within the promise."""
        return self.goodput / self.accelerators


def rate_text(per_s: float) -> str:
    """Return a rate as people read it: three digits, or all before the point."""
    return f"{per_s:.3g}" if per_s < _PLAIN else f"{per_s:,.0f}"


def makers(question: Question, pools: Sequence[Pool], role: str) -> list[EngineMaker]:
    """Return what makes the engines of the pools that have a role."""
    devices = {stock.device.name: stock.device for stock in question.stocks}
    return [
        question.workshop.maker(pool.division, devices[pool.hardware])
        for pool in pools
        if pool.role == role
        for _ in range(pool.replicas)
    ]


def attained(question: Question, pools: Sequence[Pool], rate: float) -> tuple[float, float]:
    """Return the share of requests within the promise if all pools serve `rate` requests/s together, and its 95 % half-width.

    It is the mean of repetitions with other requests; each has so many for every replica as were simulated for one, up to 3,000. Requests
    of a trace are always the same: once is enough, and the half-width is NaN.
    """
    replicas = max((sum(p.replicas for p in pools if p.role == role) for role in (PROMPTS, TOKENS, BOTH)), default=1)
    number = min(question.number * replicas, max(_MOST_CHECKED, question.number))
    promise, shares, before = question.promise, [], None
    for replication in range(1, _CHECKED + 1):
        load = question.load_of(question.scenario.run.seed, number, replication)
        if load == before:
            break
        before = load
        served = serve(load.at_rate(rate), *(makers(question, pools, role) for role in (PROMPTS, TOKENS, BOTH)))
        shares.append(served.within(promise.ttft_s, promise.tpot_s))
    return sum(shares) / len(shares), half_width(shares)
