"""What must hold of executions that lend cores to each other, whatever the policy: laws over generated platforms."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lending import GIVEN, Given, poisson, sharing
from playing import Played, play

laws = settings(derandomize=True, deadline=None, max_examples=40, database=None)
RANDOM = {"use": "lending:RandomShares"}
HARVEST = {"use": "lending:NotedHarvest", "profile": 2}
USES = st.sampled_from(
    [None, 0.5, 1, 3, 8, {"distribution": "uniform", "low": 0.2, "high": 6}, {"distribution": "exponential", "mean": 2}]
)
TIMES = st.sampled_from(["0 s", "400 ms", "1 s", {"distribution": "exponential", "mean": "700 ms"}])


@st.composite
def _systems(draw: Any, *, limits: bool = True) -> dict[str, Any]:
    functions: dict[str, Any] = {}
    for k in range(draw(st.integers(1, 3))):
        function = {"cores": draw(st.sampled_from([0.5, 1, 2, 4])), "uses": draw(USES)}
        if limits:
            function["concurrency"] = draw(st.integers(1, 2))
            if draw(st.integers(0, 3)) == 0:
                function["time_limit"] = "1500 ms"
        functions[f"f{k}"] = {key: value for key, value in function.items() if value is not None}
    calls = {name: (draw(TIMES), poisson(draw(st.sampled_from([0.5, 2.0])))) for name in functions}
    also = draw(TIMES)
    bound = {"most": draw(st.sampled_from([1000, 2]))} if limits else {}
    data = sharing(
        functions, calls, nodes=draw(st.integers(1, 2)), duration="8 s", seed=draw(st.integers(0, 9)), **bound
    )
    data["apps"]["also"] = {"stages": {"other": {"service": "faas", "function": "f0", "time": also}}}
    data["workloads"]["also"] = {"app": "also", "from": "client", "arrivals": poisson(1.0)}
    if limits and draw(st.integers(0, 3)) == 0:
        data["run"]["drain"] = "0 s"
    return data


systems, unbounded = _systems(), _systems(limits=False)


def played(data: dict[str, Any], policy: Any) -> tuple[Played, list[Given]]:
    """Return a run under a policy that notes its answers, and the answers."""
    data["platforms"]["faas"]["policies"]["rebalancing"] = policy
    GIVEN.clear()
    run = play(data)
    return run, list(GIVEN)


def executions(run: Played) -> pd.DataFrame:
    """Return the executions that took time, with the cores that are their own, the cores they could use, and their work, if known."""
    rows = run.stages[run.stages["started_s"].notna()].copy()
    rows["end_s"] = rows["finished_s"].fillna(run.world.until_s)
    rows = rows[rows["end_s"] > rows["started_s"]]
    functions = run.world.platforms["faas"].cells[0].functions
    rows["own"] = [functions[name].spec.cores / functions[name].spec.concurrency for name in rows["part"]]
    rows["could"] = [_demand(run, name, number) for name, number in zip(rows["part"], rows["request"], strict=True)]
    return rows


def _demand(run: Played, function: str, request: int) -> float:
    found: Any = run.world.platforms["faas"].cells[0].functions[function]
    uses = getattr(found, "_uses", None)
    spec = found.spec
    return float(uses(request)) if uses is not None else spec.cores / spec.concurrency


def progress(row: Any, given: list[Given]) -> float:
    """Return the core-seconds that the shares allowed an execution: the obvious sum over the intervals between changes."""
    times = [each.time_s for each in given] + [row.end_s]
    done = (given[0].time_s - row.started_s) * min(row.own, row.could)
    later = sum(min(g.cores, row.could) * (b - a) for g, (a, b) in zip(given, pairwise(times), strict=True))
    return float(done + later)


@laws
@given(systems, st.sampled_from([RANDOM, HARVEST]))
def test_what_is_done_is_what_the_shares_allowed(data: dict[str, Any], policy: Any) -> None:
    """Each execution's work is the integral of min(share, demand), to rounding; one that is served has done all of it."""
    run, given = played(data, policy)
    by_execution: dict[tuple[str, float], list[Given]] = defaultdict(list)
    for each in given:
        by_execution[each.function, each.started_s].append(each)
    rows = executions(run)
    outcomes = run.requests.set_index("request")["outcome"]
    alone = played(data, "fixed_shares")[0].stages.set_index("request")
    row: Any
    for row in rows.itertuples():
        mine = by_execution[row.part, row.started_s]
        if len(rows[(rows["part"] == row.part) & (rows["started_s"] == row.started_s)]) > 1 or not mine:
            continue  # several that cannot be told apart
        assert row.busy_s == pytest.approx(progress(row, mine), rel=1e-9, abs=1e-9)
        fixed = alone.loc[row.request]
        if outcomes[row.request] == "ok" and fixed["finished_s"] == fixed["finished_s"]:
            limit_s = run.world.platforms["faas"].cells[0].functions[row.part].spec.time_limit_s
            if fixed["finished_s"] - fixed["started_s"] < limit_s:
                assert row.busy_s == pytest.approx(fixed["busy_s"], rel=1e-9)


