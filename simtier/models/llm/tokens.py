"""How many tokens the requests of a stage have: given, drawn for each, or as their trace tells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from simtier.models.llm.estimates import alone_s
from simtier.models.llm.prefix_source import NOTHING, Prefix, PrefixSource, nothing
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


class TracedCount:
    """Tells the tokens of the prompt, or of the answer, as the trace tells them; 1 where it tells none.

    Attributes:
        raised: requests of which it told none, as of an answer that failed.
    """

    def __init__(self, place: int) -> None:
        self._place = place
        self.raised: set[int] = set()

    def __call__(self, visit: Visit) -> int:
        tokens = int(visit.traced[self._place])
        if tokens >= 1:
            return tokens
        self.raised.add(visit.id)
        return 1


def traced_input() -> TracedCount:
    """Return what tells the tokens of the prompt as the trace tells."""
    return TracedCount(_INPUT)


def traced_output() -> TracedCount:
    """Return what tells the tokens of the answer as the trace tells."""
    return TracedCount(_OUTPUT)


class TokenTimer:
    """The tokens of a stage; it stands where other stages have a timer.

    Args:
        inputs, outputs: how many tokens a visit's prompt and answer have.
        means: of both.
        most: longest answer the client accepts; 0 if it does not say.
        prefixes: tells what a prompt has in common with others at its beginning.

    Attributes:
        number: of the stage among all that have tokens.
        compared: whether the journal is told how long its requests would take alone.
    """

    by_cores = True
    compared = False
    number = 0

    def __init__(
        self,
        inputs: Count,
        outputs: Count,
        means: tuple[float, float],
        most: int = 0,
        prefixes: PrefixSource = nothing,
    ) -> None:
        self._inputs = inputs
        self._outputs = outputs
        self._means = means
        self._most = most
        self.prompt = inputs
        self._prefixes = None if prefixes is nothing else prefixes

    @property
    def raised(self) -> int:
        """How many requests were given a token of prompt or answer that their trace does not tell of."""
        counts = [count for count in (self._inputs, self._outputs) if isinstance(count, TracedCount)]
        return len(set[int]().union(*(count.raised for count in counts)))

    def sequence(self, visit: Visit, now_s: float) -> LlmSequence:
        """Return the sequence of a visit that reaches an engine now."""
        prompt, output = self._inputs(visit), self._outputs(visit)
        if self._most:
            output = min(output, self._most)
        found = LlmSequence(visit, visit.id, prompt, output, now_s, self._most or NEVER_TOLD)
        if self._prefixes is not None:
            found.prefix, found.shared = self._prefixes(visit, prompt)
        found.part = self.number
        found.arrival_s = visit.arrival_s
        found.deadline_s = visit.arrival_s + visit.origin.target_s
        found.first_by_s = visit.arrival_s + visit.origin.first_target_s
        found.priority = visit.stage.app.priority
        return found

    def prefix(self, visit: Visit) -> Prefix:
        """Return what a visit's prompt has in common with others at its beginning."""
        return NOTHING if self._prefixes is None else self._prefixes(visit, self.prompt(visit))

    def typical_s(self, replica: Any, batch: int = 1) -> float:  # noqa: ARG002 - engines form no batches of whole requests
        """Return about what a mean request takes alone."""
        return alone_s(replica.engine.cost, *(max(1, round(mean)) for mean in self._means))

    def seconds(self, visit: Visit, replica: Any) -> float:
        """Return what a visit takes alone."""
        return alone_s(replica.engine.cost, self._inputs(visit), self._outputs(visit))

    def batch_seconds(self, batch: Sequence[Visit], replica: Any) -> float:
        """Raise: engines form no batches of whole requests."""
        raise NotImplementedError
