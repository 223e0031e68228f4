"""Parts played, whoever plays them, and made one."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from simtier import runner
from simtier.journal import Journal
from simtier.models.llm.moving import port_name
from simtier.models.tables import TABLES
from simtier.results import ParquetSink, Prints
from simtier.scenario import Scenario
from simtier.study.shard.division import Division
from simtier.study.shard.join import Joint, Recorded
from simtier.study.shard.part import Job, Played
from simtier.world.layout import together

Players = Callable[[Sequence[Job]], Sequence[Played]]
"""Plays parts, in whatever order, and returns what each left, in theirs."""


def play_parts(
    division: Division,
    scenario: Scenario,
    numbers: Sequence[int],
    folder: Path,
    traces: Sequence[Path],
    players: Players,
) -> runner.Played:
    """Play the replications of these numbers in parts and write their tables into `folder`, as a `simtier.runner.Player` does."""
    recorded = folder / "parts"
    jobs = [Job(scenario, division, part, numbers, traces, recorded / str(part)) for part in range(division.parts)]
    try:
        return _joined(players(jobs), division, scenario, numbers, folder)
    finally:
        shutil.rmtree(recorded, ignore_errors=True)


def _joined(
    played: Sequence[Played], division: Division, scenario: Scenario, numbers: Sequence[int], folder: Path
) -> runner.Played:
    """Put the parts together."""
    sink = ParquetSink(folder)
    prints, described = Prints(), dict[str, Any]()
    try:
        for place in range(len(numbers)):
            left = [each.left[place] for each in played]
            parts = [Recorded(folder / "parts" / str(p) / str(place), each) for p, each in enumerate(left)]
            prints.add(Joint(parts, division).write(Journal(TABLES, sink, place)))
            described = together(described, _layout([each.layout for each in left], division, scenario))
        sink.close()
    except BaseException:
        sink.abandon()
        raise
    return runner.Played(
        numbers=numbers,
        fingerprint=prints.together,
        fingerprints=prints.each,
        ends=[left.ended_s for left in played[0].left],
        layout=described,
        decisions=None,
        interrupted=False,
        traces=_traces(played),
        left_out=played[0].left_out,
    )


def _traces(played: Sequence[Played]) -> list[dict[str, object]]:
    """Return what is told of the traces: all parts read the same, but for tables that only some had to look at."""
    once = {repr(each): each for part in played for each in part.traces}
    return sorted(once.values(), key=lambda each: str(each["name"]))


def _layout(layouts: Sequence[dict[str, Any]], division: Division, scenario: Scenario) -> dict[str, Any]:
    """Return the layout of the whole: what is known of a service only after the run is taken from the part that played it."""
    whole = dict(layouts[0])
    owner = {name: division.owners.get(("service", name), 0) for name in scenario.services}
    whole["services"] = {name: layouts[part]["services"][name] for name, part in owner.items()}
    ports = {port_name(name): part for name, part in owner.items()}
    links = {name: link for name, link in whole["links"].items() if name not in ports}
    for name, part in ports.items():
        if name in layouts[part]["links"]:
            links[name] = layouts[part]["links"][name]
    whole["links"] = links
    raised = {}
    for place in whole["raised_tokens"]:
        _, app, _, stage = _steps(place, scenario)
        raised[place] = layouts[owner[scenario.apps[app].stages[stage].hosts[0]]]["raised_tokens"][place]
    return whole | {"raised_tokens": raised}


def _steps(place: str, scenario: Scenario) -> tuple[str, str, str, str]:
    """Return the steps of a path such as apps.chat.stages.answer; names may have dots in them."""
    found = (("apps", a, "stages", s) for a, app in scenario.apps.items() for s in app.stages)
    return next(steps for steps in found if ".".join(steps) == place)