@laws
@given(systems)
def test_harvested_shares_are_never_more_than_there_is_and_borrowers_keep_their_own(data: dict[str, Any]) -> None:
    _, given = played(data, HARVEST)
    answers: dict[tuple[float, str], list[list[Given]]] = defaultdict(list)
    for each in given:
        answers[each.time_s, each.node].append([each])
    for together in answers.values():
        shares = [each for (each,) in together]
        assert all(each.cores >= 0 for each in shares)
    borrowed: dict[tuple[float, str], float] = defaultdict(float)
    harvested: dict[tuple[float, str], float] = defaultdict(float)
    for each in given:
        borrowed[each.time_s, each.node] += max(0.0, each.cores - each.own)
        harvested[each.time_s, each.node] += max(0.0, each.own - each.cores)
    for key, cores in borrowed.items():
        assert cores <= harvested[key] + 1e-9


@laws
@given(unbounded, st.sampled_from([0.8, 0.99, 0.5]))
def test_harvesting_delays_nobody_by_more_than_the_time_between_looks(data: dict[str, Any], threshold: float) -> None:
    """Where every request has an instance at once. After the first look an execution has all that it could use of its own cores."""
    fixed, _ = played(data, "fixed_shares")
    harvested, _ = played(data, {**HARVEST, "threshold": threshold, "every": "0.1 s"})
    before = fixed.stages.set_index(["request", "stage"]).sort_index()
    after = harvested.stages.set_index(["request", "stage"]).sort_index()
    assert before.index.equals(after.index)
    assert np.array_equal(before["started_s"], after["started_s"])
    assert set(harvested.requests["outcome"]) <= {"ok"}
    late_s = (after["finished_s"] - before["finished_s"]).to_numpy()
    assert late_s.max(initial=0.0) <= 0.1 + 1e-9


@laws
@given(systems)
def test_shares_that_are_asked_for_and_given_as_they_are_change_nothing(data: dict[str, Any]) -> None:
    """The engine that keeps shares against the one that knows of none."""
    plain, _ = played(data, "fixed_shares")
    asked, _ = played(data, {"use": "lending:OwnShares"})
    columns = ["request", "sent_s", "started_s", "finished_s", "busy_s"]
    one, other = (run.stages[columns].sort_values(["request", "sent_s"]).to_numpy() for run in (plain, asked))
    np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)


@laws
@given(systems, st.sampled_from([RANDOM, HARVEST]))
def test_equal_seeds_leave_equal_tables_however_they_are_played(data: dict[str, Any], policy: Any) -> None:
    fingerprint = played(data, policy)[0].fingerprint
    assert play(data).fingerprint == fingerprint
    assert play(data, step=True).fingerprint == fingerprint
    assert play(data, explain=20).fingerprint == fingerprint
