"""Function platforms where theory gives exact numbers: ramps, limits, provisioned instances, timers, chains, times of starts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from intervals import holds, over
from platform_playing import at_once, cold_share, faas, keeps, number_at, started, starts, visits
from playing import Played, exponential, play

from simtier.models.serverless.spec import COMPONENTS

MANY = 40


@pytest.mark.parametrize(("burst", "per_s"), [(1, 1.0), (3, 6.0), (10, 4.0)])
def test_a_ramp_lets_a_burst_start_and_then_an_even_stream(burst: int, per_s: float) -> None:
    """Token bucket: start n (from 0) of many wanted at once is at max(0, n + 1 - burst) per / burst."""
    ramp = {"burst": burst, "per": f"{per_s} s"}
    played = play(at_once(faas("1 /s", "3000 s", ramp=ramp, duration="300 s"), MANY))
    expected = [max(0, n + 1 - burst) * per_s / burst for n in range(MANY)]
    assert starts(played)["began_s"].tolist() == pytest.approx(expected, abs=1e-6)


def test_a_ramp_refills_no_more_than_its_burst() -> None:
    """Two crowds far apart: each finds a full bucket, not the tokens of the time between."""
    data = at_once(faas("1 /s", "1 s", ramp={"burst": 3, "per": "3 s"}, policies=keeps(0.0)), 5)
    data["workloads"]["asks"]["arrivals"] = {"process": "periodic", "rate": "0.01 /s", "phase": "0 s"}
    data["run"]["duration"] = "150 s"
    began = starts(play(data))["began_s"].to_numpy()
    assert began[began < 50].tolist() == [0.0, 0.0, 0.0]  # after 1 s the three serve the other two
    assert began[began >= 50].tolist() == [100.0, 100.0, 100.0]


def test_each_function_has_a_ramp_of_its_own() -> None:
    data = at_once(faas("1 /s", "3000 s", ramp={"burst": 2, "per": "10 s"}, duration="1 s"), 6)
    data["platforms"]["faas"]["functions"]["g"] = {"memory": "100 MB"}
    data["apps"]["beg"] = {"stages": {"serve": {"service": "faas", "function": "g", "time": "3000 s"}}}
    data["workloads"]["begs"] = data["workloads"]["asks"] | {"app": "beg"}
    data["run"]["drain"] = "0 s"
    assert starts(play(data))["function"].value_counts().to_dict() == {"f": 2, "g": 2}


@pytest.mark.parametrize("limit", [1, 7, 39, 40])
def test_the_limit_of_concurrency_is_met_exactly(limit: int) -> None:
    """All functions and cells count together, running and waiting."""
    data = at_once(faas("1 /s", "5 s", concurrency_limit=limit, places=3, cold_start="1 s"), MANY)
    outcomes = play(data).requests["outcome"]
    assert ((outcomes == "ok").sum(), (outcomes == "rejected").sum()) == (limit, MANY - limit)
    data["platforms"]["faas"]["functions"]["g"] = {"memory": "100 MB"}
    data["apps"]["beg"] = {"stages": {"serve": {"service": "faas", "function": "g", "time": "5 s"}}}
    data["workloads"]["begs"] = data["workloads"]["asks"] | {"app": "beg"}
    assert (play(data).requests["outcome"] == "ok").sum() == limit


def test_the_limit_holds_over_all_regions() -> None:
    data = at_once(faas("1 /s", "5 s", concurrency_limit=7, policies={"routing": "round_robin"}), MANY)
    data["nodes"]["other"] = {"tier": "cloud", "cores": 8}
    data["links"]["far"] = {"from": "server", "to": "other"}
    data["platforms"]["faas"] |= {"regions": {"near": {"on": "server"}, "far": {"on": "other"}}, "on": None}
    played = play(data)
    assert (played.requests["outcome"] == "ok").sum() == 7
    assert set(played.stages["node"]) == {"server", "other"}


def test_provisioned_instances_are_never_cold_never_end_and_are_counted() -> None:
    data = at_once(faas("1 /s", "5 s", function={"provisioned": 6}, policies=keeps(0.0), cold_start="1 s"), 6)
    played = play(data)
    assert starts(played).empty
    assert set(played.stages["start"]) == {"warm"}
    rows = played.replicas
    assert rows["replica"].nunique() == 6
    assert set(rows["state"]) == {"busy", "idle"}
    assert (rows["end_s"] - rows["start_s"]).sum() == pytest.approx(6 * played.world.until_s)
    assert (rows.loc[rows["state"] == "busy", "end_s"]).tolist() == [5.0] * 6


def test_a_full_node_evicts_no_provisioned_instance() -> None:
    data = at_once(faas("1 /s", "1 s", places=3, function={"provisioned": 2}), 5)
    data["platforms"]["faas"]["functions"]["g"] = {"memory": "100 MB"}
    data["apps"]["ask"]["stages"]["serve"]["function"] = "g"
    played = play(data)
    assert set(played.replicas.loc[played.replicas["function"] == "f", "state"]) == {"idle"}
    assert (played.requests["outcome"] == "ok").all()
    assert len(starts(played)) == 1  # the one place that is left serves all five, one after the other


def test_a_timer_slower_than_the_keep_alive_is_cold_each_time_unless_foreseen() -> None:
    """Period 100 s, keep-alive 60 s: every call is cold; `timer_prewarm` needs four gaps, so five calls, to know the period."""
    timer = {"process": "periodic", "rate": "0.01 /s", "phase": "0 s"}
    plain = play(faas(timer, "1 s", policies=keeps(60.0), cold_start="2 s", duration="100000 s"))
    assert cold_share(plain) == 1.0
    foreseen = {"keep_alive": {"use": "timer_prewarm", "idle": "60 s", "margin": "1 s", "gaps": 4}}
    played = play(faas(timer, "1 s", policies=foreseen, cold_start="2 s", duration="100000 s"))
    colds = (visits(played).sort_values("sent_s")["start"] == "cold").to_numpy()
    assert len(colds) == 1000
    assert colds.sum() == 5
    assert not colds[5:].any()
    idle = played.replicas[played.replicas["state"] == "idle"]
    assert (idle["end_s"] - idle["start_s"]).sum() < 0.1 * 60 * 1000  # and hardly any memory is held idle


PARTS = {
    "scheduling": 0.02,
    "allocating": 0.3,
    "starting_runtime": 0.1,
    "deploying_code": 0.05,
    "deploying_dependencies": 0.2,
    "initialising": 0.5,
}


def drawn() -> dict[str, Any]:
    """Return a cold start whose components are of several distributions, with means `PARTS`."""
    given: dict[str, Any] = {name: exponential(f"{mean} s") for name, mean in PARTS.items()}
    given["allocating"] = {"distribution": "gamma", "mean": "0.3 s", "cv": 1.5}
    given["starting_runtime"] = {"distribution": "uniform", "low": "0 s", "high": "0.2 s"}
    return {"model": "given", **given}


def test_starts_of_a_run_take_on_average_what_the_model_says() -> None:
    data = faas("1 /s", "10 ms", cold_start=drawn(), policies={"keep_alive": "none"}, duration="1500 s")

    def means(played: Played) -> list[float]:
        rows = started(played)
        return [float(rows[f"{name}_s"].mean()) for name in COMPONENTS] + [float(rows["seconds"].mean())]

    found = over(data, means)
    for column, mean in zip(found.T, [*(PARTS[name] for name in COMPONENTS), sum(PARTS.values())], strict=True):
        holds(mean, column, 0.06)


def test_a_lone_request_waits_for_its_start_and_nothing_else() -> None:
    """Calls so far apart that none meets another: latency is the start of its own instance and the execution, to the bit's worth."""
    calls = {"process": "periodic", "rate": "0.01 /s", "phase": "0 s"}
    played = play(faas(calls, "3 s", cold_start=drawn(), policies=keeps(5.0), duration="5000 s"))
    rows = started(played).set_index("request")["seconds"]
    requests = played.requests.set_index("request")
    assert len(rows) == len(requests) == 50
    latency = requests["end_s"] - requests["arrival_s"]
    assert latency.to_numpy() == pytest.approx(rows.reindex(latency.index).to_numpy() + 3.0)


