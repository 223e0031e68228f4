"""Requests that a routing policy lets wait, or turns away; replicas that are drained."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from playing import load, play

from simtier.metrics.occupancy import visits
from simtier.statistics import half_width

RULES = '''
from typing import ClassVar
from simtier import REJECT, WAIT, Routing


class IdleOnly(Routing):
    """Join the idle queue: wait until a replica has nothing to do."""

    waits_in_line: ClassVar[bool] = True

    def choose(self, request, replicas):
        return next((r for r in replicas if not r.in_flight), WAIT)


class IdleOnlyAskingAll(IdleOnly):
    """The same, asked for every request that waits."""

    waits_in_line: ClassVar[bool] = False


class OddOnly(Routing):
    """Turn every other request away."""

    def choose(self, request, replicas):
        return REJECT if request.id % 2 == 0 else replicas[0]
'''


def system(routing: str, **changes: Any) -> dict[str, Any]:
    """Two replicas of one slot at load 0.9."""
    return {
        "name": "line",
        "run": {"duration": "200 s", "drain": "100 s", "samples": 0},
        "nodes": {"client": {"tier": "device", "cores": 1}, "server": {"tier": "edge", "cores": 4}},
        "links": {"hop": {"from": "client", "to": "server"}},
        "services": {"s": {"on": "server", "replicas": 2, "policies": {"routing": routing}}},
        "apps": {
            "a": {
                "stages": {"x": {"service": "s", "time": {"distribution": "exponential", "mean": "0.1 s"}}},
                **changes,
            }
        },
        "workloads": {"w": {"app": "a", "from": "client", "arrivals": {"process": "poisson", "rate": "18 /s"}}},
    }


@pytest.fixture
def rules(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "line_rules.py").write_text(RULES, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return "./line_rules.py"


@pytest.mark.parametrize("name", ["IdleOnly", "IdleOnlyAskingAll"])
def test_waiting_for_an_idle_replica_is_one_queue_with_two_servers(rules: str, name: str) -> None:
    """Join-idle-queue with a central line is G/G/2: the same times as one replica with two slots, request by request."""
    waited = play(load(system(f"{rules}:{name}")))
    data = system("round_robin")
    data["services"]["s"] |= {"replicas": 1, "concurrency": 2, "cores": 2}
    shared = play(load(data))
    assert (waited.requests["outcome"] == "ok").all()
    ends = (played.requests.sort_values("request")["end_s"].to_numpy() for played in (waited, shared))
    np.testing.assert_allclose(*ends, rtol=1e-12)
    stages = waited.stages
    assert (stages["queued_s"] == stages["started_s"]).all()
    assert (stages["routed_s"] >= stages["sent_s"]).all()
    assert (stages["routed_s"] > stages["sent_s"]).mean() > 0.5


def test_a_routing_policy_may_turn_requests_away(rules: str) -> None:
    outcomes = play(load(system(f"{rules}:OddOnly"))).requests.set_index("request")["outcome"]
    assert (outcomes[outcomes.index % 2 == 0] == "rejected").all()
    assert (outcomes[outcomes.index % 2 == 1] == "ok").all()


def test_clients_that_give_up_while_they_wait_at_the_service_are_gone(rules: str) -> None:
    data = system(f"{rules}:IdleOnly", timeout="0.3 s")
    data["workloads"]["w"]["arrivals"]["rate"] = "40 /s"
    played = play(load(data))
    service = played.world.services["s"]
    assert set(played.requests["outcome"]) == {"ok", "timed_out"}
    assert service.queued() == service.in_flight() == 0
    left = played.stages[played.stages["replica"] == -1]
    assert len(left) > 100
    assert left["started_s"].isna().all()
    np.testing.assert_allclose(left["finished_s"] - left["sent_s"], 0.3, rtol=1e-9)


def test_busy_slot_seconds_outlive_the_replicas_that_served_them() -> None:
    data = system("round_robin")
    data["services"]["s"] |= {"least": 1, "policies": {"autoscaling": {"use": "target_utilization", "every": "5 s"}}}
    data["services"]["s"]["policies"]["autoscaling"] |= {"scale_down_after": "5 s", "utilization": 0.9}
    data["workloads"]["w"]["arrivals"] = {
        "process": "varying",
        "points": [["0 s", "2 /s"], ["50 s", "18 /s"], ["100 s", "2 /s"]],
    }
    played = play(load(data))
    assert (played.replicas["state"] == "draining").any() or played.replicas["replica"].nunique() > 2
    served = played.stages.dropna(subset=["finished_s"])
    assert played.world.services["s"].busy_slot_s() == pytest.approx((served["finished_s"] - served["started_s"]).sum())


def test_the_least_busy_and_newest_replica_is_drained() -> None:
    data = system("round_robin")
    data["services"]["s"]["replicas"] = 3
    world = play(load(data)).world
    fleet = world.services["s"].fleet
    for replica, in_flight in zip(fleet.ready, (0, 2, 0), strict=True):
        replica.in_flight = in_flight
    fleet.stop()
    assert [replica.id for replica in fleet.ready] == [0, 1]


def test_a_half_width_is_students_t() -> None:
    """Worked by hand: 1, 2, 3 have standard deviation 1 and t(0.975, 2) = 4.30265."""
    assert half_width([1.0, 2.0, 3.0]) == pytest.approx(4.30265273 / np.sqrt(3))
    assert half_width([2.0, 2.0]) == 0.0
    assert np.isnan(half_width([1.0]))


def test_waiting_for_a_replica_counts_as_queue(tmp_path: Any) -> None:
    import simtier

    data = system("round_robin")
    data["run"] = {"duration": "100 s"}
    data["apps"]["a"]["stages"]["x"]["time"] = "1 ms"
    data["services"]["s"] |= {
        "replicas": 0,
        "startup": "90 s",
        "policies": {"autoscaling": {"use": "target_utilization", "every": "1000 s"}},
    }
    data["workloads"]["w"]["arrivals"] = {"process": "periodic", "rate": "1 /s", "phase": "0.5 s"}
    result = simtier.run(simtier.Scenario.from_dict(data), out=tmp_path / "r")
    service = result.summary["services"]["s"]
    # The first asks for a replica at 0.5 s, ready at 90.5 s: requests 0 to 90 wait 90, 89 ... 0 s, then next to nobody does.
    assert service["mean_queue"] == pytest.approx(sum(range(91)) / 100, abs=0.2)
    (seen,) = visits(result.directory, [(0.0, 100.0)])
    assert sum(row["waiting_s"] for row in seen) == pytest.approx(service["mean_queue"] * 100)
