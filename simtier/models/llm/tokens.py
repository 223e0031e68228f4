"""How many tokens the requests of a stage have: given, drawn for each, or as their trace tells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from simtier.models.llm.estimates import alone_s
from simtier.models.llm.sequence import NEVER_TOLD, LlmSequence
from simtier.models.visit import Visit

Count = Callable[[Visit], int]
_INPUT, _OUTPUT = 1, 2  # where the tokens stand in `Visit.traced`


def given(tokens: int) -> Count:
    """Return what tells the same number for all."""
    return lambda _: tokens


def drawn(draws: Callable[[int], float], most: int) -> Count:
    """Return what tells a number drawn by the request's number, rounded, from 1 to `most`."""
    return lambda visit: min(max(1, round(draws(visit.id))), most)


def traced_input(visit: Visit) -> int:
    """Return the tokens of the prompt as the trace tells; 1 if it tells none."""
    return max(1, int(visit.traced[_INPUT]))


def traced_output(visit: Visit) -> int:
    """Return the tokens of the answer as the trace tells; 1 if it tells none."""
    return max(1, int(visit.traced[_OUTPUT]))


class TokenTimer:
    """The tokens of a stage; it stands where other stages have a timer.

    Args:
        inputs, outputs: how many tokens a visit's prompt and answer have.
        means: of both.
        most: longest answer the client accepts; 0 if it does not say.
    """

    by_cores = True

    def __init__(self, inputs: Count, outputs: Count, means: tuple[float, float], most: int = 0) -> None:
        self._inputs = inputs
        self._outputs = outputs
        self._means = means
        self._most = most

    def sequence(self, visit: Visit, now_s: float) -> LlmSequence:
        """Return the sequence of a visit that reaches an engine now."""
        prompt, output = self._inputs(visit), self._outputs(visit)
        if self._most:
            output = min(output, self._most)
        found = LlmSequence(visit, visit.id, prompt, output, now_s, self._most or NEVER_TOLD)
        found.arrival_s = visit.arrival_s
        found.deadline_s = visit.arrival_s + visit.origin.target_s
        found.priority = visit.stage.app.priority
        return found

    def typical_s(self, replica: Any, batch: int = 1) -> float:  # noqa: ARG002 - engines form no batches of whole requests
        """Return about what a mean request takes alone."""
        return alone_s(replica.engine.cost, *(max(1, round(mean)) for mean in self._means))

    def seconds(self, visit: Visit, replica: Any) -> float:
        """Return what a visit takes alone."""
        return alone_s(replica.engine.cost, self._inputs(visit), self._outputs(visit))

    def batch_seconds(self, batch: Sequence[Visit], replica: Any) -> float:
        """Raise: engines form no batches of whole requests."""
        raise NotImplementedError
