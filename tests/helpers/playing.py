"""Playing scenarios into memory: what tests need of a run, without its files."""

from __future__ import annotations

import functools
import gc
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from simtier.contract import Decisions
from simtier.journal import Journal
from simtier.models.tables import TABLES
from simtier.scenario import Scenario
from simtier.scenario.check import require_valid
from simtier.streams import Streams
from simtier.world import World
from simtier.world.traces import TraceShelf

Data = Mapping[str, Any]


class Memory:
    """A sink that keeps everything."""

    def __init__(self) -> None:
        self.batches: dict[str, list[pa.RecordBatch]] = {}

    def write(self, table: str, batch: pa.RecordBatch) -> None:
        self.batches.setdefault(table, []).append(batch)


class Played:
    """One replication: its tables as columns, its fingerprint, and the world it left."""

    def __init__(self, sink: Memory, world: World, fingerprint: str) -> None:
        self.world = world
        self.fingerprint = fingerprint
        self._sink = sink

    def column(self, table: str, name: str) -> NDArray[Any]:
        """Return a column; texts as an array of objects."""
        batches = self._sink.batches.get(table)
        if batches is None:
            return np.empty(0)
        return np.concatenate([batch.column(name).to_numpy(zero_copy_only=False) for batch in batches])

    def table(self, name: str) -> pd.DataFrame:
        """Return a table as a frame, without the replication's number."""
        return pd.DataFrame({c.name: self.column(name, c.name) for c in TABLES[name].columns})

    @functools.cached_property
    def requests(self) -> pd.DataFrame:
        return self.table("requests")

    @functools.cached_property
    def stages(self) -> pd.DataFrame:
        return self.table("stages")

    @functools.cached_property
    def transfers(self) -> pd.DataFrame:
        return self.table("transfers")

    @functools.cached_property
    def replicas(self) -> pd.DataFrame:
        return self.table("replicas")


def load(data: Data, changes: Mapping[str, str] | Iterable[str] = ()) -> Scenario:
    """Return a scenario that passed its checks."""
    scenario = Scenario.from_dict(data, changes if isinstance(changes, Mapping) else list(changes))
    require_valid(scenario)
    return scenario


def play(scenario: Scenario | Data, replication: int = 0, *, explain: int = 0, step: bool = False) -> Played:
    """Play one replication; by SimPy's own `run`, one event at a time, if `step`."""
    if not isinstance(scenario, Scenario):
        scenario = load(scenario)
    sink = Memory()
    journal = Journal(TABLES, sink, replication)
    decisions = Decisions(explain) if explain else None
    world = World(scenario, journal, Streams(scenario.run.seed, replication), TraceShelf(), decisions)
    if step:
        world.clock.run(world.until_s)
    else:
        world.play(lambda: False)
    world.close()
    return Played(sink, world, journal.fingerprint())


def replications(data: Data, number: int) -> Iterator[Played]:
    """Play several independent replications."""
    scenario = load(data)
    for replication in range(number):
        yield play(scenario, replication)
        gc.collect(1)


@functools.lru_cache(maxsize=400)
def played_once(text: str) -> Played:
    """Play the scenario written as JSON; the same text is played once only."""
    return play(json.loads(text))


def queue(
    arrivals: Mapping[str, Any] | str,
    time: Mapping[str, Any] | str,
    *,
    slots: int = 1,
    policies: Mapping[str, Any] | None = None,
    duration: str = "1000 s",
    service: Mapping[str, Any] | None = None,
    node: Mapping[str, Any] | None = None,
    stage: Mapping[str, Any] | None = None,
    app: Mapping[str, Any] | None = None,
    seed: int = 1,
) -> dict[str, Any]:
    """Return the plainest scenario: requests arise beside one queue with `slots` servers; a text as `arrivals` is a Poisson rate."""
    return {
        "name": "queue",
        "run": {"duration": duration, "seed": seed, "samples": 0},
        "nodes": {"server": {"tier": "edge", "cores": slots, **(node or {})}},
        "services": {
            "queue": {
                "on": "server",
                "cores": slots,
                "concurrency": slots,
                "policies": dict(policies or {}),
                **(service or {}),
            }
        },
        "apps": {"ask": {"stages": {"serve": {"service": "queue", "time": time, **(stage or {})}}, **(app or {})}},
        "workloads": {
            "asks": {
                "app": "ask",
                "from": "server",
                "arrivals": {"process": "poisson", "rate": arrivals} if isinstance(arrivals, str) else dict(arrivals),
            }
        },
    }


def exponential(mean: str) -> dict[str, str]:
    """Return an exponential time."""
    return {"distribution": "exponential", "mean": mean}
