"""What a problem is: cases in which a policy is played and scored, and scores that no policy reaches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

from pydantic import BaseModel

from simtier.contract import Policy

CHEAP, FULL, HELD_OUT = STAGES = ("cheap", "full", "held_out")


@dataclass(frozen=True)
class Case:
    """One setting to be scored.

    Attributes:
        name: unique within its problem.
        stage: "cheap" (played first, quick), "full" (played if those went well), or "held_out" (never part of the score).
        settings: what the problem needs to play it.
    """

    name: str
    stage: str
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class CaseScore:
    """What a policy reached in one case.

    Attributes:
        score: higher is better; finite.
        parts: named figures that make it up.
    """

    score: float
    parts: Mapping[str, float]


class Problem(Protocol):
    """Something that a policy can be better or worse at; the same calls give the same scores.

    Attributes:
        kind: of the policies that are scored, a name of `simtier.contract.KINDS`.
    """

    kind: str

    def cases(self) -> Sequence[Case]:
        """Return all cases, in the order in which they are played within their stage."""
        ...

    def check(self, case: Case, *, fully: bool) -> None:
        """Raise SimtierError if nobody can be scored in `case`; called before a policy is loaded, as what is raised later is the policy's.

        Args:
            case: one that may be played.
            fully: whether it surely is, so that work which playing it repeats no more may be done for the check.
        """
        ...

    def play(self, case: Case, make: Callable[[], Policy]) -> CaseScore:
        """Return the score in `case` of the policies that `make` makes, a new one at each call; what they raise is let through."""
        ...

    def references(self, case: Case) -> Mapping[str, float]:
        """Return scores in `case` that are no policy's, by name, such as an oracle's."""
        ...


class ProblemClass(Protocol):
    """How a suite file makes a problem: `Class(settings, traces=..., folder=...)`.

    Attributes:
        Settings: the frozen pydantic model that the suite file's `settings` are read with.
    """

    Settings: ClassVar[type[BaseModel]]

    def __call__(self, settings: Any, *, traces: Sequence[Path], folder: Path) -> Problem:
        """Return the problem.

        Args:
            settings: a `Settings`.
            traces: directories in which traces are looked for first.
            folder: of the suite file; paths in the settings are relative to it.
        """
        ...