def chain(length: int, **more: Any) -> dict[str, Any]:
    """Return a chain of functions, each called by the one before."""
    data = faas("0.5 /s", "0 s", **more)
    data["platforms"]["faas"]["functions"] = {f"f{k}": {"memory": "100 MB"} for k in range(length)}
    data["apps"]["ask"]["stages"] = {
        f"s{k}": {"service": "faas", "function": f"f{k}", "time": f"{k + 1} ms"} for k in range(length)
    }
    return data


def test_a_chain_of_functions_waits_for_the_sum_of_its_starts() -> None:
    """Cold starts add up along a chain: Poisson calls of m = 2 s find each of n functions cold with probability exp(-tau / m)."""
    cold_s, idle_s, length = 1e-3, 1.0, 4
    data = chain(length, cold_start=f"{cold_s} s", policies=keeps(idle_s), duration="4000 s")

    def measures(played: Played) -> tuple[float, float]:
        colds = (played.stages["start"] == "cold").groupby(played.stages["request"]).sum()
        latency = (played.requests["end_s"] - played.requests["arrival_s"]).mean()
        return float(colds.mean()), float(latency)

    found = over(data, measures)
    share = math.exp(-0.5 * idle_s)
    holds(length * share, found[:, 0], 0.03)
    holds(length * share * cold_s + 0.010, found[:, 1], 0.03)


def test_a_chain_called_rarely_takes_the_sum_exactly() -> None:
    data = chain(3, cold_start=drawn(), policies=keeps(1.0), duration="5000 s")
    data["workloads"]["asks"]["arrivals"] = {"process": "periodic", "rate": "0.01 /s", "phase": "0 s"}
    played = play(data)
    rows = started(played)
    assert (rows["request"] >= 0).all()
    sums = rows.groupby("request")["seconds"].agg(["size", "sum"])
    assert (sums["size"] == 3).all()
    requests = played.requests.set_index("request").sort_index()
    latency = (requests["end_s"] - requests["arrival_s"]).to_numpy()
    assert latency == pytest.approx(sums["sum"].sort_index().to_numpy() + 0.006)


def test_the_most_instances_of_a_function_is_met_exactly() -> None:
    data = at_once(faas("1 /s", "5 s", most=7), MANY)
    played = play(data)
    rows = visits(played)
    assert len(starts(played)) == 7
    assert int(number_at(rows["started_s"], rows["finished_s"], np.arange(0.5, 29, 5)).max()) == 7
    assert (played.requests["outcome"] == "ok").all()
    # The first ask at once, and each of the six that find one of the seven free again and more waiting than there may be.
    assert (played.replicas["state"] == "capped").sum() >= 1
