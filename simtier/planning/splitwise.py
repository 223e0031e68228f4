"""Splitwise's provisioning: how many machines for prompts, for tokens and for both, of which kinds, by what they cost or draw.

Source: Patel et al., Splitwise, ISCA 2024, section 5: a search over numbers of prompt and token machines by simulation, for the least cost or power
that keeps the objective at a rate, or for the highest rate at a given cost or power.

A machine is a replica as the scenario divides it, on accelerators of one kind. What one machine takes of each phase alone says which numbers of
machines are worth simulating together.

Assumptions: as of `cluster`; machines cost what their accelerators cost in the catalogue, or draw at their peaks, used or not, and the hosts
nothing. Left out: caps on the power of token machines (Splitwise-HHcap). The accelerators of the scenario's nodes say which kinds there are; how
many there are only counts when a scenario is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from math import ceil
from typing import Literal

from simtier.errors import PlanError
from simtier.planning.cluster import serve
from simtier.planning.engines import Stock
from simtier.planning.goodput import Probed, climb
from simtier.planning.plans import BOTH, PROMPTS, TOKENS, Plan, Pool, attained, makers, rate_text
from simtier.planning.question import Question
from simtier.planning.search import Search

Unit = Literal["cost", "power"]
"""What machines are counted by: dollars per second, or watts."""

MIXED = (0, 1)
"""Machines of a mixed pool that are tried beside the others."""

_FEWER = 0.6
"""Share of what phases alone would need, from where on pools are tried: machines of a pool share their load."""
_TRIED = 24
"""Most fleets that are simulated under a budget: those whose phases alone promise most."""
_MOST_MACHINES = 200
"""Most machines of a fleet that is simulated."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Machines of one kind.

    Attributes:
        stock: their accelerators.
        price: of one, in dollars per second or watts.
        prompts, tokens, both: requests/s that one takes of prompts alone, of tokens alone, and of both; 0 if it keeps the promise at no rate.
    """

    stock: Stock
    price: float
    prompts: float
    tokens: float
    both: float


@dataclass(frozen=True, slots=True)
class Fleet:
    """Numbers of machines for prompts, for tokens and for both; those for both are of the kind for tokens."""

    first: Kind
    second: Kind
    prompts: int
    tokens: int
    both: int

    @property
    def price(self) -> float:
        """What all of them cost."""
        return self.prompts * self.first.price + (self.tokens + self.both) * self.second.price

    @property
    def estimate(self) -> float:
        """Requests/s by the phases alone."""
        if not (self.prompts and self.tokens):
            return self.both * self.second.both
        return min(self.prompts * self.first.prompts, self.tokens * self.second.tokens) + self.both * self.second.both

    def __str__(self) -> str:
        first, second = self.first.stock.device.name, self.second.stock.device.name
        numbers = ((self.prompts, PROMPTS, first), (self.tokens, TOKENS, second), (self.both, BOTH, second))
        return ", ".join(f"{number} x {kind} for {role}" for number, role, kind in numbers if number)


class Provisioning:
    """Tries fleets.

    Args:
        question: what to plan for.
        unit: what machines are counted by.

    Attributes:
        kinds: of machines that hold the model.
        simulations: how many were run so far.

    Raises PlanError if no kind of machine holds the model.
    """

    def __init__(self, question: Question, unit: Unit) -> None:
        self._question, self._unit = question, unit
        self._division = question.workshop.written
        self.simulations = 0
        self.kinds = [self._kind(stock) for stock in question.stocks if self._holds(stock)]
        if not self.kinds:
            raise PlanError(
                f"services.{question.service}.llm: {self._division} fits on no kind of accelerator there is, or has no known times: give another `tensor`"
            )

    def pools(self, fleet: Fleet) -> tuple[Pool, ...]:
        """Return a fleet as pools."""
        numbers = (
            (PROMPTS, fleet.prompts, fleet.first),
            (BOTH, fleet.both, fleet.second),
            (TOKENS, fleet.tokens, fleet.second),
        )
        return tuple(
            Pool(role=role, hardware=kind.stock.device.name, division=self._division, replicas=number)
            for role, number, kind in numbers
            if number
        )

    def within(self, fleet: Fleet, rate: float) -> float:
        """Return which share of requests a fleet serves in time; as many for each machine of its largest pool as are asked for one."""
        self.simulations += 1
        question, pools = self._question, self.pools(fleet)
        number = question.number * max(pool.replicas for pool in pools)
        requests = question.load_of(question.scenario.run.seed, number).at_rate(rate)
        served = serve(requests, *(makers(question, pools, role) for role in (PROMPTS, TOKENS, BOTH)))
        return served.sustained(question.promise.ttft_s, question.promise.tpot_s)

    def cheapest(self, fleets: Iterable[Fleet], rate: float) -> Fleet | None:
        """Return the cheapest fleet that keeps the promise at a rate; None if none does."""
        share = self._question.promise.share
        ordered = sorted(fleets, key=lambda fleet: (fleet.price, -fleet.estimate))
        return next((fleet for fleet in ordered if self.within(fleet, rate) >= share), None)

    def strongest(self, fleets: Iterable[Fleet]) -> tuple[Fleet, float] | None:
        """Return the fleet that takes the highest rate, and that rate; None if none keeps the promise at any.

        Of most, one simulation tells that they are no better than the best so far.
        """
        best: tuple[Fleet, float] | None = None
        ordered = sorted(fleets, key=lambda fleet: -fleet.estimate)[:_TRIED]
        for fleet in ordered:
            found = self.goodput(fleet, 1.02 * best[1] if best is not None else fleet.estimate, tried=best is not None)
            if found > 0:
                best = fleet, found
        return best

    def goodput(self, fleet: Fleet, guess: float, *, tried: bool = False) -> float:
        """Return the highest rate at which a fleet keeps the promise; with `tried`, 0 if it does not keep it at `guess`."""
        attainment, share = Probed(lambda rate: self.within(fleet, rate)), self._question.promise.share
        if tried and attainment(guess) < share:
            return 0.0
        return climb(attainment, share, guess)

    def at_rate(self, rate: float) -> Iterator[Fleet]:
        """Yield fleets with about as many machines as a rate needs."""
        for first, second in self._pairs():
            self._require_few(rate / first.prompts + rate / second.tokens, "plan for a lower --rate")
            prompts, tokens = _about(rate / first.prompts), _about(rate / second.tokens)
            yield from (Fleet(first, second, *numbers) for numbers in product(prompts, tokens, MIXED))

    def plain_at_rate(self, rate: float) -> Iterator[Fleet]:
        """Yield fleets of machines that all do both, likewise."""
        for kind in self.kinds:
            if kind.both:
                yield from (Fleet(kind, kind, 0, 0, number) for number in _about(rate / kind.both))

    def within_budget(self, budget: float) -> Iterator[Fleet]:
        """Yield fleets that use a budget up."""
        for (first, second), both in product(self._pairs(), MIXED):
            self._require_few(budget / min(first.price, second.price), "lower --budget")
            left = budget - both * second.price
            for prompts in range(1, int(left // first.price) + 1):
                tokens = int((left - prompts * first.price) // second.price)
                if tokens:
                    yield Fleet(first, second, prompts, tokens, both)

    def plain_within_budget(self, budget: float) -> Iterator[Fleet]:
        """Yield fleets of machines that all do both, likewise."""
        for kind in self.kinds:
            if kind.both and budget >= kind.price:
                yield Fleet(kind, kind, 0, 0, int(budget // kind.price))

    def _require_few(self, machines: float, way_out: str) -> None:
        """Raise PlanError if a fleet has so many machines that nobody would wait for its simulations."""
        if machines > _MOST_MACHINES:
            raise PlanError(
                f"{self._question.service}: this takes about {machines:,.0f} machines, and fleets of {_MOST_MACHINES} at most are simulated: {way_out}"
            )

    def _pairs(self) -> Iterator[tuple[Kind, Kind]]:
        for first, second in product(self.kinds, repeat=2):
            if first.prompts and second.tokens:
                yield first, second

    def _kind(self, stock: Stock) -> Kind:
        """Return what one machine of a kind costs and takes; raises PlanError for one that costs nothing."""
        search, divisions, device = Search(self._question, stock.device), (self._division,), stock.device
        prompts, tokens, both = search.prompts(divisions), search.tokens(divisions), search.colocated(divisions)
        self.simulations += search.simulations
        price = (device.dollars_per_s if self._unit == "cost" else device.peak_w) * self._division.accelerators
        if not price > 0:
            raise PlanError(f"{device.name} has no {self._unit} in the catalogue: plan by {_OTHER[self._unit]}")
        return Kind(stock, price, prompts[1] if prompts else 0.0, tokens[1] if tokens else 0.0, both.goodput)

    def _holds(self, stock: Stock) -> bool:
        return self._division in self._question.workshop.divisions(stock.device, max(stock.nodes))


_OTHER = {"cost": "power", "power": "cost"}


def _about(machines: float) -> range:
    """Return the numbers of machines to try where phases alone would need so many."""
    return range(max(1, int(_FEWER * machines)), ceil(machines) + 2)


def splitwise(question: Question, *, budget: float | None = None, unit: Unit = "cost") -> Plan:
    """Return the machines that Splitwise's search would buy for `question`.

    With a `budget`, in dollars per second or watts by `unit`, those that take the highest rate within it; without, the cheapest that take
    the rate asked for. A note compares them with machines that all compute prompts and decode. Raises PlanError if no kind of machine
    holds the model, the budget buys too little, or nothing keeps the promise.
    """
    search = Provisioning(question, unit)
    if budget is None:
        at, fleet = question.rate, search.cheapest(search.at_rate(question.rate), question.rate)
        plain = search.cheapest(search.plain_at_rate(at), at)
        note = f"at the same rate: {plain}, {plain.price / fleet.price:.3g} times the {unit}" if plain and fleet else ""
    else:
        found, others = (
            search.strongest(search.within_budget(budget)),
            search.strongest(search.plain_within_budget(budget)),
        )
        fleet, at = found if found is not None else (None, 0.0)
        note = f"for the same {unit}: {others[0]}, {rate_text(others[1])} requests/s" if others is not None else ""
    if fleet is None:
        raise _nothing(question, budget, unit)
    pools = search.pools(fleet)
    share, width = attained(question, pools, at)
    goodput = search.goodput(fleet, at) if budget is None else at
    return Plan(
        method=f"splitwise, by {unit}",
        question=question,
        pools=pools,
        goodput=goodput,
        simulations=search.simulations,
        checked_at=at,
        attained=share,
        half_width=width,
        price=fleet.price,
        unit=unit,
        notes=(f"machines that all do both, {note or 'keep the promise at no number tried'}",),
    )


def _nothing(question: Question, budget: float | None, unit: Unit) -> PlanError:
    promise = question.promise
    kept = f"{promise.share:.0%} of requests within {promise.ttft_s:g} s to the first token and {promise.tpot_s:g} s a token"
    if budget is None:
        return PlanError(
            f"apps.{question.app}.slo: no numbers of machines that were tried keep {kept} at {rate_text(question.rate)} requests/s: promise less, or plan "
            "for another --rate"
        )
    of = "dollars per second" if unit == "cost" else "W"
    return PlanError(f"a budget of {budget:.4g} {of} buys no machines that keep {kept} at any rate: raise --budget")
