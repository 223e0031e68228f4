"""Setting the rate at which a workload sends requests, however they arrive."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from simtier.errors import ScenarioError, StudyError, UnitError, did_you_mean
from simtier.scenario import Scenario
from simtier.scenario.checks.facts import Facts
from simtier.scenario.document import parse_value
from simtier.scenario.workloads import Closed, MarkovModulated, Varying, Workload
from simtier.streams import Streams
from simtier.study.file import text_of
from simtier.study.task import Changes
from simtier.units import parse, show
from simtier.world.replays import replay
from simtier.world.traces import TraceShelf

_RANGE = re.compile(
    r"\s*(-?NUMBER)\s*\.\.\s*(-?NUMBER)\s*(\S.*?)?\s*".replace("NUMBER", r"(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
)


@dataclass(frozen=True)
class Rate:
    """The rate of a workload: requests/s of all its sources together, on average over the time in which it may send.

    Attributes:
        workload: its name.
        own_per_s: what the scenario says, or its trace holds.
        steady: whether it is the same all the time, but for chance.
        field: what is changed to set it.
        times: returns what that field is at so many times the scenario's own rate.
    """

    workload: str
    own_per_s: float
    steady: bool
    field: str
    times: Callable[[float], Any]

    def changes(self, per_s: float) -> Changes:
        """Return what to change so that it sends so many requests/s; bursts, and the shape over time, stay."""
        return ((f"workloads.{self.workload}.{self.field}", text_of(self.times(per_s / self.own_per_s))),)


def rate_of(scenario: Scenario, workload: str | None = None, traces: Sequence[Path] = ()) -> Rate:
    """Return the rate of the workload of that name, or of the only one.

    Raises StudyError if there are several and none is named, for clients that wait for their answers, whose rate nobody can set, and for a
    trace that holds no request within the run.
    """
    name = named(scenario, workload)
    written = scenario.workloads[name]
    process = written.arrivals
    if isinstance(process, Closed):
        raise StudyError(
            f"workloads.{name} is a closed loop: its clients wait for their answers, so nobody can set its rate; give it open "
            f"`arrivals`, or vary workloads.{name}.arrivals.clients with `simtier sweep`"
        )
    spots = Facts(scenario).spots(written.source)
    sources = sum(1 if number is not None else scenario.nodes[group].count for group, number in spots)
    if process is None:
        per_s, scale = _replayed_per_s(scenario, name, traces), written.scale_rate
        return Rate(name, sources * per_s, steady=False, field="scale_rate", times=lambda factor: scale * factor)
    if isinstance(process, Varying):
        per_s, points = _mean(process, _sending_s(scenario, written)), process.points
        return Rate(
            name,
            sources * per_s,
            steady=False,
            field="arrivals.points",
            times=lambda factor: [[show(time, "time"), show(rate * factor, "frequency")] for time, rate in points],
        )
    if isinstance(process, MarkovModulated):
        per_s, rates = float(np.average(process.rates, weights=process.stay)), process.rates
        return Rate(
            name,
            sources * per_s,
            steady=True,
            field="arrivals.rates",
            times=lambda factor: [show(rate * factor, "frequency") for rate in rates],
        )
    each = process.rate
    return Rate(
        name,
        sources * each,
        steady=True,
        field="arrivals.rate",
        times=lambda factor: show(each * factor, "frequency"),
    )


def rates(text: str) -> tuple[float, float]:
    """Return the two rates, in requests/s, of a text such as `1..200` or `1..200 /s`; raises StudyError."""
    found = _RANGE.fullmatch(text)
    if found is None:
        raise StudyError(f"--rate {text}: write it as LOW..HIGH, such as 1..200 or '1..200 /s'")
    unit = found[3] or "/s"
    try:
        return parse(f"{found[1]} {unit}", "frequency"), parse(f"{found[2]} {unit}", "frequency")
    except UnitError as error:
        raise StudyError(f"--rate {text}: {error}") from error


def objective(scenario: Scenario, workload: str | None, text: str) -> Changes:
    """Return what a text such as `latency: 200 ms, percentile: 99` changes in the `slo` of a workload's application; raises StudyError."""
    app = scenario.workloads[named(scenario, workload)].app
    try:
        targets = parse_value(f"{{{text}}}")
    except ScenarioError as error:
        raise StudyError(f"--slo {text}: {error.problems[0].message}") from error
    if not targets or not all(isinstance(value, str | int | float) for value in targets.values()):
        raise StudyError(f"--slo {text}: write it as in a scenario, such as 'latency: 200 ms, percentile: 99'")
    return tuple((f"apps.{app}.slo.{name}", text_of(value)) for name, value in targets.items())


def named(scenario: Scenario, workload: str | None) -> str:
    """Return the name of the workload that is meant; raises StudyError."""
    known = [*scenario.workloads]
    if workload is None:
        if len(known) > 1:
            raise StudyError(
                f"there are several workloads ({', '.join(known)}): say with --workload whose rate to look for"
            )
        return known[0]
    if workload not in known:
        raise StudyError(f"there is no workload {workload!r}{did_you_mean(workload, known)}")
    return workload


def _sending_s(scenario: Scenario, written: Workload) -> float:
    """Return for how long a workload may send."""
    stop = scenario.run.duration if written.stop is None else min(written.stop, scenario.run.duration)
    return max(stop - written.start, 0.0)


def _mean(process: Varying, length_s: float) -> float:
    """Return the mean rate from time 0 to `length_s` of a rate on straight lines between points, repeated after the last."""
    times, rates = np.array(process.points).T
    areas = np.concatenate(([0.0], np.cumsum(np.diff(times) * (rates[1:] + rates[:-1]) / 2)))
    periods, rest = divmod(length_s, times[-1])
    last = int(np.searchsorted(times, rest, side="right")) - 1
    part = areas[last] + (rest - times[last]) * (rates[last] + np.interp(rest, times, rates)) / 2
    mean = float(periods * areas[-1] + part) / length_s if length_s else 0.0
    if not mean:
        raise StudyError(
            "the rate of the workload is 0 as long as the run lasts: there is nothing to scale; run longer"
        )
    return mean


def _replayed_per_s(scenario: Scenario, name: str, traces: Sequence[Path]) -> float:
    """Return how many requests a second one source replays, on average over the time in which it may."""
    written = scenario.workloads[name]
    length_s, count = _sending_s(scenario, written), 0
    shelf = TraceShelf(traces, scenario.folder)
    replayed = replay(written, scenario.apps[written.app], name, Streams(scenario.run.seed), shelf)
    for times in replayed.chunks():
        inside = int(np.searchsorted(times, length_s))
        count += inside
        if inside < len(times):
            break
    if not count:
        raise StudyError(
            f"workloads.{name}: the trace holds no request within the run: run longer, or move its `window`"
        )
    return count / length_s
