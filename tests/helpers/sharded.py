"""Scenarios played in parts in this process, and compared with the same played in one; several systems side by side in one scenario."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from playing import Data, Memory, Played, load, play

from simtier.contract import OutcomeView, Partitioning, ReplicaView, RequestView, Routing, SiteView, SplitView
from simtier.errors import ScenarioError
from simtier.journal import Journal
from simtier.models.tables import TABLES
from simtier.scenario import Scenario
from simtier.study.shard import part as shard_part
from simtier.study.shard.division import Division
from simtier.study.shard.join import Joint, Recorded
from simtier.study.shard.plan import plan
from simtier.world.resolve import resolve

SECTIONS = ("nodes", "links", "services", "platforms", "apps", "workloads")


def in_parts(scenario: Scenario, division: Division, replication: int = 0) -> tuple[Memory, str]:
    """Return the tables and the fingerprint of one replication, played part by part."""
    sink = Memory()
    with tempfile.TemporaryDirectory() as name:
        recorded = []
        for part in range(division.parts):
            folder = Path(name) / str(part)
            job = shard_part.Job(resolve(scenario), division, part, [replication], (), folder)
            (left,) = shard_part.play(job, lambda *_: None).left
            recorded.append(Recorded(folder / "0", left))
        fingerprint = Joint(recorded, division).write(Journal(TABLES, sink, replication))
    return sink, fingerprint


def same_in_parts(data: Data, parts: int = 2, replication: int = 0) -> int:
    """Assert that a scenario in parts is the scenario in one, to the bit and in the same order; return into how many pieces it could go."""
    scenario = load(data)
    try:
        made = plan(resolve(scenario))
    except ScenarioError:
        return 0  # its world cannot be built, in parts or whole
    if made.pieces < 2:
        return made.pieces
    division = made.division(min(parts, made.pieces), scenario)
    whole = play(scenario, replication)
    sink, fingerprint = in_parts(scenario, division, replication)
    joined = Played(sink, whole.world, fingerprint)
    for name in TABLES:
        pd.testing.assert_frame_equal(whole.table(name), joined.table(name), check_exact=True, obj=name)
    assert whole.fingerprint == fingerprint
    return made.pieces


def side_by_side(*systems: Data) -> dict[str, Any]:
    """Return one scenario with several systems in it that have nothing to do with each other; the first says how long it runs."""
    parts = [_prefixed(system, f"{letter}_") for letter, system in zip("abcdefgh", systems, strict=False)]
    merged: dict[str, Any] = {"name": "beside", "run": systems[0]["run"]}
    for section in SECTIONS:
        found = {name: each for part in parts for name, each in part.get(section, {}).items()}
        if found:
            merged[section] = found
    return merged


def _prefixed(system: Data, prefix: str) -> dict[str, Any]:
    names = {name for section in SECTIONS for name in system.get(section, {})}
    names |= {node["tier"] for node in system["nodes"].values()}
    sections = {}
    for section in SECTIONS:
        renamed = {prefix + name: _renamed(each, names, prefix) for name, each in system.get(section, {}).items()}
        sections[section] = renamed
    return sections


def _renamed(value: Any, names: set[str], prefix: str) -> Any:
    if isinstance(value, Mapping):
        return {key: _renamed(each, names, prefix) for key, each in value.items()}
    if isinstance(value, list):
        return [_renamed(each, names, prefix) for each in value]
    return prefix + value if isinstance(value, str) and value in names else value


class Everywhere(Routing):
    """Takes the first replica, and does not say what it looks at."""

    def choose(self, request: RequestView, replicas: Sequence[ReplicaView]) -> ReplicaView:
        return replicas[0]


class OnlyHere(Everywhere):
    """The same, and says that it looks at nothing else."""

    sees_only_own: ClassVar[bool] = True


class OnlyHereToo(OnlyHere):
    """What is said by the class it comes from does not count: it may look at more."""


class Hears(Partitioning):
    """Runs everything on the first tier, and hears of all requests."""

    sees_only_own: ClassVar[bool] = True

    def split(self, request: RequestView, path: SplitView) -> Sequence[int]:
        return [len(path.crossing_bytes) - 1] * (len(path.tiers) - 1)

    def observe(self, outcome: OutcomeView) -> None:
        """Do nothing with it."""


class Fails(OnlyHere):
    """Raises something at its third choice."""

    sees_only_own: ClassVar[bool] = True

    def start(self, site: SiteView, rng: np.random.Generator) -> None:
        self._choices = 0

    def choose(self, request: RequestView, replicas: Sequence[ReplicaView]) -> ReplicaView:
        self._choices += 1
        if self._choices == 3:
            raise ValueError("three is too many")
        return replicas[0]
