"""A few engines that serve the same requests: some compute prompts, some decode, some do both.

A request goes to the engine with the fewest tokens to compute, of those for prompts; its keys and values go to the one with the largest share
of free blocks, of those that decode, and set out when that has reserved blocks for them (DistServe, section 4.3). Engines that do both keep a
request to its end; beside others they help where even the idlest engine of a pool has too much to do, as the policy `splitwise` says.

Assumptions: no network but the accelerators' own links between engines, over which an engine sends one request's keys and values after the other;
prompts are known to whoever chooses; a request that no engine can hold is a miss.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from simtier.clock import Clock
from simtier.models.llm.ears import Ears
from simtier.models.llm.engine import Engine
from simtier.models.llm.lanes import Lanes
from simtier.models.llm.sequence import LlmSequence
from simtier.planning.engines import EngineMaker
from simtier.planning.requests import Request

PROMPT_LIMIT = 8192
"""Queued prompt tokens of an engine that are too many, as in the policy `splitwise`."""
TOKEN_SHARE = 0.9
"""Share of an engine's blocks that is too much, likewise."""

_FOR_EVER = 1e12


@dataclass(frozen=True, slots=True)
class Served:
    """When requests got their tokens; NaN for those that did not.

    Attributes:
        ttft_s: from the arrival to the first token.
        tpot_s: the mean time per token after the first; 0 where there is none after it.
        span_s: from the first arrival to the last.
        drain_s: from there to the last token.
    """

    ttft_s: NDArray[np.float64]
    tpot_s: NDArray[np.float64]
    span_s: float
    drain_s: float

    def within(self, ttft_s: float, tpot_s: float) -> float:
        """Return the share of all requests within both targets."""
        return float(np.mean((self.ttft_s <= ttft_s) & (self.tpot_s <= tpot_s)))

    def sustained(self, ttft_s: float, tpot_s: float) -> float:
        """Return the same, or 0 if working off what was left took longer than the requests came.

        A few hundred requests that come at once may all be in time where ten times as many would not.
        """
        return self.within(ttft_s, tpot_s) if self.drain_s <= self.span_s else 0.0


def serve(
    requests: Sequence[Request],
    prompts: Sequence[EngineMaker] = (),
    tokens: Sequence[EngineMaker] = (),
    both: Sequence[EngineMaker] = (),
) -> Served:
    """Return what comes of `requests`, each served to its end.

    With `tokens` alone prompts are taken to be computed when requests arrive, somewhere else, and nothing is sent.
    """
    run = _Run(prompts, tokens, both)
    run.clock.feed((request.at_s, run.arrive, (number, request)) for number, request in enumerate(requests))
    run.clock.play(_FOR_EVER)
    ttft_s, tpot_s = np.full(len(requests), np.nan), np.full(len(requests), np.nan)
    for sequence in run.done:
        later = sequence.total - 1
        ttft_s[sequence.id] = sequence.first_s - sequence.arrival_s
        tpot_s[sequence.id] = (sequence.last_s - sequence.first_s) / later if later else 0.0
    ends_s = max((sequence.last_s for sequence in run.done), default=0.0)
    span_s = requests[-1].at_s - requests[0].at_s
    return Served(ttft_s, tpot_s, span_s, ends_s - requests[-1].at_s)


class _Run:
    """The engines at run time; `done` are the sequences that have all their tokens."""

    def __init__(
        self, prompts: Sequence[EngineMaker], tokens: Sequence[EngineMaker], both: Sequence[EngineMaker]
    ) -> None:
        self.clock = Clock()
        self.done: list[LlmSequence] = []
        self.free_s = [0.0] * len(prompts)  # when each engine's link is
        self.prompts = [make(self.clock, partial(self._prompt_ended, place)) for place, make in enumerate(prompts)]
        self._both = [make(self.clock, self.done.append) for make in both]
        self._tokens = [make(self.clock, self.done.append) for make in tokens]
        for engine in (*self.prompts, *self._both, *self._tokens):
            engine.ears = Ears()

    def arrive(self, arrival: tuple[int, Request]) -> None:
        """Send a request to an engine (called by the clock)."""
        number, request = arrival
        sequence = request.sequence(number)
        if not (self.prompts or self._both):
            sequence.first_s = self.clock.now
            self._decode(None, sequence)
            return
        engine = min(self.prompts or self._both, key=_to_compute)
        if self.prompts and self._both and _to_compute(engine) > PROMPT_LIMIT:
            engine = min((engine, min(self._both, key=_to_compute)), key=_to_compute)
        if engine not in self._both and sequence.total > 1:
            sequence.output, sequence.kept = 1, True
        if engine.can_hold(sequence):
            engine.join(sequence)

    def _prompt_ended(self, place: int, sequence: LlmSequence) -> None:
        if sequence.kept:
            self._decode(place, sequence)
        else:
            self.done.append(sequence)

    def _decode(self, place: int | None, prompt: LlmSequence) -> None:
        """Let a sequence go on whose prompt is computed at `place`; None for elsewhere."""
        onward = prompt.beyond(None)
        onward.first_s = onward.last_s = prompt.first_s
        if onward.total == 1:
            self.done.append(onward)
            return
        engine = min(self._tokens or self._both, key=_held)
        if self._tokens and self._both and _held(engine) > TOKEN_SHARE:
            engine = min((engine, min(self._both, key=_held)), key=_held)
        if engine.can_hold(onward):
            engine.guests.expect(_Guest(self, place, prompt, onward, engine))
        elif place is not None:
            self.prompts[place].let_go(prompt)


def _to_compute(engine: Engine | Lanes) -> int:
    """Return the tokens that its sequences have to compute."""
    return engine.waiting.tokens + sum(sequence.pending for sequence in engine.running)


def _held(engine: Engine | Lanes) -> float:
    """Return the share of its blocks that somebody holds."""
    return 1 - engine.blocks.free / engine.blocks.total


class _Guest:
    """A sequence on its way to the engine that decodes it."""

    def __init__(
        self, run: _Run, place: int | None, prompt: LlmSequence, onward: LlmSequence, engine: Engine | Lanes
    ) -> None:
        self._run, self._place, self._prompt, self._onward, self._engine = run, place, prompt, onward, engine

    def enter(self) -> bool:
        """Reserve blocks and set out; return False if there are too few now."""
        if not self._engine.guests.reserve(self._onward):
            return False
        self._run.clock.call_in(self._takes_s(), self._delivered)
        return True

    def _takes_s(self) -> float:
        """Return how long its keys and values take from now on."""
        if self._place is None:
            return 0.0
        run, source = self._run, self._run.prompts[self._place]
        tokens = self._onward.computed - self._onward.found
        handing = source.handing
        before_s = handing.setup_s - (-tokens // source.blocks.tokens) * handing.block_s
        begin_s = max(run.clock.now + before_s, run.free_s[self._place])
        run.free_s[self._place] = begin_s + tokens * handing.token_bytes / handing.port_bytes_per_s
        return run.free_s[self._place] + handing.port_latency_s - run.clock.now

    def _delivered(self, _: object) -> None:
        if self._place is not None:
            self._run.prompts[self._place].let_go(self._prompt)
        self._engine.deliver(self._onward)
