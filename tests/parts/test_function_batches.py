"""Batches in front of functions, part by part: who leaves when, what is written down, billed and refused, memory that changes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from batching import FOUR, batched, crowd, executed, function, size_or_timeout
from platform_playing import faas, keeps, starts
from playing import play

from simtier.models.timers import ConstantTimer, DrawnTimer

# -- batches


def test_a_full_batch_goes_at_once_and_the_rest_after_the_timeout() -> None:
    rows = play(crowd(6)).stages.sort_values("started_s")
    assert rows["batch"].tolist() == [4, 4, 4, 4, 2, 2]
    assert rows["started_s"].tolist() == pytest.approx([0.0] * 4 + [0.5] * 2)
    assert rows["finished_s"].tolist() == pytest.approx([0.7] * 4 + [1.0] * 2)  # 0.3 s and 0.1 s each
    assert rows["busy_s"].tolist() == pytest.approx([0.7 / 4] * 4 + [0.25] * 2)


def test_a_batch_takes_one_slot_and_waits_for_one_as_a_request_does() -> None:
    played = play(crowd(12, size_or_timeout(4, 0.0), places=1))
    began = executed(played).groupby("execution")["started_s"].first()
    assert sorted(began) == pytest.approx([0.0, 0.7, 1.4])
    assert len(starts(played)) == 1
    slots = play(crowd(12, size_or_timeout(4, 0.0), places=1, function={"concurrency": 2}))
    assert sorted(executed(slots).groupby("execution")["started_s"].first()) == pytest.approx([0.0, 0.0, 0.7])


def test_a_cold_batch_starts_one_instance_and_names_its_first_request() -> None:
    played = play(crowd(4, cold_start="1 s"))
    start = starts(played)
    assert len(start) == 1
    assert start["request"].item() == played.stages["request"].min()
    assert set(played.stages["start"]) == {"cold"}
    assert set(played.stages["routed_s"]) == {1.0}


def test_no_batch_is_larger_than_the_function_takes() -> None:
    rows = play(crowd(8, size_or_timeout(100, 0.5), function={"max_batch": 3})).stages
    assert sorted(rows["batch"]) == [2, 2, 3, 3, 3, 3, 3, 3]


def test_stages_have_buffers_of_their_own() -> None:
    data = crowd(4)
    data["apps"]["ask"]["stages"]["again"] = {"service": "faas", "function": "f", "time": "100 ms", "after": []}
    rows = executed(play(data))
    assert (rows.groupby("execution")["stage"].nunique() == 1).all()
    assert set(rows["batch"]) == {4}


def test_copies_of_a_stage_can_share_a_batch() -> None:
    data = crowd(1)
    data["apps"]["ask"]["stages"]["serve"]["copies"] = 4
    rows = play(data).stages
    assert rows["batch"].tolist() == [4] * 4
    assert rows["request"].nunique() == 1


def test_cells_have_buffers_of_their_own() -> None:
    data = crowd(4, policies={"routing": "round_robin"})
    data["nodes"]["server"]["count"] = 2
    data["links"] = {f"hop{k}": {"from": "client", "to": f"server-{k}"} for k in range(2)}
    data["platforms"]["faas"]["cells"] = "nodes"
    rows = play(data).stages
    assert rows["batch"].tolist() == [2] * 4
    assert (rows.groupby("node").size() == 2).all()


def test_the_execution_begins_when_the_last_request_is_there() -> None:
    data = crowd(4)
    data["links"] = {
        "near": {"from": "client-0", "to": "server", "latency": "10 ms"},
        **{f"far{k}": {"from": f"client-{k}", "to": "server", "latency": "200 ms"} for k in (1, 2, 3)},
    }
    rows = play(data).stages
    assert sorted(rows["queued_s"]) == pytest.approx([0.01, 0.2, 0.2, 0.2])
    assert set(rows["started_s"]) == {0.2}


# -- who leaves


def with_timeout(data: dict[str, Any], timeout: str) -> dict[str, Any]:
    data["apps"]["ask"]["timeout"] = timeout
    return data


def test_who_gives_up_leaves_the_buffer() -> None:
    played = play(with_timeout(crowd(3), "300 ms"))
    assert set(played.requests["outcome"]) == {"timed_out"}
    assert played.stages["started_s"].isna().all()
    assert set(played.stages["finished_s"]) == {0.3}
    assert set(played.stages["replica"]) == {-1}
    assert function(played).buffered == 0
    assert played.world.platforms["faas"].cells[0].in_flight == 0


def test_who_gives_up_leaves_a_batch_that_waits_for_an_instance() -> None:
    played = play(with_timeout(crowd(4, cold_start="1 s"), "300 ms"))
    assert set(played.requests["outcome"]) == {"timed_out"}
    assert not function(played).waiting
    assert starts(played)["request"].tolist() == [-1]  # nobody is left whom it could serve


@pytest.mark.parametrize(
    ("first_s", "second_s", "queued_s", "begins_s"),
    [(0.4, 0.08, None, 0.33), (0.0, 0.08, 0.25, 0.33), (0.4, 0.02, None, 0.3)],
    ids=["on the way", "waiting for the other", "awaited by the other"],
)
def test_a_batch_goes_on_without_who_gave_up_after_it_was_sent(
    first_s: float, second_s: float, queued_s: float | None, begins_s: float
) -> None:
    """One comes at 0 s, the other at 0.25 s, when they are sent; the first gives up at 0.3 s. Each has a way of its own."""
    data = with_timeout(crowd(2, size_or_timeout(2, 1.0), time="100 ms"), "300 ms")
    data["links"] = {
        f"hop{k}": {"from": f"client-{k}", "to": "server", "latency": f"{way_s} s"}
        for k, way_s in enumerate([first_s, second_s])
    }
    data["workloads"] = {
        f"w{k}": {
            "app": "ask",
            "from": f"client-{k}",
            "arrivals": {"process": "periodic", "rate": "0.0001 /s", "phase": f"{0.25 * k} s"},
        }
        for k in range(2)
    }
    played = play(data)
    first, second = played.stages.sort_values("sent_s").to_dict("records")
    assert second["started_s"] == pytest.approx(begins_s)
    assert (second["batch"], second["finished_s"]) == (1, pytest.approx(begins_s + 0.1))
    assert first["finished_s"] == 0.3
    assert np.isnan(first["started_s"])
    assert first["queued_s"] == pytest.approx(queued_s if queued_s is not None else float("nan"), nan_ok=True)
    assert (function(played).in_flight, played.world.platforms["faas"].cells[0].in_flight) == (0, 0)


@pytest.mark.parametrize("seed", range(6))
def test_a_batch_goes_on_without_messages_that_were_lost(seed: int) -> None:
    data = crowd(40, size_or_timeout(8, 0.5), seed=seed, places=2)
    data["links"]["hop"] |= {"loss": 0.5, "latency": "5 ms", "bandwidth": "1 MB/s"}
    data["workloads"]["asks"]["request"] = "1 kB"
    played = play(data)
    outcomes = played.requests["outcome"].value_counts().to_dict()
    rows = executed(played)
    assert outcomes["dropped"] > 5
    assert (rows.groupby("execution").size() == rows.groupby("execution")["batch"].first()).all()
    assert len(rows) <= 40 - outcomes["dropped"] + 20  # answers are lost, too
    served = function(played)
    assert (served.in_flight, served.running, played.world.platforms["faas"].cells[0].in_flight) == (0, 0, 0)
    assert not served.waiting


def test_a_batch_is_cut_off_at_the_limit_of_time_as_one() -> None:
    played = play(crowd(4, function={"time_limit": "600 ms"}))
    assert set(played.requests["outcome"]) == {"failed"}
    assert set(played.stages["finished_s"]) == {0.6}


def test_what_is_unfinished_is_written_down() -> None:
    data = crowd(11, time="100 s", places=1)
    data["run"] |= {"duration": "300 ms", "drain": "0 s"}
    played = play(data)
    assert set(played.requests["outcome"]) == {"unfinished"}
    rows = played.stages
    assert len(rows) == 11
    assert (rows["started_s"].notna().sum(), (rows["replica"] == -1).sum()) == (4, 7)
    assert rows.loc[rows["started_s"].notna(), "busy_s"].tolist() == pytest.approx([0.3 / 4] * 4)


def test_who_finds_no_room_is_turned_away_with_its_batch() -> None:
    played = play(crowd(8, size_or_timeout(4, 0.0), places=1, when_full="reject"))
    assert played.requests["outcome"].value_counts().to_dict() == {"ok": 4, "rejected": 4}
    assert function(played).in_flight == 0


def test_the_limit_of_concurrency_counts_requests_in_buffers() -> None:
    outcomes = play(crowd(8, concurrency_limit=5)).requests["outcome"]
    assert outcomes.value_counts().to_dict() == {"ok": 5, "rejected": 3}


# -- what policies see


def test_a_function_tells_what_batches_take_by_memory() -> None:
    view = function(play(crowd(4, memory_per_core="100 MB"))).view
    assert view.execution_s(1, 100e6) == pytest.approx(0.4)
    assert view.execution_s(8, 100e6) == pytest.approx(1.1)
    assert view.execution_s(8, 50e6) == pytest.approx(2.2)
    assert view.execution_s(8, float("inf")) == pytest.approx(1.1)
    assert view.buffered == 0
    plain = function(play(faas("1 /s", "400 ms", duration="5 s"))).view
    assert plain.execution_s(1, 50e6) == pytest.approx(0.4)  # without `memory_per_core` memory is no matter


def test_a_function_that_no_known_stage_calls_has_no_times() -> None:
    data = faas("1 /s", "400 ms", duration="5 s")
    data["platforms"]["faas"]["functions"]["g"] = {}
    played = play(data)
    assert np.isnan(played.world.platforms["faas"].cells[0].functions["g"].view.execution_s(1, 1e8))


def test_queues_in_buffers_are_sampled() -> None:
    data = crowd(3)
    data["run"] |= {"samples": 100, "drain": "0 s", "duration": "1 s"}
    samples = play(data).table("samples")
    queued = samples[samples["metric"] == "queued"]
    assert queued.loc[queued["time_s"] < 0.49, "value"].max() == 3
    assert queued.loc[queued["time_s"] > 0.51, "value"].max() == 0


# -- padding


def test_padded_requests_take_as_long_as_the_longest() -> None:
    times = {"distribution": "uniform", "low": "100 ms", "high": "1 s"}
    alone = play(crowd(4, "none", times)).stages.eval("finished_s - started_s")
    longest, others = alone.max(), alone.sum() - alone.max()
    for padded, took in ((True, longest * 1.75), (False, longest + 0.25 * others)):
        rows = play(crowd(4, FOUR, times, padded=padded)).stages
        assert (rows["finished_s"] - rows["started_s"]).tolist() == pytest.approx([took] * 4)


def test_typical_times_of_batches_take_every_request_for_a_mean_one() -> None:
    replica: Any = function(play(crowd(1))).new_probe()
    drawn = DrawnTimer(None, 0.2, 0.5, padded=True)  # type: ignore[arg-type]  # nothing is drawn for these
    assert drawn.typical_s(replica) == pytest.approx(0.2)
    assert drawn.typical_s(replica, 3) == ConstantTimer(0.2, 0.5).typical_s(replica, 3) == pytest.approx(0.4)


def test_a_service_pads_too() -> None:
    data = batched("20 /s", {"distribution": "uniform", "low": "10 ms", "high": "90 ms"}, "none", padded=True)
    data["services"] = {"pool": {"on": "server", "policies": {"batching": size_or_timeout(4, 0.1)}}}
    data["apps"]["ask"]["stages"]["serve"] = {
        "service": "pool", "time": {"distribution": "uniform", "low": "10 ms", "high": "90 ms"}, "batch_cost": 1.0, "padded": True
    }  # fmt: skip
    data["platforms"].clear()
    data["run"]["duration"] = "50 s"
    rows = play(data).stages
    each = (rows["finished_s"] - rows["started_s"]) / rows["batch"]
    assert each.between(0.01, 0.09).all()
    assert each.mean() > 0.055  # of one alone it is 0.05: the longest of several is longer


def test_keep_alive_counts_executions() -> None:
    """Kept for 100 ms after the batch, not after each request: one instance for two batches 600 ms apart would need more."""
    played = play(crowd(6, policies=keeps(0.1)))
    assert len(starts(played)) == 2
