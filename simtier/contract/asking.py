"""How models ask policies: what a policy raises becomes a PolicyError that names it, and explained decisions are kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, TypeVar

import numpy as np

from simtier.contract.policy import Policy
from simtier.errors import PolicyError

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Decision:
    """One explained decision: the question, what the policy saw of each candidate, and its answer."""

    time_s: float
    kind: str
    policy: str
    owner: str
    question: str
    saw: str
    answer: str


class Decisions:
    """Keeps the first `limit` decisions, or a uniform sample of that many (reservoir sampling, Vitter 1985) given an `rng`."""

    def __init__(self, limit: int, rng: np.random.Generator | None = None) -> None:
        self.kept: list[Decision] = []
        self.seen = 0
        self._limit = limit
        self._rng = rng

    def slot(self) -> int | None:
        """Count one decision; return where to keep it, or None to forget it."""
        self.seen += 1
        if len(self.kept) < self._limit:
            return len(self.kept)
        if self._rng is None:
            return None
        place = int(self._rng.integers(self.seen))
        return place if place < self._limit else None

    def keep(self, slot: int, decision: Decision) -> None:
        """Put `decision` at `slot`."""
        self.kept[slot : slot + 1] = [decision]


class Asker:
    """Puts one policy's questions for one owner (a service, an application).

    Args:
        policy: the policy.
        name: how the scenario calls it, for messages.
        owner: who asks, for messages.
        now: reads the simulated time.
        decisions: where explained decisions go; None keeps none.
    """

    def __init__(
        self, policy: Policy, name: str, owner: str, now: Callable[[], float], decisions: Decisions | None = None
    ) -> None:
        self.policy = policy
        self.name = name
        self.owner = owner
        self.skip = policy.passive
        self._now = now
        self._decisions = decisions

    def ask(self, question: Callable[..., Answer], *seen: Any) -> Answer:
        """Return the policy's answer to `question(*seen)`; raises PolicyError for anything it raises."""
        try:
            answer = question(*seen)
        except (Exception, SystemExit) as error:
            raise self._raised(question, error) from error
        if self._decisions is not None:
            slot = self._decisions.slot()
            if slot is not None:
                self._decisions.keep(slot, self._decision(question.__name__, seen, answer))
        return answer

    def tell(self, what: Callable[..., object], *seen: Any) -> None:
        """Call `what(*seen)`, which answers nothing, such as `start`; raises PolicyError for anything it raises."""
        try:
            what(*seen)
        except (Exception, SystemExit) as error:
            raise self._raised(what, error) from error

    def wrong(self, answer: object, expected: str) -> PolicyError:
        """Return the error for an answer the contract does not allow."""
        return PolicyError(f"{self._title()} answered {_short(answer)} at {self._now():.6g} s; expected {expected}")

    def _raised(self, where: Callable[..., object], error: BaseException) -> PolicyError:
        return PolicyError(
            f"{self._title()} raised {type(error).__name__} at {self._now():.6g} s in {where.__name__}(): {error}"
        )

    def _title(self) -> str:
        return f"{self.policy.kind} policy {self.name!r} of {self.owner!r}"

    def _decision(self, question: str, seen: Sequence[Any], answer: object) -> Decision:
        return Decision(
            time_s=self._now(),
            kind=self.policy.kind,
            policy=self.name,
            owner=self.owner,
            question=question,
            saw=json.dumps([describe(item) for item in seen], default=repr),
            answer=json.dumps(describe(answer, brief=True), default=repr),
        )


MOST_DEPTH = 2
"""How deep a view is described in full: a path, its tiers, their fields."""


def describe(item: Any, *, brief: bool = False, depth: int = 0) -> Any:
    """Return what a view shows as plain data; `brief` gives only what identifies it."""
    if item is None or isinstance(item, bool | int | float | str):
        return item
    if isinstance(item, Sequence):
        return [describe(each, brief=brief, depth=depth + 1) for each in item]
    if is_dataclass(item) and not isinstance(item, type):
        return {each.name: describe(getattr(item, each.name), brief=brief, depth=depth + 1) for each in fields(item)}
    shown = [name for name in dir(type(item)) if isinstance(getattr(type(item), name), property) and name[0] != "_"]
    if not shown:
        return repr(item)
    if brief or depth > MOST_DEPTH:
        shown = [name for name in ("id", "name", "service") if name in shown]
    return {name: describe(getattr(item, name), brief=depth > 0, depth=depth + 1) for name in shown}


def _short(answer: object) -> str:
    shown = describe(answer, brief=True)
    text = repr(answer) if isinstance(shown, str) else repr(shown)
    return text if len(text) <= 200 else text[:197] + "..."
