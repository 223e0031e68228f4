"""Who hears of what an engine does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from simtier.models.llm.sequence import LlmSequence


def _nobody(_: object) -> None:
    """Hear, and do nothing."""


@dataclass(frozen=True, slots=True)
class Ears:
    """Who hears of what an engine does.

    Attributes:
        wrote: called after each stretch with the values of a row of the table `iterations`.
        refused: called with each waiting sequence that the policy rejects.
        heralds: called with each sequence that goes on elsewhere when the iteration begins in which its prompt ends; None if nobody wants it.
    """

    wrote: Callable[[tuple[float, ...]], object] = _nobody
    refused: Callable[[LlmSequence], object] = _nobody
    heralds: Callable[[LlmSequence], object] | None = None
