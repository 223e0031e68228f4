"""What must hold of platforms whose functions have a batching policy in front of them: laws over generated platforms."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from batching import batched, batched_systems, executed, size_or_timeout
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from platform_laws import LAWS as OF_PLATFORMS
from platform_laws import instances
from playing import Played, exponential, play, played_once

from simtier.errors import ScenarioError

laws = settings(
    derandomize=True, deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow], database=None
)
EXACT = 1e-9


def every_request_that_begins_is_in_one_batch_with_as_many_as_it_says(played: Played) -> None:
    rows = executed(played)
    assert not rows.duplicated(["request", "stage", "sent_s"]).any() or _has_copies(played)
    sizes = rows.groupby("execution").size()
    assert (sizes.to_numpy() == rows.groupby("execution")["batch"].first().to_numpy()).all()


def _has_copies(played: Played) -> bool:
    return any(stage.copies > 1 for app in played.world.scenario.apps.values() for stage in app.stages.values())


def batches_are_no_larger_than_they_may(played: Played) -> None:
    written = played.world.scenario.platforms["faas"]
    size = written.policies.batching.given.get("size", 10**9)
    for name, mine in executed(played).groupby("part"):
        function = written.functions.get(str(name), written.traced)
        assert function is not None
        assert mine["batch"].max() <= min(size, function.max_batch)


def a_batch_is_of_one_stage_at_one_instance_and_begins_when_the_last_is_there(played: Played) -> None:
    rows = executed(played)
    of_one = rows.groupby("execution")
    for column in ("replica", "part", "routed_s", "started_s"):
        assert (of_one[column].nunique() == 1).all(), column
    assert (of_one["queued_s"].max() <= of_one["started_s"].first()).all()


def a_batch_takes_its_time_once(played: Played) -> None:
    """The core-seconds of its requests are those of one execution, and an instance is busy at least as long as it executes."""
    rows = executed(played)
    done = rows[rows["finished_s"].notna()]
    first = done.groupby("execution").first()
    took = first["finished_s"] - first["started_s"]
    share = (done.groupby("execution")["busy_s"].sum() / took)[took > 0]
    per_core = played.world.scenario.platforms["faas"].memory_per_core
    if per_core is None:
        cores = {
            name: each.spec.cores_each
            for cell in played.world.platforms["faas"].cells
            for name, each in cell.functions.items()
        }
        assert np.allclose(share, first.loc[took > 0, "part"].map(cores).astype(float), rtol=EXACT, atol=0)
    states = instances(played)
    busy = states[states["state"].isin(["busy", "draining"])]
    alive = (busy["end_s"] - busy["start_s"]).groupby(busy["replica"]).sum()
    longest = took.groupby(first["replica"]).max()
    longest = longest[longest > 0]
    assert (longest <= alive.reindex(longest.index) + EXACT).all()


def nobody_is_left_in_a_buffer(played: Played) -> None:
    written = played.world.scenario
    if written.run.drain < 60 or (played.requests["outcome"] == "unfinished").any():
        return
    for cell in played.world.platforms["faas"].cells:
        for function in cell.functions.values():
            assert function.buffered == 0
            assert not vars(function)["_batch_of"]
            assert not vars(function)["_executions"]


LAWS: list[Callable[[Played], None]] = [
    every_request_that_begins_is_in_one_batch_with_as_many_as_it_says,
    batches_are_no_larger_than_they_may,
    a_batch_is_of_one_stage_at_one_instance_and_begins_when_the_last_is_there,
    a_batch_takes_its_time_once,
    nobody_is_left_in_a_buffer,
]


def played_if_it_fits(system: str) -> Played:
    """Play a platform once; where provisioned instances do not fit there is nothing to play."""
    try:
        return played_once(system)
    except ScenarioError as error:
        assume("provisioned" not in str(error))
        raise


@pytest.mark.parametrize("law", [*LAWS, *OF_PLATFORMS], ids=lambda law: law.__name__)
@laws
@given(system=batched_systems())
def test_law(law: Callable[[Played], None], system: str) -> None:
    law(played_if_it_fits(system))  # derandomised: every law is put to the same systems, so each is played once


@pytest.mark.slow
@settings(laws, max_examples=1500)
@given(system=batched_systems())
def test_all_laws_hold_of_many_platforms(system: str) -> None:
    played = played_if_it_fits(system)
    for law in [*LAWS, *OF_PLATFORMS]:
        law(played)


@settings(laws, max_examples=15)
@given(system=batched_systems())
def test_equal_seeds_leave_equal_tables_however_they_are_played(system: str) -> None:
    fingerprint = played_if_it_fits(system).fingerprint
    assert play(json.loads(system), step=True).fingerprint == fingerprint
    assert play(json.loads(system), explain=20).fingerprint == fingerprint


times = st.sampled_from(["0 s", "150 ms", exponential("200 ms")])


@laws
@given(
    size=st.integers(1, 6),
    timeout_s=st.sampled_from([0.0, 0.02, 0.3, 2.0]),
    time=times,
    slots=st.integers(1, 3),
    rate=st.sampled_from([2, 20]),
    seed=st.integers(0, 99),
)
def test_nobody_waits_in_the_buffer_longer_than_the_timeout_and_all_go_in_order(
    size: int, timeout_s: float, time: Any, slots: int, rate: int, seed: int
) -> None:
    """Instances start in no time, so all of the wait is in the buffer."""
    policy = size_or_timeout(size, timeout_s)
    played = play(batched(f"{rate} /s", time, policy, function={"concurrency": slots}, duration="20 s", seed=seed))
    rows = played.stages.sort_values("sent_s")
    assert len(rows) == len(played.requests)
    assert ((rows["routed_s"] - rows["sent_s"]) <= timeout_s + EXACT).all()
    assert rows["routed_s"].is_monotonic_increasing
    waited = executed(played).groupby("execution").agg({"sent_s": "min", "routed_s": "first", "batch": "first"})
    partial = waited[waited["batch"] < size]
    assert np.allclose(partial["routed_s"] - partial["sent_s"], timeout_s, rtol=0, atol=EXACT)


@settings(laws, max_examples=20)
@given(time=times, rate=st.sampled_from([2, 20]), slots=st.integers(1, 3), seed=st.integers(0, 99))
def test_batches_of_one_are_as_if_there_were_none(time: Any, rate: int, slots: int, seed: int) -> None:
    def rows(policy: Any) -> Any:
        data = batched(
            f"{rate} /s", time, policy, function={"concurrency": slots}, duration="20 s", seed=seed, cold_start="300 ms"
        )
        return play(data).stages.sort_values("request").drop(columns="replica").reset_index(drop=True)

    one, none = rows(size_or_timeout(1, 0.0)), rows("none")
    numbers = one.select_dtypes("number").columns
    assert np.allclose(one[numbers], none[numbers], rtol=0, atol=EXACT, equal_nan=True)
