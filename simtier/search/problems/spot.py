"""The problem of doing a job on spot instances, as cheaply as can be, without being late.

Source: Wu et al., "Can't Be Late: Optimizing Spot Instance Savings under Deadlines", NSDI 2024. What a run scores is what it saves of the
cost on demand, in percent: `100 * (1 - cost / on_demand_cost)`. A job that is late is ended on demand, which is part of its cost, and loses
`miss_penalty` points besides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, Field

from simtier.contract import Instance, Policy, Spot
from simtier.errors import StudyError, TraceError, did_you_mean
from simtier.models.spot import Job, Played, Windows, least_cost, play
from simtier.scenario.base import Name, Part
from simtier.search.problem import Case, CaseScore
from simtier.streams import Streams
from simtier.traces import find, read, search_directories
from simtier.traces.synthesis.availability import Availability
from simtier.units import DollarsPerSecond, Seconds

_HOUR_S = 3600.0
Positive = Annotated[Seconds, Field(gt=0)]


class Recorded(Part):
    """A zone as it was: a trace of availability."""

    trace: str
    """Its name, such as aws-spot/us-west-2b_v100_1; for a file of one's own aws-spot:PATH, relative to the suite's folder."""


class LookAlike(Part):
    """A generated zone, an on/off chain from tick to tick; see `simtier.traces.synthesis.availability`."""

    share: Annotated[float, Field(gt=0, lt=1)]
    """Share of the time at which a spot instance can be had."""
    outage: Positive
    """Mean time at which there is none."""
    tick: Positive = 300.0
    """Availability changes at multiples of it."""
    length: Positive = 45 * 86_400.0
    """How long it is."""


class Round(Part):
    """Cases: each zone with each deadline and each change-over."""

    stage: Literal["cheap", "full", "held_out"]
    """When they are played."""
    zones: Annotated[tuple[str, ...], Field(min_length=1)]
    """Names of zones."""
    deadlines: Annotated[tuple[Positive, ...], Field(min_length=1)]
    """Deadlines of the job."""
    change_overs: Annotated[tuple[Positive, ...], Field(min_length=1)]
    """What each new instance loses."""
    starts: Annotated[int, Field(ge=1, le=1000)] = 4
    """Jobs of a case: they begin at times spread evenly over the zone."""


class CantBeLateSettings(Part):
    """Settings of the problem."""

    work: Positive
    """How long the job runs."""
    spot_price: DollarsPerSecond
    """Price of a spot instance."""
    on_demand_price: DollarsPerSecond
    """Price of an instance on demand."""
    miss_penalty: Annotated[float, Field(ge=0)] = 200.0
    """Points, percent of the cost on demand, that a late job loses."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Of the generated zones, and of policies that draw."""
    zones: dict[Name, Recorded | LookAlike]
    """Zones by name."""
    rounds: Annotated[tuple[Round, ...], Field(min_length=1)]
    """The cases."""


