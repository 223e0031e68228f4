"""The requests that plans are tried with: the first ones of a scenario's workloads, with their own tokens, faster or slower.

They are those that `simtier run` would send with the same seed. At another rate the same requests come with all gaps multiplied alike, so bursts
keep their shape, and rates are compared by the same requests (common random numbers).
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, repeat
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from simtier.errors import PlanError
from simtier.models import arrivals as a
from simtier.models.llm.sequence import NEVER_TOLD, LlmSequence
from simtier.models.llm.tokens import TokenTimer
from simtier.models.visit import Visit
from simtier.scenario import Scenario
from simtier.scenario.checks.facts import Facts
from simtier.scenario.workloads import Closed, Workload
from simtier.streams import Streams
from simtier.world.llm import tokens_timer
from simtier.world.prefixes import traced_key
from simtier.world.replays import replay, traced_means
from simtier.world.traces import TraceShelf
from simtier.world.workloads import arrivals

_COUNTED = 100_000
_NEVER = float("inf")


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    Attributes:
        at_s: when it comes.
        prompt, output: its tokens.
        prefix, shared: what its prompt has in common with others at its beginning; see `LlmSequence`.
        most: longest answer that its client accepts, likewise.
    """

    at_s: float
    prompt: int
    output: int
    prefix: tuple[int, ...] = ()
    shared: int = 0
    most: int = NEVER_TOLD

    def sequence(self, number: int) -> LlmSequence:
        """Return it as an engine takes it."""
        made = LlmSequence(None, number, self.prompt, self.output, self.at_s, self.most, self.prefix)
        made.shared = self.shared or self.prompt
        return made


@dataclass(frozen=True, slots=True)
class Load:
    """The first requests of an application.

    Attributes:
        requests: in order of time, from 0 on.
        per_s: their own rate.
        scenario_per_s: of all requests within the scenario's duration.
    """

    requests: tuple[Request, ...]
    per_s: float
    scenario_per_s: float

    def at_rate(self, per_s: float) -> tuple[Request, ...]:
        """Return the same requests with their gaps multiplied so that so many come in a second."""
        factor = self.per_s / per_s
        return tuple(replace(each, at_s=each.at_s * factor) for each in self.requests)

    def without_answers(self) -> Load:
        """Return the same requests, each over with its first token."""
        return replace(self, requests=tuple(replace(each, output=1) for each in self.requests))


def load_of(
    scenario: Scenario, app: str, stage: str, number: int, streams: Streams, traces: Sequence[Path] = ()
) -> Load:
    """Return the first `number` requests of an application, with the tokens of one of its stages.

    Raises PlanError for clients that wait for answers, whose rate nobody can set, and for fewer than two requests.
    """
    shelf = TraceShelf(traces, scenario.folder)
    timer = _timer(scenario, app, stage, streams, shelf)
    sources = list(_sources(scenario, app, streams, shelf))
    firsts = [streams.source(name) for name, _, _ in sources]
    lines = [_line(first, *source[1:]) for first, source in zip(firsts, sources, strict=True)]
    duration = scenario.run.duration
    found: list[Request] = []
    seen, last_s = 0, 0.0
    for at_s, visit in islice(heapq.merge(*lines, key=lambda arrival: arrival[0]), max(number, _COUNTED)):
        if len(found) < number:
            found.append(_request(at_s, timer.sequence(visit, at_s)))
        elif at_s >= duration:
            break
        seen, last_s = seen + 1, at_s
    if len(found) < 2 or found[-1].at_s <= found[0].at_s:
        raise PlanError(f"the workloads of {app!r} have {len(found)} requests, which make no rate: give them more")
    begin_s = found[0].at_s
    per_s = (len(found) - 1) / (found[-1].at_s - begin_s)
    moved = tuple(replace(each, at_s=each.at_s - begin_s) for each in found)
    whole_s = min(last_s, duration)
    return Load(moved, per_s, seen / whole_s if seen > len(found) else per_s)


def _timer(scenario: Scenario, app: str, stage: str, streams: Streams, shelf: TraceShelf) -> TokenTimer:
    written = scenario.apps[app]
    tokens = written.stages[stage].tokens
    assert tokens is not None
    replays = [each for each in scenario.workloads.values() if each.app == app and each.trace is not None]
    means = traced_means(written, replays, streams, shelf)
    return tokens_timer(f"app/{app}/{stage}/tokens", tokens, streams, means)


def _sources(
    scenario: Scenario, app: str, streams: Streams, shelf: TraceShelf
) -> Iterator[tuple[str, a.Chunks, Iterator[tuple[Any, ...]]]]:
    """Yield name, arrival times, and what a trace tells, of every source of an application's requests."""
    for name, written in scenario.workloads.items():
        if written.app != app:
            continue
        if isinstance(written.arrivals, Closed):
            raise PlanError(
                f"workloads.{name}: clients that wait for their answers have no rate that could be raised: give it open `arrivals`, or a trace"
            )
        for node in _nodes(scenario, written):
            key = f"{name}/{node}"
            if written.trace is None:
                yield key, a.between(arrivals(key, written.arrivals, streams), written.start, _NEVER), repeat(())
                continue
            begins = traced_key(scenario.apps[app], scenario, written.trace)
            told = replay(written, scenario.apps[app], key, streams, shelf, None, begins)
            yield key, a.between(told.chunks(), written.start, _NEVER), told.rows()


def _nodes(scenario: Scenario, written: Workload) -> Iterator[str]:
    """Yield the names of the nodes that a workload's requests come from."""
    facts = Facts(scenario)
    names = (written.source,) if isinstance(written.source, str) else written.source
    for spot in facts.spots(names):
        group, number = spot
        count = scenario.nodes[group].count
        numbers: Iterable[int] = range(count) if number is None else (number,)
        yield from (group if count == 1 else f"{group}-{each}" for each in numbers)


def _line(first: int, chunks: a.Chunks, rows: Iterator[tuple[Any, ...]]) -> Iterator[tuple[float, Visit]]:
    number = first
    for times in chunks:
        for at_s in times.tolist():
            yield at_s, _asked(number, next(rows))
            number += 1


def _asked(number: int, traced: tuple[Any, ...]) -> Visit:
    """Return what a stage's tokens want to know of a visit."""
    origin = SimpleNamespace(target_s=_NEVER, first_target_s=_NEVER)
    stage = SimpleNamespace(app=SimpleNamespace(priority=0.0))
    return cast("Visit", SimpleNamespace(id=number, traced=traced, arrival_s=0.0, origin=origin, stage=stage))


def _request(at_s: float, sequence: LlmSequence) -> Request:
    return Request(at_s, sequence.prompt, sequence.output, sequence.prefix, sequence.shared, sequence.most)
