"""Memory of functions that a batching policy says, what that costs, and the answers of batching policies that are refused."""

from __future__ import annotations

from typing import Any

import pytest
from batching import crowd
from platform_playing import ENDS
from playing import Played, load, play

import simtier
from simtier.errors import PolicyError


def resizing(*answers: float | None, number: int = 8, **more: Any) -> dict[str, Any]:
    policy = {"use": "batching:Resizing", "answers": list(answers)}
    more = {"memory_per_core": "100 MB", **more}
    return crowd(number, policy, **more)


def ends(played: Played) -> Any:
    return played.replicas[played.replicas["state"].isin(ENDS)].sort_values("start_s")


def test_instances_have_the_memory_that_the_policy_wants_and_the_cores_that_go_with_it() -> None:
    rows = play(resizing(50e6, number=2)).stages
    assert set(rows["finished_s"] - rows["started_s"]) == {1.0}  # 0.5 s for two on a whole core
    assert (rows["busy_s"] == 0.5 * 1.0 / 2).all()
    played = play(resizing(200e6, number=2))
    assert set(played.stages["finished_s"]) == {0.5}  # no request uses more than one core
    assert set(played.replicas["memory_bytes"]) == {200e6}


def test_another_memory_ends_idle_instances_and_drains_busy_ones() -> None:
    """Two at 0 s and two at 10 s on 100 MB; at 20 s 50 MB are wanted while one is idle and, of a longer run, one is busy."""
    data = resizing(None, None, 50e6, number=2)
    data["workloads"]["asks"]["arrivals"] = {"process": "periodic", "rate": "0.1 /s", "phase": "0 s"}
    data["run"]["duration"] = "25 s"
    played = play(data)
    assert played.stages.sort_values("started_s")["replica"].tolist() == [0, 0, 0, 0, 1, 1]
    gone = ends(played)
    assert gone[["replica", "state", "start_s"]].to_numpy().tolist() == [[0, "expired", 20.0]]
    data["apps"]["ask"]["stages"]["serve"]["time"] = "12 s"
    played = play(data)
    rows = played.stages.sort_values("started_s")
    assert rows["replica"].tolist() == [0, 0, 1, 1, 2, 2]
    states = played.replicas
    draining = states[states["state"] == "draining"]
    assert draining[["replica", "start_s", "end_s"]].to_numpy().tolist() == [[1, 20.0, 25.0]]
    assert set(ends(played)["replica"]) == {0, 1}
    assert (rows["finished_s"] - rows["started_s"]).tolist() == pytest.approx([15.0] * 4 + [30.0] * 2)


def test_instances_that_were_starting_serve_who_waits_for_them_and_go() -> None:
    """Starts take 15 s; two come at 0 s, and two at 10 s, when half the memory is wanted."""
    data = resizing(None, 50e6, number=2, cold_start="15 s")
    data["workloads"]["asks"]["arrivals"] = {"process": "periodic", "rate": "0.1 /s", "phase": "0 s"}
    data["run"]["duration"] = "15 s"
    played = play(data)
    rows = played.stages.sort_values("started_s")
    assert rows["started_s"].tolist() == [15.0, 15.0, 25.0, 25.0]
    assert (rows["finished_s"] - rows["started_s"]).tolist() == pytest.approx([0.5, 0.5, 1.0, 1.0])
    assert ends(played)[["replica", "start_s"]].to_numpy().tolist() == [[0, 15.5]]


def test_the_bill_follows_the_memory_that_each_instance_had(tmp_path: Any) -> None:
    """Two executions of 100 MB and one of 50 MB, each of two requests, at 1 USD/GB/s and 1 USD an execution."""
    data = resizing(None, None, 50e6, number=2)
    data["workloads"]["asks"]["arrivals"] = {"process": "periodic", "rate": "0.1 /s", "phase": "0 s"}
    data["run"]["duration"] = "25 s"
    data["platforms"]["faas"]["price"] = {
        "per_request": "1 USD", "per_memory_time": "1 USD/GB/s", "granularity": "100 ms", "bill_starts": True
    }  # fmt: skip
    data["platforms"]["faas"]["cold_start"] = "2 s"
    metrics = simtier.run(load(data)).summary["platforms"]["faas"]
    assert (metrics["served"], metrics["executions"], metrics["mean_batch"]) == (6, 3, 2.0)
    assert (metrics["cold"], metrics["warm"], metrics["cold_ratio"]) == (2, 1, pytest.approx(2 / 3))
    assert metrics["cost_usd"] == pytest.approx(3 + 0.1 * (2.5 + 0.5) + 0.05 * 3.0)
    assert metrics["mean_service_s"] == pytest.approx((0.5 + 0.5 + 1.0) / 3)


# -- what is refused

ROOM = " and at most 300000000"
MEMORY = "expected bytes of memory of an instance, more than 0"
REQUESTS = "expected 1 to 2 different requests of the queue it was shown, or Hold"
LATER = "expected a Hold later than now"


@pytest.mark.parametrize("answer", [float("nan"), 0.0, -1.0, float("inf"), "big", True, 300.1e6])
def test_memory_that_no_instance_can_have_is_refused(answer: Any) -> None:
    with pytest.raises(
        PolicyError, match=rf"batching policy 'batching:Resizing' of 'faas/f' answered .*{MEMORY}{ROOM}"
    ):
        play(resizing(answer, places=3))


def test_provisioned_instances_keep_their_memory() -> None:
    with pytest.raises(
        PolicyError, match="expected None: the memory of a function with provisioned instances stays as it is"
    ):
        play(resizing(50e6, function={"provisioned": 1}))
    assert len(play(resizing(None, function={"provisioned": 1})).stages) == 8


@pytest.mark.parametrize(
    ("answer", "expected"),
    [("all", REQUESTS), ("none", REQUESTS), ("twice", REQUESTS), ("number", REQUESTS), ("past", LATER), ("nan", LATER)],
)
def test_batches_that_may_not_be_are_refused(answer: str, expected: str) -> None:
    policy = {"use": "batching:AnswersForm", "answer": answer}
    with pytest.raises(PolicyError, match=f"batching policy 'batching:AnswersForm' of 'faas/f' answered .*{expected}"):
        play(crowd(3, policy, function={"max_batch": 2}))
