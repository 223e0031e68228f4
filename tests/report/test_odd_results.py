"""Results at the edge: nothing served, one request, stopped early, very many groups, no samples."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

import simtier
from simtier.report.facts import Facts
from simtier.report.latencies import distributions

Play = Callable[..., Path]

PLAIN = """
name: plain
run: {{duration: 20 s, seed: 1, samples: {samples}}}
nodes: {{here: {{tier: device, cores: 1}}}}
services: {{work: {{on: here, cores: 1}}}}
apps: {{ask: {{stages: {{only: {{service: work, time: 10 ms}}}}, timeout: {timeout}{slo}}}}}
workloads: {{asks: {{app: ask, from: here, arrivals: {{process: periodic, rate: 1 /s, phase: {phase}}}, stop: {stop}}}}}
"""


def plain(*, timeout: str = "1 s", phase: str = "3 s", stop: str = "10 s", samples: int = 20, slo: str = "") -> str:
    return PLAIN.format(timeout=timeout, phase=phase, stop=stop, samples=samples, slo=slo)


def crowd(groups: int) -> str:
    """Return a scenario of very many groups and applications with very long names."""
    names = [f"group_{'x' * 60}_{i}" for i in range(groups)]
    nodes = "".join(f"  {name}: {{tier: device, cores: 1}}\n" for name in names)
    links = "".join(f"  l_{name}: {{from: {name}, to: site, latency: 1 ms, bandwidth: 1 MB/s}}\n" for name in names)
    services = "".join(f"  s_{name}: {{on: {name}, cores: 1}}\n" for name in names)
    apps = "".join(f"  a_{name}: {{stages: {{one: {{service: s_{name}, time: 5 ms}}}}}}\n" for name in names[:20])
    works = "".join(
        f"  w_{name}: {{app: a_{name}, from: {names[-1]}, request: 1 kB, arrivals: {{process: poisson, rate: 5 /s}}}}\n"
        for name in names[:20]
    )
    return (
        "name: crowd\nrun: {duration: 5 s, seed: 1, samples: 20}\n"
        f"nodes:\n{nodes}  site: {{tier: edge, cores: 4}}\nlinks:\n{links}"
        f"services:\n{services}apps:\n{apps}workloads:\n{works}"
    )


def page_of(directory: Path) -> str:
    return (directory / "report.html").read_text(encoding="utf-8")


def test_no_request_at_all(play: Play) -> None:
    directory = play(plain(phase="19 s", stop="1 s", slo=", slo: {latency: 1 s, percentile: 95}"))
    page = page_of(directory)
    assert "No request arrived in the time counted" in page
    assert "? Open" in page
    assert "The scenario has no links" in page
    assert json.loads((directory / "timeline.json").read_text(encoding="utf-8"))["otherData"]["requests"] == 0


def test_one_request(play: Play) -> None:
    page = page_of(play(plain(stop="3.5 s")))
    assert "Share of the 1 request that ended ok" in page
    assert "One replication: numbers have no confidence interval" in page
    assert "No objective was set" in page


def test_requests_that_all_time_out(play: Play) -> None:
    page = page_of(play(plain(timeout="5 ms")))
    assert "No request ended ok, so there is no latency to show" in page
    assert re.search(r'<data value="7">7</data> timed out', page)


def test_a_run_without_samples_says_so(play: Play) -> None:
    assert "for the scenario takes no samples" in page_of(play(plain(samples=0)))


def test_an_interrupted_run_says_so_loudly(play: Play) -> None:
    asked = iter(range(1000))
    busy = (
        plain(stop="20 s", slo=", slo: {latency: 1 s, percentile: 95}")
        .replace("rate: 1 /s, phase: 3 s", "rate: 5000 /s, phase: 0 s")
        .replace("seed: 1", "seed: 1, replications: 3")
    )
    page = page_of(play(busy, stop=lambda: next(asked) > 1))
    assert re.search(
        r'role="alert"><strong>Interrupted.</strong> The run was stopped at [\d.]+ s of 20 s of replication 0', page
    )
    assert "1 of 3" in page
    assert "no verdict on the whole run" in page


@pytest.mark.parametrize("groups", [100])
def test_very_many_groups_with_very_long_names(play: Play, groups: int) -> None:
    page = page_of(play(crowd(groups)))
    assert len(page.encode()) < 2_000_000
    assert f"{groups - 7} more groups" in page
    assert "8 others are in the table" in page
    assert page.count('class="box"') == 9


def test_answers_under_way_at_an_interrupt_are_in_no_figure(tmp_path: Path) -> None:
    """A hop home of 5 s: the requests table knows those ends, but the run was stopped before them."""
    scenario = simtier.Scenario.load(
        Path(__file__).parents[2] / "scenarios" / "mm4.yaml",
        {"run.replications": "1", "run.warmup": "0 s", "links.hop.back.latency": "5 s"},
    )
    asked: list[int] = []

    def stop() -> bool:
        asked.append(1)
        return len(asked) > 8

    result = simtier.run(scenario, out=tmp_path / "r", stop=stop)
    ended_s = result.document["ended_s"][0]
    table = result.requests
    assert (table.loc[table["outcome"] == "ok", "end_s"] > ended_s).any()
    counted = result.summary["apps"]["ask"]["ok"]
    assert counted == int((table["end_s"] <= ended_s).sum()) > 0
    assert distributions(Facts(result.directory))["ask"].pooled().sum() == counted
