"""Looking for the division, or the pair of them, that takes the highest rate per accelerator within a promise, by simulation."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import inf
from typing import TypeVar

from simtier.models.hardware import Accelerator
from simtier.models.llm.estimates import alone_s, alone_times
from simtier.planning.cluster import serve
from simtier.planning.engines import Division, EngineMaker
from simtier.planning.goodput import Attainment, Probed, climb
from simtier.planning.plans import Colocated
from simtier.planning.question import Question

Choice = TypeVar("Choice")
Pair = tuple[Division, Division]
_BEYOND = 1.25
"""Where the promise should be missed: so many times the goodput."""
_BETTER = 1.02
"""A larger choice must be so much better per accelerator than the best so far, or it is not looked at further."""


class Search:
    """Looks for what reaches the highest goodput per accelerator.

    Args:
        question: what to plan for.
        device: on which accelerators; if not given, those of the question, which are of one kind.

    Attributes:
        simulations: how many were run so far.
        uneven: of how many choices the promise was kept again above the rate found.
    """

    def __init__(self, question: Question, device: Accelerator | None = None) -> None:
        self._question = question
        self._promise = question.promise
        self._device = device if device is not None else question.stock.device
        self._load = question.load
        self._prompts = question.load.without_answers()
        self.simulations = self.uneven = 0

    def prompts(self, divisions: Iterable[Division]) -> tuple[Division, float] | None:
        """Return the best division for prompts alone, and the goodput of one replica; None if no division meets the promise."""
        able = self._able(divisions, self._promise.ttft_s, inf)
        return self._best(able, _accelerators, self.prompts_within, self._prompt_rate)

    def tokens(self, divisions: Iterable[Division]) -> tuple[Division, float] | None:
        """Return the best division for tokens alone, likewise."""
        able = self._able(divisions, inf, self._promise.tpot_s)
        return self._best(able, _accelerators, self.tokens_within, self._token_rate)

    def colocated(self, divisions: Iterable[Division]) -> Colocated:
        """Return the best division for replicas that do both."""
        able = self._able(divisions, self._promise.ttft_s, self._promise.tpot_s)
        found = self._best(able, _accelerators, self.both_within, self._prompt_rate)
        division, rate = found if found is not None else (None, 0.0)
        return Colocated(division=division, goodput=rate)

    def pairs(self, pairs: Iterable[Pair]) -> tuple[Pair, float] | None:
        """Return the best pair of divisions, simulated jointly, and the goodput of one of each."""
        pairs = list(pairs)
        first = self._able(dict.fromkeys(pair[0] for pair in pairs), self._promise.ttft_s, inf)
        second = self._able(dict.fromkeys(pair[1] for pair in pairs), inf, self._promise.tpot_s)
        able = [pair for pair in pairs if pair[0] in first and pair[1] in second]
        return self._best(able, of_pair, self.pair_within, lambda pair: self._prompt_rate(pair[0]))

    def prompts_within(self, division: Division) -> Attainment:
        """Return what tells which share of prompts one replica computes in time at a rate."""
        maker = self._maker(division)
        return self._counted(
            lambda rate: serve(self._prompts.at_rate(rate), prompts=[maker]).sustained(self._promise.ttft_s, inf)
        )

    def tokens_within(self, division: Division) -> Attainment:
        """Return what tells which share of answers one replica decodes in time at a rate, their prompts computed elsewhere."""
        maker = self._maker(division)
        return self._counted(
            lambda rate: serve(self._load.at_rate(rate), tokens=[maker]).sustained(inf, self._promise.tpot_s)
        )

    def both_within(self, division: Division) -> Attainment:
        """Return what tells which share of requests one replica serves in time at a rate."""
        maker, promise = self._maker(division), self._promise
        return self._counted(
            lambda rate: serve(self._load.at_rate(rate), both=[maker]).sustained(promise.ttft_s, promise.tpot_s)
        )

    def pair_within(self, pair: Pair) -> Attainment:
        """Return what tells which share of requests two replicas serve in time at a rate, one for prompts and one for tokens."""
        prompts, tokens = map(self._maker, pair)
        promise = self._promise
        return self._counted(
            lambda rate: serve(self._load.at_rate(rate), prompts=[prompts], tokens=[tokens]).sustained(
                promise.ttft_s, promise.tpot_s
            )
        )

    def _best(
        self,
        choices: Iterable[Choice],
        accelerators: Callable[[Choice], int],
        within: Callable[[Choice], Attainment],
        guess: Callable[[Choice], float],
    ) -> tuple[Choice, float] | None:
        """Return the choice with the highest goodput per accelerator, and its goodput; of equal ones the first.

        As attainment falls with the rate, one simulation tells of most that they are no better.
        """
        best: tuple[Choice, float] | None = None
        for choice in choices:
            attainment, start = Probed(within(choice)), guess(choice)
            if best is not None:
                start = _BETTER * best[1] / accelerators(best[0]) * accelerators(choice)
                if attainment(start) < self._promise.share:
                    continue
            rate = climb(attainment, self._promise.share, start)
            if rate > 0:
                best = choice, rate
                attainment(_BEYOND * rate)
                self.uneven += not attainment.monotone(self._promise.share)
        return best

    def _able(self, divisions: Iterable[Division], ttft_s: float, tpot_s: float) -> list[Division]:
        """Return the divisions with which enough requests would be in time if each were alone; the others need no simulation."""
        return [each for each in divisions if self._alone_within(each, ttft_s, tpot_s) >= self._promise.share]

    def _alone_within(self, division: Division, ttft_s: float, tpot_s: float) -> float:
        cost = self._question.workshop.cost(division, self._device)
        in_time = 0
        for request in self._load.requests:
            first_s, last_s = alone_times(cost, request.prompt, request.output)
            in_time += first_s <= ttft_s and last_s - first_s <= tpot_s * max(request.output - 1, 1)
        return in_time / len(self._load.requests)

    def _counted(self, attainment: Attainment) -> Attainment:
        def counted(rate: float) -> float:
            self.simulations += 1
            return attainment(rate)

        return counted

    def _maker(self, division: Division) -> EngineMaker:
        return self._question.workshop.maker(division, self._device)

    def _prompt_rate(self, division: Division) -> float:
        """Return a rate that prompts do not crowd at."""
        cost, prompts = self._question.workshop.cost(division, self._device), self._prompts.requests
        return 0.3 * len(prompts) / sum(cost.seconds([(each.prompt, 0)], 0, 0.0) for each in prompts)

    def _token_rate(self, division: Division) -> float:
        """Return a rate that answers do not crowd at."""
        cost, requests = self._question.workshop.cost(division, self._device), self._load.requests
        return len(requests) / sum(alone_s(cost, each.prompt, each.output) for each in requests)


def _accelerators(division: Division) -> int:
    return division.accelerators


def of_pair(pair: Pair) -> int:
    """Return the accelerators of both."""
    return pair[0].accelerators + pair[1].accelerators
