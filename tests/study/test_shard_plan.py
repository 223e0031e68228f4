"""What can be played apart, and where it is said why not: one region beside another, and all the ways in which they may meet."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from playing import load

from simtier.errors import PlanError
from simtier.study.shard.plan import Plan
from simtier.study.shard.running import plan_of

REGION: dict[str, dict[str, Any]] = {
    "nodes": {
        "users": {"tier": "device", "cores": 1},
        "hall": {"tier": "edge", "cores": 8, "memory": "8 GB", "count": 2},
    },
    "links": {"way": {"from": "users", "to": "hall", "latency": "5 ms", "bandwidth": "10 Mbit/s"}},
    "services": {"desk": {"on": "hall", "replicas": 2}},
    "apps": {"ask": {"stages": {"serve": {"service": "desk", "time": "20 ms"}}}},
    "workloads": {"asks": {"app": "ask", "from": "users", "arrivals": {"process": "poisson", "rate": "10 /s"}}},
}
SCALING = {"use": "target_utilization", "utilization": 0.6, "every": "1 s"}


def two_regions() -> dict[str, Any]:
    """Return two regions, `a` and `b`, that have nothing in common."""
    data: dict[str, Any] = {"name": "regions", "run": {"duration": "5 s"}}
    for section, parts in REGION.items():
        data[section] = {}
        for letter in "ab":
            for name, part in copy.deepcopy(parts).items():
                for key in ("from", "to", "on", "app"):
                    if key in part:
                        part[key] += f"_{letter}"
                if section == "apps":
                    part["stages"]["serve"]["service"] += f"_{letter}"
                data[section][f"{name}_{letter}"] = part
    return data


def planned(data: dict[str, Any]) -> Plan:
    return plan_of(load(data))


def test_regions_that_have_nothing_in_common_are_two_pieces() -> None:
    made = planned(two_regions())
    assert made.pieces == 2
    assert [each.entities for each in made.components] == [
        (("service", "desk_a"), ("source", "asks_a/users_a")),
        (("service", "desk_b"), ("source", "asks_b/users_b")),
    ]
    assert [each.requests for each in made.components] == [50, 50]


def through_one_link(data: dict[str, Any], **link: Any) -> None:
    """Have all requests go over one link, with nothing else in their way that anybody shares."""
    free = {"sharing": "none", "bandwidth": "1 MB/s"}
    for name in ("hub", "core"):
        data["nodes"][name] = {"tier": "cloud", "cores": 1}
    for letter in "ab":
        data["links"][f"way_{letter}"] = {"from": f"users_{letter}", "to": "hub", **free}
        data["links"][f"in_{letter}"] = {"from": "core", "to": f"hall_{letter}", **free}
    data["links"]["backhaul"] = {"from": "hub", "to": "core", "latency": "1 ms", **link}


JITTER = {"distribution": "exponential", "mean": "1 ms"}


@pytest.mark.parametrize(
    "link", [{}, {"sharing": "none", "bandwidth": "1 MB/s"}, {"sharing": "fair", "jitter": JITTER}]
)
def test_a_link_on_which_nobody_waits_joins_nothing(link: dict[str, Any]) -> None:
    data = two_regions()
    through_one_link(data, **link)
    assert planned(data).pieces == 2


def over_a_link_in_turns(data: dict[str, Any]) -> None:
    through_one_link(data, bandwidth="1 MB/s")


def over_a_link_in_shares(data: dict[str, Any]) -> None:
    through_one_link(data, bandwidth="1 MB/s", sharing="fair")


def over_a_link_that_keeps_their_order(data: dict[str, Any]) -> None:
    through_one_link(data, jitter=JITTER)


def on_one_service(data: dict[str, Any]) -> None:
    data["apps"]["ask_b"]["stages"]["serve"]["service"] = "desk_a"
    data["links"]["over"] = {"from": "users_b", "to": "hall_a"}


def on_cores_shared_fairly(data: dict[str, Any]) -> None:
    data["nodes"]["hall_a"]["cpu"] = "fair"
    data["services"]["desk_b"]["on"] = "hall_a"
    data["links"]["way_b"]["to"] = "hall_a"


def on_nodes_where_replicas_come_and_go(data: dict[str, Any]) -> None:
    data["services"]["desk_b"] |= {"on": "hall_a", "policies": {"autoscaling": SCALING}}
    data["links"]["way_b"]["to"] = "hall_a"


def on_one_accelerator(data: dict[str, Any]) -> None:
    data["nodes"]["hall_a"] |= {"accelerators": ["t4"]}
    data["services"]["desk_a"] |= {"accelerator": True, "replicas": 1}
    data["services"]["desk_b"] |= {"accelerator": True, "replicas": 1, "on": "hall_a"}
    data["links"]["way_b"]["to"] = "hall_a"


def by_a_policy_that_may_look_at_everything(data: dict[str, Any]) -> None:
    data["services"]["desk_a"]["policies"] = {"routing": "sharded:Everywhere"}


def by_a_policy_whose_base_says_what_it_does_not(data: dict[str, Any]) -> None:
    data["services"]["desk_a"]["policies"] = {"routing": "sharded:OnlyHereToo"}


def by_a_policy_that_looks_at_another_service(data: dict[str, Any]) -> None:
    data["services"]["desk_a"]["policies"] = {"autoscaling": {"use": "pd_ratio", "partner": "desk_b"}}


def by_a_policy_that_hears_of_all_requests(data: dict[str, Any]) -> None:
    data["services"]["far_a"] = {"on": "hall_a"}
    stage = {"model": "yolov8n", "precision": "fp32", "split": ["desk_a", "far_a"]}
    data["apps"]["ask_a"] = {"stages": {"serve": stage}, "policies": {"partitioning": "sharded:Hears"}}
    data["nodes"]["hall_a"] = {"tier": "edge", "hardware": "xeon_edge_server", "count": 2}


def by_the_numbers_of_replicas(data: dict[str, Any]) -> None:
    hashing = {"routing": "hash_affinity", "autoscaling": SCALING}
    data["services"]["desk_a"]["policies"] = hashing
    data["services"]["desk_b"]["policies"] = {"autoscaling": SCALING}


@pytest.mark.parametrize(
    ("join", "where"),
    [
        (over_a_link_in_turns, "link backhaul:hub>core, whose bandwidth is shared (fifo)"),
        (over_a_link_in_shares, "link backhaul:hub>core, whose bandwidth is shared (fair)"),
        (over_a_link_that_keeps_their_order, "link backhaul:hub>core, whose order is shared (fifo)"),
        (on_one_service, "service desk_a"),
        (on_cores_shared_fairly, "node hall_a-0, whose cores are shared fairly"),
        (on_nodes_where_replicas_come_and_go, "node hall_a-0, where they start and end during the run"),
        (on_one_accelerator, "node hall_a-0, where they take turns on accelerators"),
        (
            by_a_policy_that_may_look_at_everything,
            "the routing policy 'sharded:Everywhere' of desk_a, which does not say",
        ),
        (by_a_policy_whose_base_says_what_it_does_not, "'sharded:OnlyHereToo' of desk_a, which does not say"),
        (by_a_policy_that_looks_at_another_service, "the autoscaling policy 'pd_ratio' of desk_a, which does not say"),
        (by_a_policy_that_hears_of_all_requests, "'sharded:Hears' of ask_a.serve, which hears of all their requests"),
        (by_the_numbers_of_replicas, "the numbers of new replicas, which matter to desk_a"),
    ],
)
def test_regions_that_meet_are_refused_and_it_is_said_where(join: Any, where: str) -> None:
    data = two_regions()
    join(data)
    scenario = load(data)
    made = plan_of(scenario)
    assert made.pieces == 1
    with pytest.raises(PlanError) as refused:
        made.division(2, scenario)
    assert str(refused.value).startswith("nothing of this scenario can be played apart from the rest: ")
    assert "workloads asks_a and asks_b meet " in str(refused.value)
    assert where in str(refused.value)


def test_policies_that_say_what_they_look_at_join_nothing() -> None:
    data = two_regions()
    data["services"]["desk_a"]["policies"] = {"routing": "sharded:OnlyHere"}
    assert planned(data).pieces == 2


def test_replicas_apart_need_a_routing_that_goes_by_where_requests_come_from() -> None:
    data = two_regions()
    data["services"] = {
        "desk": {"on": ["hall_a", "hall_b"], "replicas": "each", "policies": {"routing": "hash_affinity"}}
    }
    data["apps"] = {"ask": {"stages": {"serve": {"service": "desk", "time": "20 ms"}}}}
    data["workloads"]["asks_a"]["app"] = data["workloads"]["asks_b"]["app"] = "ask"
    data["links"] |= {"over": {"from": "users_a", "to": "hall_b"}, "back": {"from": "users_b", "to": "hall_a"}}
    made = planned(data)
    assert (made.pieces, made.whole) == (2, {})
    data["services"]["desk"]["policies"] = {"routing": "least_in_flight"}
    assert "'least_in_flight' does not keep apart what it is asked about" in planned(data).whole["desk"]
    data["services"]["desk"]["policies"] = {"routing": "lowest_latency"}
    assert "chooses by load where requests on users_a go" in planned(data).whole["desk"]
    data["services"]["desk"]["policies"] = {"routing": "hash_affinity", "autoscaling": SCALING}
    assert "its autoscaling policy 'target_utilization' sees all its replicas" in planned(data).whole["desk"]
    data["services"]["desk"]["policies"] = {"routing": "hash_affinity"}
    data["workloads"]["asks_b"]["arrivals"] = {"process": "closed", "clients": 2, "think": "1 s"}
    assert planned(data).pieces == 1


PLATFORM = {
    "name": "calls",
    "run": {"duration": "5 s"},
    "nodes": {"gate": {"tier": "edge", "cores": 1}, "cloud": {"tier": "cloud", "cores": 8}},
    "links": {"lan": {"from": "gate", "to": "cloud", "latency": "1 ms"}},
    "platforms": {"faas": {"on": "cloud", "cold_start": "100 ms", "functions": {"f": {}, "g": {}}}},
    "apps": {name: {"stages": {"run": {"service": "faas", "function": name, "time": "20 ms"}}} for name in "fg"},
    "workloads": {
        name: {"app": name, "from": "gate", "arrivals": {"process": "poisson", "rate": "5 /s"}} for name in "fg"
    },
}
POOLS = {
    "model": "pools",
    "pools": {"128 MiB": {"size": 2, "refill": "1 s"}},
    "from_pool": "1 ms",
    "from_scratch": "1 s",
}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"concurrency_limit": 10}, "all its functions count towards one `concurrency_limit`"),
        ({"reserve_cores": True}, "its instances reserve cores of the same nodes"),
        ({"cold_start": POOLS}, "its functions start from the same pools"),
        ({"cold_start": {"model": "huawei_2025", "region": "R1", "demand_slope": 0.1}}, "`demand_slope`"),
        ({"policies": {"autoscaling": "knative_kpa"}}, "'knative_kpa' is asked about all functions in one round"),
        ({"policies": {"keep_alive": "faascache"}}, "'faascache' does not keep apart what it is asked about"),
        ({"policies": {"batching": {"use": "size_or_timeout", "size": 2}}}, "more than this knows to take apart"),
        ({"policies": {"placement": "least_loaded"}}, "'least_loaded' does not keep apart what it is asked about"),
    ],
)
def test_functions_that_may_meet_stay_together(change: dict[str, Any], reason: str) -> None:
    assert planned(PLATFORM).pieces == 2
    data = copy.deepcopy(PLATFORM)
    data["platforms"]["faas"] |= change  # type: ignore[index]  # plain data
    made = planned(data)
    assert made.pieces == 1
    assert reason in made.whole["faas"]


def test_functions_are_apart_as_long_as_there_is_memory_for_all_of_them() -> None:
    data: dict[str, Any] = copy.deepcopy(PLATFORM)
    data["nodes"]["cloud"]["memory"] = "1 GiB"
    assert "may be short of memory" in planned(data).whole["faas"]
    data["platforms"]["faas"]["most"] = 4  # of two functions, each instance with 128 MiB
    assert planned(data).pieces == 2


def test_functions_that_one_request_calls_belong_together() -> None:
    data: dict[str, Any] = copy.deepcopy(PLATFORM)
    data["apps"]["f"]["stages"]["then"] = {"service": "faas", "function": "g", "time": "20 ms"}
    assert planned(data).components[0].meetings == ("workloads f and g meet at function g of faas",)


def test_more_parts_than_pieces_are_refused() -> None:
    scenario = load(two_regions())
    with pytest.raises(PlanError, match=r"--parts 3: this scenario divides into 1 to 2 parts: choose one of these"):
        plan_of(scenario).division(3, scenario)


def test_the_largest_pieces_go_to_different_parts() -> None:
    data = two_regions()
    for letter, rate in (("c", 4), ("d", 3)):
        data["nodes"][f"users_{letter}"] = {"tier": "device", "cores": 1}
        data["nodes"][f"hall_{letter}"] = {"tier": "edge", "cores": 2}
        data["links"][f"way_{letter}"] = {"from": f"users_{letter}", "to": f"hall_{letter}"}
        data["services"][f"desk_{letter}"] = {"on": f"hall_{letter}"}
        data["apps"][f"ask_{letter}"] = {"stages": {"serve": {"service": f"desk_{letter}", "time": "20 ms"}}}
        arrivals = {"process": "poisson", "rate": f"{rate} /s"}
        data["workloads"][f"asks_{letter}"] = {"app": f"ask_{letter}", "from": f"users_{letter}", "arrivals": arrivals}
    scenario = load(data)
    division = plan_of(scenario).division(2, scenario)
    parts = [division.owners["service", f"desk_{letter}"] for letter in "abcd"]
    assert parts == [0, 1, 0, 1]
