"""`warm_first` among the cells of a platform, where it cannot wait for a warm instance."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from simtier import Scenario, run
from simtier.policies.routing.warm_first import WarmFirst

ANYONE: Any = None
"""The request and the site: it looks at neither."""


@dataclass
class Cell:
    """What `warm_first` looks at."""

    id: int
    warm: int = 0
    in_flight: int = 0
    concurrency: int = 0
    function: Any = field(default_factory=lambda: SimpleNamespace(name="resize"))


def policy() -> Any:
    made = WarmFirst()
    made.start(ANYONE, np.random.default_rng(1))
    return made


def test_a_cell_with_a_warm_instance_comes_before_all_others() -> None:
    cells = [Cell(0), Cell(1, warm=1, in_flight=9), Cell(2, warm=3)]
    assert policy().choose(ANYONE, cells).id == 1


def test_without_a_warm_instance_the_least_busy_cell_starts_one() -> None:
    assert policy().choose(ANYONE, [Cell(0, in_flight=2), Cell(1, in_flight=1), Cell(2, in_flight=1)]).id == 1


def test_a_function_goes_where_it_was_sent_last_and_another_has_a_place_of_its_own() -> None:
    chooser = policy()
    other = SimpleNamespace(name="other")
    assert chooser.choose(ANYONE, [Cell(0, in_flight=1), Cell(1)]).id == 1
    assert chooser.choose(ANYONE, [Cell(0, warm=1), Cell(1, warm=1)]).id == 1
    assert chooser.choose(ANYONE, [Cell(0), Cell(1)]).id == 1
    assert chooser.choose(ANYONE, [Cell(0, function=other), Cell(1, function=other)]).id == 0
    assert chooser.choose(ANYONE, [Cell(0, warm=1), Cell(1)]).id == 0


@pytest.mark.parametrize("routing", ["warm_first", None])
def test_a_platform_of_nodes_runs_and_keeps_functions_where_they_are_warm(tmp_path: Path, routing: str | None) -> None:
    """One call after the other: the first is cold, and all others find the instance that it has left."""
    policies = f"policies: {{routing: {routing}}}" if routing else ""
    path = tmp_path / "cells.yaml"
    path.write_text(
        f"""
        name: cells
        run: {{duration: 1 min}}
        nodes: {{worker: {{tier: cloud, count: 4, cores: 1, memory: 1 GiB}}, client: {{tier: edge, cores: 1}}}}
        links: {{net: {{from: client, to: worker}}}}
        platforms: {{faas: {{on: worker, cells: nodes, cold_start: 200 ms, functions: {{f: {{}}}}, {policies}}}}}
        apps: {{a: {{stages: {{s: {{service: faas, function: f, time: 100 ms}}}}}}}}
        workloads: {{w: {{app: a, from: client, arrivals: {{process: periodic, rate: 1 /s, phase: 0 s}}}}}}
        """,
        encoding="utf-8",
    )
    found = run(Scenario.load(path), out=tmp_path / "result").summary["platforms"]["faas"]
    assert found["served"] == 60
    assert found["cold"] == found["starts"] == 1
