"""The problem of spreading the experts of a mixture over accelerators, so that none has much more to do than the others.

A policy places by the tokens of one window and is scored on the next: `100 *` balancedness, mean over busiest load of accelerators, mean
over layers and windows. What it moves is told beside, and does not count; nor does the time it takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from statistics import fmean
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import BaseModel, Field

from simtier.contract import ExpertPlacement, Policy
from simtier.errors import StudyError, TraceError
from simtier.models.experts import Layout, Mixture, Popularity, best_possible, drifting, play
from simtier.models.experts.balance import Floats
from simtier.scenario.base import Name, Part
from simtier.search.problem import Case, CaseScore
from simtier.streams import Streams

Count = Annotated[int, Field(ge=1)]


class Drawn(Part):
    """Generated tokens; see `simtier.models.experts.drift`."""

    name: Name
    """Name of the case."""
    stage: Literal["cheap", "full", "held_out"]
    """When it is played."""
    popularity: Literal["log_normal", "zipf"]
    """How popularity is distributed over experts."""
    skew: Annotated[float, Field(ge=0, le=10)]
    """Its CV, or Zipf's exponent."""
    kept: Annotated[float, Field(ge=0, le=1)]
    """Correlation of the scores behind it from one window to the next."""
    windows: Annotated[int, Field(ge=2)] = 6
    """Windows; the first is not scored."""
    tokens: Count = 16_384
    """Tokens in a window."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Of the draws."""


class Measured(Part):
    """Tokens counted somewhere."""

    name: Name
    """Name of the case."""
    stage: Literal["cheap", "full", "held_out"]
    """When it is played."""
    file: str
    """A NumPy file (.npy), relative to the suite's folder: tokens by window, layer and expert."""


class ExpertBalanceSettings(Part):
    """Settings of the problem."""

    layers: Count
    """Layers with experts."""
    experts: Count
    """Routed experts of a layer."""
    active: Count
    """How many of them a token goes to."""
    slots: Count
    """Places for experts on all accelerators together, in each layer."""
    accelerators: Count
    """Accelerators."""
    nodes: Count
    """Nodes."""
    groups: Count
    """Groups of experts."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Of policies that draw."""
    cases: Annotated[tuple[Drawn | Measured, ...], Field(min_length=1)]
    """The cases."""


class ExpertBalance:
    """The problem as a suite file sets it; raises StudyError for numbers that cannot be, such as fewer slots than experts."""

    Settings: ClassVar[type[BaseModel]] = ExpertBalanceSettings
    kind = "expert_placement"

    def __init__(self, settings: ExpertBalanceSettings, *, traces: Sequence[Path] = (), folder: Path = Path()) -> None:
        del traces  # what was counted lies beside the suite
        self._settings = settings
        self._folder = folder
        self._by_name = {each.name: each for each in settings.cases}
        if len(self._by_name) < len(settings.cases):
            raise StudyError("settings.cases: two cases have the same name; give each its own")
        if settings.slots < settings.experts or settings.experts < settings.active:
            raise StudyError(
                f"settings: {settings.slots} slots must hold {settings.experts} experts, of which {settings.active} are active; give as many "
                "slots as experts, and as many experts as are active"
            )
        try:
            self._layout = Layout(settings.slots, settings.accelerators, settings.nodes, settings.groups)
        except ValueError as error:
            raise StudyError(f"settings: {error}") from error

    def cases(self) -> Sequence[Case]:
        """Return the cases in the order of the file."""
        return self._cases

    def check(self, case: Case, *, fully: bool) -> None:  # noqa: ARG002 - it is quick
        """Read the case's file if it has one; raises TraceError as `play` would."""
        each = self._by_name[case.name]
        if isinstance(each, Measured):
            self._counted(each)

    def play(self, case: Case, make: Callable[[], Policy]) -> CaseScore:
        """Return the mean balancedness in percent, and what was moved."""
        policy = make()
        assert isinstance(policy, ExpertPlacement)
        rng = Streams(self._settings.seed).stream(f"experts/{case.name}/policy")
        played = play(self._layout, self._windows(case), policy, rng)
        balancedness = fmean(each.balancedness for each in played)
        copies = self._settings.layers * self._settings.slots
        moves = [each.moved for each in played[1:]]
        return CaseScore(
            100 * balancedness,
            {
                "balancedness": balancedness,
                "worst_layer": min(each.worst for each in played),
                "moved_share": fmean(moves) / copies if moves else 0.0,
            },
        )

    def references(self, case: Case) -> dict[str, float]:
        """Return a score that no placement exceeds, even one that knows the next window."""
        windows = islice(self._windows(case), 1, None)
        settings = self._settings
        return {
            "bound": 100 * fmean(float(best_possible(w, settings.slots, settings.accelerators).mean()) for w in windows)
        }

    @cached_property
    def _cases(self) -> tuple[Case, ...]:
        return tuple(
            Case(each.name, each.stage, each.model_dump(exclude={"name", "stage"})) for each in self._settings.cases
        )

    def _windows(self, case: Case) -> Iterable[Floats]:
        settings, each = self._settings, self._by_name[case.name]
        if isinstance(each, Measured):
            return list(self._counted(each))
        mixture = Mixture(settings.layers, settings.experts, settings.active)
        popularity = Popularity(each.popularity, each.skew, each.kept)
        rng = Streams(each.seed).stream(f"experts/{case.name}/tokens")
        return islice(drifting(mixture, popularity, each.tokens, rng), each.windows)

    def _counted(self, case: Measured) -> Floats:
        """Return what a file holds; raises TraceError."""
        path = self._folder / case.file
        try:
            counted = np.load(path, allow_pickle=False)
        except (OSError, ValueError) as error:
            raise TraceError(f"{path}: not a NumPy file of numbers ({error})") from error
        layers, experts = self._settings.layers, self._settings.experts
        fits = isinstance(counted, np.ndarray) and counted.ndim == 3 and counted.shape[1:] == (layers, experts)
        if not fits or len(counted) < 2 or counted.dtype.kind not in "iuf":
            raise TraceError(
                f"{path}: expected numbers by window (at least 2), layer ({layers}) and expert ({experts}), got shape "
                f"{getattr(counted, 'shape', '()')}"
            )
        tokens: Floats = counted.astype(np.float64)
        if not np.isfinite(tokens).all() or tokens.min() < 0:
            raise TraceError(f"{path}: tokens must be numbers of at least 0")
        return tokens
