"""What policies that observe are told of finished requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simtier.models.views import RequestFacade

if TYPE_CHECKING:
    from simtier.models.visit import Visit


class OutcomeFacade:
    """A finished request; see simtier.contract.OutcomeView."""

    __slots__ = ("_end_s", "_outcome", "_sequence", "_visit")

    def __init__(self, first: Visit, visit: Visit, outcome: str, end_s: float) -> None:
        self._sequence = getattr(first, "answer", None)
        self._visit = visit
        self._outcome = outcome
        self._end_s = end_s

    @property
    def request(self) -> RequestFacade:
        return RequestFacade(self._visit)

    @property
    def outcome(self) -> str:
        return self._outcome

    @property
    def latency_s(self) -> float:
        return self._end_s - self._visit.arrival_s

    @property
    def first_token_s(self) -> float:
        sequence = self._sequence
        return float("nan") if sequence is None else float(sequence.first_s)

    @property
    def token_s(self) -> float:
        sequence = self._sequence
        if sequence is None or sequence.generated < 2:
            return float("nan")
        return float((sequence.last_s - sequence.first_s) / (sequence.generated - 1))