class CantBeLate:
    """The problem as a suite file sets it.

    Raises StudyError for a case that is there twice, that names no zone, or that nobody can do in time.
    """

    Settings: ClassVar[type[BaseModel]] = CantBeLateSettings
    kind = "spot"

    def __init__(self, settings: CantBeLateSettings, *, traces: Sequence[Path] = (), folder: Path = Path()) -> None:
        self._settings = settings
        self._directories = search_directories(traces)
        self._folder = folder
        self._zones: dict[str, tuple[Windows, float]] = {}
        names: set[str] = set()
        for case in self.cases():
            self._job(case)
            if case.name in names:
                raise StudyError(f"settings.rounds: case {case.name!r} is there twice; leave it out of one round")
            names.add(case.name)

    def cases(self) -> Sequence[Case]:
        """Return a case for each zone, deadline and change-over of each round."""
        return self._cases

    def check(self, case: Case, *, fully: bool) -> None:  # noqa: ARG002 - it is quick
        """Make or read the case's zone; raises StudyError or TraceError as `play` would."""
        self._starts(case)

    def play(self, case: Case, make: Callable[[], Policy]) -> CaseScore:
        """Return the mean saving of the case's jobs, in percent of the cost on demand."""
        job = self._job(case)
        played = []
        for number, windows in enumerate(self._starts(case)):
            policy = make()
            assert isinstance(policy, Spot)
            rng = Streams(self._settings.seed, number).stream(f"spot/{case.name}/policy")
            played.append(play(job, windows, policy, rng))
        return CaseScore(fmean(map(self._score, played)), _parts(job, played))

    def references(self, case: Case) -> dict[str, float]:
        """Return the score of who knows beforehand when spot instances can be had: no policy's is higher."""
        job = self._job(case)
        costs = [least_cost(job, windows) for windows in self._starts(case)]
        return {"oracle": _saving(job, fmean(costs))}

    def _score(self, played: Played) -> float:
        late = 0.0 if played.met else self._settings.miss_penalty
        return _saving(played.job, played.cost_usd + played.late_usd) - late

    @cached_property
    def _cases(self) -> tuple[Case, ...]:
        return tuple(
            Case(
                f"{each.stage} {zone} {deadline / _HOUR_S:g} h {change / _HOUR_S:g} h",
                each.stage,
                {"zone": zone, "deadline_s": deadline, "change_over_s": change, "starts": each.starts},
            )
            for each in self._settings.rounds
            for zone in each.zones
            for deadline in each.deadlines
            for change in each.change_overs
        )

    def _job(self, case: Case) -> Job:
        settings, zones = self._settings, self._settings.zones
        if case.settings["zone"] not in zones:
            zone = case.settings["zone"]
            raise StudyError(f"settings.rounds: no zone is called {zone!r}{did_you_mean(zone, zones)}")
        try:
            return Job(
                settings.work,
                case.settings["deadline_s"],
                case.settings["change_over_s"],
                settings.spot_price,
                settings.on_demand_price,
            )
        except ValueError as error:
            raise StudyError(f"settings: case {case.name!r} cannot be played: {error}") from error

    def _starts(self, case: Case) -> list[Windows]:
        """Return the windows as each job of a case sees them."""
        windows, length_s = self._zone(case.settings["zone"])
        room_s, starts = length_s - case.settings["deadline_s"], case.settings["starts"]
        if room_s < 0:
            raise StudyError(
                f"settings.zones.{case.settings['zone']}: it is {length_s / _HOUR_S:g} h long, shorter than the deadline of case "
                f"{case.name!r}; give an earlier deadline or another zone"
            )
        return [windows.since(room_s * number / max(1, starts - 1)) for number in range(starts)]

    def _zone(self, name: str) -> tuple[Windows, float]:
        """Return when instances can be had in a zone, and how long it is known."""
        if name not in self._zones:
            zone = self._settings.zones[name]
            self._zones[name] = (
                self._recorded(zone.trace) if isinstance(zone, Recorded) else self._generated(name, zone)
            )
        return self._zones[name]

    def _generated(self, name: str, zone: LookAlike) -> tuple[Windows, float]:
        try:
            chain = Availability.on_off(tick_s=zone.tick, share_on=zone.share, mean_off_s=zone.outage)
        except TraceError as error:
            raise StudyError(f"settings.zones.{name}: {error}") from error
        streams = Streams(self._settings.seed)
        made = chain.generate(lambda purpose: streams.stream(f"spot/zones/{name}/{purpose}"), duration_s=zone.length)
        return _windows(made.read_all()), zone.length

    def _recorded(self, name: str) -> tuple[Windows, float]:
        trace = read(find(name, self._directories, self._folder))
        if trace.family != "availability":
            raise StudyError(f"settings.zones: {name!r} holds {trace.family}; a zone is a trace of availability")
        return _windows(trace.table), trace.period_s


def _windows(table: object) -> Windows:
    """Return the windows of a table of availability, whatever the number of instances."""
    times, numbers = (table.column(name).to_pylist() for name in ("time_s", "available"))  # type: ignore[attr-defined]
    return Windows.of_steps(times, [number > 0 for number in numbers])


def _saving(job: Job, cost_usd: float) -> float:
    return 100 * (1 - cost_usd / job.on_demand_usd)


def _parts(job: Job, played: Sequence[Played]) -> dict[str, float]:
    """Return means over the jobs; misses are a share."""
    return {
        "saving_percent": fmean(_saving(job, each.cost_usd + each.late_usd) for each in played),
        "missed": fmean(not each.met for each in played),
        "cost_usd": fmean(each.cost_usd + each.late_usd for each in played),
        "spot_hours": fmean(each.on_s(Instance.SPOT) for each in played) / _HOUR_S,
        "on_demand_hours": fmean(each.on_s(Instance.ON_DEMAND) for each in played) / _HOUR_S,
        "instances": fmean(len(each.stints) for each in played),
        "asked": fmean(each.asked for each in played),
    }
