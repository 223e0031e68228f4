"""What a policy's decisions cost: microseconds for each question, and how they grow with the number of candidates."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from statistics import median
from typing import Any

from simtier.contract import Policy
from simtier.streams import Streams
from simtier.testing.play import fresh, situations, try_to
from simtier.testing.world import World

ABSURD_S = 0.05
"""Above this median a policy breaks a promise: a simulation asks millions of times."""
SLOW_S = 0.001
"""Above this median a policy is worth a remark: a simulated request costs some ten microseconds otherwise."""
_FEW, _MANY = 64, 512
_STEEP = 1.5
_REPEATS = 5


@dataclass(frozen=True)
class Cost:
    """What answers to one question cost.

    Attributes:
        question: the method asked.
        median_s: median time of an answer in the generated world.
        exponent: the time grows like the number of candidates to this power, from 64 to 512 candidates; NaN for questions without
            candidates, and where the policy could not be asked about so many.
        many_s: time of an answer with 512 candidates; NaN likewise.
    """

    question: str
    median_s: float
    exponent: float
    many_s: float

    @property
    def remark(self) -> str:
        """What to say about it; empty if all is well."""
        name = f"{self.question}()"
        if self.exponent > _STEEP and self.many_s > SLOW_S / 10:
            return (
                f"{name} grows like n^{self.exponent:.1f} with n candidates ({self.many_s * 1e3:.2g} ms for {_MANY}); "
                "most likely a loop in a loop, or a sort or copy for every candidate"
            )
        if self.median_s > SLOW_S:
            return f"{name} takes {self.median_s * 1e3:.2g} ms; most likely it computes anew what start() or observe() could keep"
        return ""


def costs(policy: Policy) -> list[Cost]:
    """Return what each question costs, asked about a generated world; raises AssertionError for what the policy raises."""
    taken: dict[str, list[float]] = {}
    shown: dict[str, tuple[Any, ...]] = {}
    subject, world = _started(policy)
    for question, seen in situations(subject, world):
        taken.setdefault(question, []).append(_seconds(subject, question, seen))
        shown.setdefault(question, seen)
    return [
        Cost(question, median(times), *_growth(policy, question, shown[question])) for question, times in taken.items()
    ]


def cheap_enough(policy: Policy) -> None:
    """Raise AssertionError if answers to any question take absurdly long; noise of a busy machine never does."""
    for cost in costs(policy):
        assert cost.median_s <= ABSURD_S, (
            f"{type(policy).__name__}.{cost.question}() takes {cost.median_s * 1e3:.3g} ms at the median, and a simulation asks millions "
            "of times; most likely it computes anew what start() or observe() could keep"
        )


def _started(policy: Policy) -> tuple[Policy, World]:
    subject, world = fresh(policy), World(0)
    try_to(subject, "start", world.site, Streams(0).stream("testing/policy"))
    return subject, world


def _seconds(policy: Policy, question: str, seen: tuple[Any, ...]) -> float:
    begun = time.perf_counter()
    try_to(policy, question, *seen)
    return time.perf_counter() - begun


def _growth(policy: Policy, question: str, seen: tuple[Any, ...]) -> tuple[float, float]:
    """Return the power with which the time grows, and the time with many candidates; NaN where there is none to tell."""
    few, many = _with(seen, _FEW), _with(seen, _MANY)
    if few == seen:
        return math.nan, math.nan
    try:
        few_s, many_s = (min(_repeated(policy, question, each)) for each in (few, many))
    except AssertionError:  # it looks up what the generated world has fewer of
        return math.nan, math.nan
    return math.log(many_s / few_s) / math.log(_MANY / _FEW), many_s


def _repeated(policy: Policy, question: str, seen: tuple[Any, ...]) -> Iterator[float]:
    """Yield how long the answer took, a few times: the quickest is disturbed the least."""
    subject, _ = _started(policy)
    for _ in range(_REPEATS):
        yield _seconds(subject, question, seen)


def _with(seen: tuple[Any, ...], number: int) -> tuple[Any, ...]:
    """Return what is shown with `number` candidates: those of each tuple again and again, each with a number of its own."""
    return tuple(_grown(each, number) if _is_candidates(each) else _inside(each, number) for each in seen)


def _inside(view: Any, number: int) -> Any:
    """Return a view of what holds candidates, such as a service of replicas, with so many of them."""
    if not is_dataclass(view) or isinstance(view, type) or type(view).__name__ == "FakeSplit":  # its tuples go together
        return view
    held = {field.name: getattr(view, field.name) for field in fields(view)}
    grown = {name: _grown(value, number) for name, value in held.items() if _is_candidates(value) and name != "running"}
    return replace(view, **grown) if grown else view


def _is_candidates(value: object) -> bool:
    return (
        isinstance(value, tuple) and len(value) > 0 and all(is_dataclass(item) and _told_apart(item) for item in value)
    )


def _grown(items: tuple[Any, ...], number: int) -> tuple[Any, ...]:
    return tuple(_another(items[index % len(items)], index) for index in range(number))


def _another(item: Any, index: int) -> Any:
    told_apart = _told_apart(item)
    return replace(item, **{told_apart: index if told_apart == "id" else f"{item.name}-{index}"})


def _told_apart(item: object) -> str:
    """Return the field by which such views are told apart; empty if they have none."""
    return "id" if hasattr(item, "id") else "name" if hasattr(item, "name") else ""
