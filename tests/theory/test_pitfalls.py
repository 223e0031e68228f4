"""Pitfalls that other simulators fell into: one test each. Links have theirs in test_links; scaling from zero is in tests/laws."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from intervals import holds, over
from playing import Played, exponential, play, queue


def sent(
    latency: str = "0 s", bandwidth: str = "unlimited", size: str = "0 B", rate: str = "1 /s", **link: Any
) -> Played:
    """Return messages that cross one link to a service that takes no time; all are answered."""
    data = queue({"process": "periodic", "rate": rate, "phase": "0 s"}, "0 s", slots=64, duration="10 s")
    data["run"]["drain"] = "100 s"
    data["nodes"]["client"] = {"tier": "device", "cores": 1}
    data["links"] = {"hop": {"from": "client", "to": "server", "latency": latency, "bandwidth": bandwidth, **link}}
    data["workloads"]["asks"] |= {"from": "client", "request": size}
    return play(data)


def test_propagation_delays_and_does_not_occupy_the_link() -> None:
    """A new message every 10 ms over a link of 1 s latency: each is there 1.001 s after it was sent."""
    stages = sent("1 s", "1 MB/s", "1 kB", "100 /s").stages
    assert (stages["queued_s"] - stages["sent_s"]).to_numpy() == pytest.approx(1.001, abs=1e-9)


@pytest.mark.parametrize(("bandwidth", "seconds"), [("8 Mbit/s", 1.0), ("8 MB/s", 0.125), ("1 MiB/s", 1e6 / 2**20)])
def test_a_megabyte_over_eight_megabits_a_second_takes_a_second(bandwidth: str, seconds: float) -> None:
    stages = sent(bandwidth=bandwidth, size="1 MB", rate="0.5 /s").stages
    assert (stages["queued_s"] - stages["sent_s"]).to_numpy() == pytest.approx(seconds, rel=1e-12)


def test_nothing_is_lost_by_default() -> None:
    requests = sent("5 ms", "10 MB/s", "1 kB", "1000 /s").requests
    assert len(requests) == 10_000
    assert (requests["outcome"] == "ok").all()


def test_the_mean_of_a_lognormal_time_is_that_of_its_times() -> None:
    """Not of their logarithms; and the CV is a standard deviation over the mean, not a variance."""
    data = queue("100 /s", {"distribution": "lognormal", "mean": "40 ms", "cv": 0.5}, slots=64, duration="100 s")

    def moments(played: Played) -> list[float]:
        took = (played.stages["finished_s"] - played.stages["started_s"]).dropna()
        return [float(took.mean()), float(took.std() / took.mean())]

    found = over(data, moments)
    holds(0.04, found[:, 0], 0.01)
    holds(0.5, found[:, 1], 0.03)


def test_arrivals_and_services_do_not_share_a_stream() -> None:
    """If they did, the gap before a request and its service time would be correlated."""

    def correlations(played: Played) -> list[float]:
        stages = played.stages.dropna().sort_values("queued_s")
        gaps = np.diff(stages["queued_s"])
        took = (stages["finished_s"] - stages["started_s"]).to_numpy()
        return [float(np.corrcoef(gaps, took[k : k + len(gaps)])[0, 1]) for k in (0, 1)]

    found = over(queue("100 /s", exponential("10 ms"), slots=100, duration="100 s"), correlations)
    assert np.abs(found.mean(axis=0)).max() < 4 / np.sqrt(20 * 10_000)


def test_every_component_has_its_own_numbers() -> None:
    """Equal sources, equal stages, equal replications: none repeats another's numbers."""
    data = queue("20 /s", exponential("10 ms"), slots=1000, duration="20 s")
    data["nodes"]["server"]["count"] = 2
    data["links"] = {}
    data["services"]["queue"] = {"on": "server-0", "cores": 1, "concurrency": 1000}
    data["nodes"]["server"]["cores"] = 1
    data["links"] = {"hop": {"from": "server-0", "to": "server-1"}}
    data["apps"]["ask"]["stages"]["again"] = {"service": "queue", "time": exponential("10 ms")}
    played = [play(data), play(data | {"run": data["run"] | {"seed": 2}})]
    columns = []
    for one in played:
        for source in ("server-0", "server-1"):
            mine = one.requests[one.requests["source"] == source]
            columns.append(set(mine["arrival_s"].round(9)))
            stages = one.stages[one.stages["request"].isin(mine["request"])]
            for stage in ("serve", "again"):
                took = stages[stages["stage"] == stage]
                columns.append(set((took["finished_s"] - took["started_s"]).dropna().round(9)))
    for place, values in enumerate(columns):
        assert len(values) > 200
        for other in columns[:place]:
            assert len(values & other) < 5


def test_a_request_that_comes_while_a_replica_starts_waits_for_it_and_is_served() -> None:
    policies = {"autoscaling": {"use": "target_utilization", "every": "1 s"}}
    data = queue(
        {"process": "periodic", "rate": "10 /s", "phase": "50 ms"},
        "1 ms",
        duration="3 s",
        service={"replicas": 0, "startup": "1.5 s"},
        policies=policies,
    )
    data["run"]["drain"] = "5 s"
    played = play(data)
    assert (played.requests["outcome"] == "ok").all()
    early = played.stages[played.stages["sent_s"] < 1.55]
    assert len(early) == 15
    assert (early["queued_s"] == 1.55).all()
    assert early.sort_values("started_s")["sent_s"].is_monotonic_increasing


def test_a_long_run_of_periodic_arrivals_does_not_drift() -> None:
    """Arrival k is k times the period: a running sum of 1/30 would be off by then."""
    times = np.sort(
        play(queue({"process": "periodic", "rate": "30 /s", "phase": "0 s"}, "0 s", duration="3600 s")).requests[
            "arrival_s"
        ]
    )
    assert (times == np.arange(len(times)) / 30.0).all()


def test_two_replicas_of_one_accelerator_take_turns() -> None:
    """Two services on one accelerator, each with work for 60 % of it: together they cannot keep up."""
    data = queue(
        {"process": "periodic", "rate": "10 /s", "phase": "0 s"},
        "60 ms",
        duration="20 s",
        node={"cores": 2, "accelerators": "t4"},
        service={"cores": 1, "accelerator": True},
    )
    data["services"]["other"] = data["services"]["queue"]
    data["apps"]["beg"] = {"stages": {"serve": {"service": "other", "time": "60 ms"}}}
    data["workloads"]["begs"] = data["workloads"]["asks"] | {"app": "beg"}
    data["run"]["drain"] = "100 s"
    stages = play(data).stages.sort_values("started_s")
    starts, ends = stages["started_s"].to_numpy(), stages["finished_s"].to_numpy()
    assert (starts[1:] >= ends[:-1]).all()
    assert ends[-1] == pytest.approx(400 * 0.06, abs=1e-6)
    assert set(stages["service"].iloc[100:104]) == {"queue", "other"}
