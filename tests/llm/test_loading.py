"""Staged starts of replicas of language models: the sum by hand, sharing, places that have the weights."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llm_loading import GB, loads, pool, ready_at, site, stages
from playing import play

import simtier
from simtier.catalogue.hardware import accelerator
from simtier.errors import ScenarioError

DISK = {"disk": "4 GB/s", "chunk": "0 B"}
"""Nothing but the disk, with chunks too small to matter."""


def test_a_start_is_the_sum_of_its_stages() -> None:
    loading = {**DISK, "overlap": False, "connect": "3 s", "warmup": "2 s", "host": "100 ms"}
    table, played = loads({"chat": pool(1, loading=loading, startup="5 s")})
    expected = {"runtime": 5.0, "disk": GB / 4, "host": 0.1 + GB / 25, "connect": 3.0, "warmup": 2.0}
    assert stages(table, 0) == pytest.approx(expected)
    assert list(stages(table, 0)) == list(expected)
    assert ready_at(played, 0) == pytest.approx(1.0 + sum(expected.values()))
    assert set(table.source) == {"disk"}
    states = played.replicas
    assert list(states.state) == ["starting", "ready"]


def test_weights_that_stream_take_as_long_as_the_slower_stage_and_one_chunk() -> None:
    table, _ = loads({"chat": pool(1, loading={"disk": "4 GB/s", "chunk": "1 GB"})})
    assert stages(table, 0) == pytest.approx({"disk": GB / 4 + 1 / 25})
    table, _ = loads({"chat": pool(1, loading={"disk": "50 GB/s", "chunk": "1 GB"})})
    assert stages(table, 0) == pytest.approx({"disk": GB / 25 + 1 / 50})


def test_accelerators_of_a_replica_load_side_by_side() -> None:
    llm = {"tensor": 2}
    loading = {"disk": "1000 GB/s", "chunk": "0 B"}
    table, _ = loads({"chat": pool(1, loading=loading, llm=llm)})
    assert stages(table, 0) == pytest.approx({"disk": GB / 50})


def test_two_starts_at_once_share_the_disk() -> None:
    table, _ = loads({"chat": pool(2, loading=DISK)})
    assert stages(table, 0) == stages(table, 1) == pytest.approx({"disk": 2 * GB / 4})


def test_starts_on_two_nodes_share_nothing_of_their_disks() -> None:
    table, _ = loads({"chat": pool(2, loading=DISK)}, nodes=2, gpus=1)
    assert stages(table, 0) == stages(table, 1) == pytest.approx({"disk": GB / 4})


def test_weights_come_from_memory_once_they_were_read() -> None:
    loading = {**DISK, "keep": 0.5}
    table, _ = loads({"chat": pool(1, 1, 1, 1, 1, 1, 1, 2, loading=loading)})
    assert stages(table, 0) == pytest.approx({"disk": GB / 4})
    assert stages(table, 1) == pytest.approx({"host": GB / 25})
    cold, _ = loads({"chat": pool(1, 1, 1, 1, 1, 1, 1, 2, loading={**DISK, "keep": 0.1})})
    assert stages(cold, 1) == pytest.approx({"disk": GB / 4})  # 6.4 GB are too few to keep 16


def test_memory_forgets_the_model_used_least_recently() -> None:
    loading = {**DISK, "keep": 0.5}  # 32 GB: two of the models
    other = {"model": "llama-3-8b", "precision": "fp8"}
    services = {
        "a": pool(1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, loading=loading, replicas=1),
        "b": pool(*([0] * 9), 1, loading=loading, llm={"model": "qwen2.5-14b", "precision": "fp8"}),
    }
    table, _ = loads(services)
    assert set(table[table.service == "a"].source) == {"host"}  # 16 and 15 GB fit together
    services["c"] = pool(*([0] * 14), 1, loading=loading, llm=other)
    table, _ = loads(services, gpus=4)
    assert set(table[table.service == "a"].source) == {"disk"}  # 8 GB more do not


def test_weights_come_from_accelerators_of_the_same_node() -> None:
    loading = {**DISK, "peer": {"rate": "200 GB/s", "time": "50 ms"}}
    table, _ = loads({"chat": pool(3, loading=loading, replicas=1)}, gpus=4)
    assert set(table.source) == {"peer"}
    assert stages(table, 1) == stages(table, 2) == pytest.approx({"peer": 0.05 + 2 * GB / 200})  # one sends to both


def test_between_accelerators_of_a_node_their_links_carry_weights() -> None:
    table, _ = loads({"chat": pool(2, loading={**DISK, "peer": {}}, replicas=1)})
    link = accelerator("a100_80g").link_bytes_per_s
    assert link is not None
    assert stages(table, 1) == pytest.approx({"peer": GB * 1e9 / link})
    llm = {"interconnect": {"bandwidth": "50 GB/s"}}
    table, _ = loads({"chat": pool(2, loading={**DISK, "peer": {"time": "1 s"}}, replicas=1, llm=llm)})
    assert stages(table, 1) == pytest.approx({"peer": 1.0 + GB / 50})


def test_weights_come_over_the_network_and_share_it() -> None:
    loading = {"disk": "100 MB/s", "remote": "20 ms"}
    table, played = loads({"chat": pool(2, loading=loading, replicas=1)}, gpus=1, nodes=2)
    assert stages(table, 1) == pytest.approx({"remote": 0.02 + GB})  # 8 Gbit/s are 1 GB/s
    sent = played.transfers
    assert list(sent.bytes[sent.request == -1]) == pytest.approx([GB * 1e9] * 2)  # over two links
    table, _ = loads({"chat": pool(3, loading=loading, replicas=1)}, gpus=1, nodes=3)
    assert stages(table, 1) == stages(table, 2) == pytest.approx({"remote": 0.02 + 2 * GB})


def test_the_quickest_place_is_taken() -> None:
    everything = {**DISK, "keep": 0.5, "peer": "200 GB/s", "remote": "0 s"}
    table, _ = loads({"chat": pool(2, loading=everything, replicas=1)})
    assert set(table.source) == {"peer"}
    table, _ = loads({"chat": pool(2, loading={**everything, "peer": "10 GB/s"}, replicas=1)})
    assert set(table.source) == {"host"}
    table, _ = loads({"chat": pool(2, loading={**everything, "keep": 0.0}, replicas=1)}, gpus=1, nodes=2)
    assert set(table.source) == {"disk"}  # 4 GB/s against 1 GB/s of the network
    table, _ = loads(
        {"chat": pool(2, loading={**everything, "keep": 0}, replicas=1)}, gpus=1, nodes=2, rate="80 Gbit/s"
    )
    assert set(table.source) == {"remote"}


def test_a_change_of_role_takes_over_what_lies_there() -> None:
    loading = {**DISK, "attach": "300 ms", "connect": "6 s", "warmup": "2 s"}
    services = {
        "prompts": pool(2, 2, 1, loading=loading, replicas=2, startup="30 s"),
        "tokens": pool(2, 2, 2, 3, loading=loading, replicas=2, startup="30 s"),
    }
    table, played = loads(services, gpus=4)
    assert [(row.source, row.stage) for row in table.itertuples()] == [("attach", "attach"), ("attach", "warmup")]
    assert stages(table, 4) == pytest.approx({"attach": 0.3, "warmup": 2.0})
    assert ready_at(played, 4) == pytest.approx(6.3)


def test_another_model_on_the_accelerator_leaves_nothing_to_take_over() -> None:
    loading = {**DISK, "attach": "300 ms"}
    services = {
        "a": pool(*([0] * 19), 1, loading=loading, replicas=1),
        "b": pool(1, 1, 1, 1, 1, 1, 1, 1, 1, 0, loading=loading, llm={"model": "llama-2-7b"}),
    }
    table, _ = loads(services, gpus=1)
    assert [(row.service, row.source) for row in table.itertuples()] == [("b", "disk"), ("a", "disk")]
    del services["b"]
    table, _ = loads(services, gpus=1)
    assert [(row.service, row.source) for row in table.itertuples()] == [("a", "attach")]


def test_weights_divided_otherwise_are_not_taken_over() -> None:
    loading = {**DISK, "attach": "300 ms"}
    services = {
        "one": pool(0, loading=loading, replicas=2),
        "two": pool(0, 0, 1, loading=loading, llm={"tensor": 2}),
    }
    table, _ = loads(services)
    assert set(table.source) == {"disk"}


def test_a_replica_goes_to_the_accelerators_that_hold_its_weights() -> None:
    loading = {**DISK, "attach": "300 ms"}
    services = {
        "a": pool(0, 0, 0, 0, 1, loading=loading, replicas=1, llm={"model": "llama-2-7b"}),
        "b": pool(0, 0, 1, loading=loading, replicas=1),
    }
    table, _ = loads(services)
    assert set(table.source) == {"attach"}
    assert list(table.device) == ["a100_80g-1", "a100_80g-0"]


def test_starts_that_are_called_off_or_unfinished_leave_their_stages() -> None:
    table, played = loads({"chat": pool(1, 1, 0, loading=DISK, startup="1 s")})
    assert list(table.stage) == ["runtime", "disk"]
    assert math.isnan(table.end_s.iloc[1])
    assert list(played.replicas.state) == ["starting"]
    table, _ = loads({"chat": pool(1, loading=DISK, startup="90 s")})
    assert list(table.stage) == ["runtime"]
    assert list(table.source) == [""]
    assert math.isnan(table.end_s.iloc[0])


def test_without_loading_the_startup_is_all() -> None:
    table, played = loads({"chat": pool(1, startup="7 s")})
    assert table.empty
    assert ready_at(played, 0) == 8.0


def test_the_summary_tells_where_weights_came_from_and_stages_that_add_up() -> None:
    loading = {**DISK, "peer": "200 GB/s", "warmup": "2 s"}
    services = {"chat": pool(1, 1, 1, 1, 1, 1, 1, 1, 1, 2, loading=loading, startup="1 s"), "plain": pool(1)}
    summary = simtier.run(simtier.Scenario.from_dict(site(services, gpus=3))).summary["llm"]
    told = summary["chat"]["loading"]
    assert (told["starts"], told["starts_done"]) == (2, 2)
    assert {name: number for name, number in told["sources"].items() if number} == {"disk": 1, "peer": 1}
    means = {"runtime": 1.0, "disk": GB / 8, "peer": GB / 400, "warmup": 2.0}
    assert {name: mean for name, mean in told["component_s"].items() if mean} == pytest.approx(means)
    assert told["cold_start_s"]["mean"] == pytest.approx(sum(means.values()))
    assert sum(told["component_share"].values()) == pytest.approx(1)
    assert "loading" not in summary["plain"]


@settings(max_examples=15, deadline=None)
@given(peer=st.floats(1, 400), network=st.floats(1, 400), remote=st.booleans())
def test_more_rate_from_another_replica_is_never_slower(peer: float, network: float, remote: bool) -> None:
    def seconds(peer: float, network: float) -> float:
        loading = {"disk": "1 GB/s", "chunk": "0 B", "peer": f"{peer} GB/s", "remote": "0 s"}
        where: dict[str, Any] = {"gpus": 1, "nodes": 2} if remote else {"gpus": 2, "nodes": 1}
        services = {"chat": pool(2, loading=loading, replicas=1)}
        return ready_at(play(site(services, rate=f"{8 * network} Gbit/s", **where)), 1) - 1.0

    took_s = seconds(peer, network)
    assert took_s == pytest.approx(GB / (network if remote else peer))
    assert max(seconds(2 * peer, network), seconds(peer, 2 * network)) <= took_s * (1 + 1e-9)


RATES = st.floats(1, 400)


@settings(max_examples=25, deadline=None)
@given(disk=RATES, link=RATES, chunk=st.floats(0, 4), overlap=st.booleans())
def test_a_start_takes_no_less_than_its_slowest_stage_and_no_more_than_all(
    disk: float, link: float, chunk: float, overlap: bool
) -> None:
    def seconds(disk: float, link: float) -> float:
        loading = {"disk": f"{disk} GB/s", "chunk": f"{chunk} GB", "overlap": overlap}
        services = {"chat": pool(1, loading=loading, llm={"host_link": f"{link} GB/s"})}
        return ready_at(play(site(services)), 0) - 1.0

    took_s = seconds(disk, link)
    assert max(GB / disk, GB / link) <= took_s * (1 + 1e-9)
    assert took_s <= (GB / disk + GB / link) * (1 + 1e-9)
    assert seconds(2 * disk, link) <= took_s * (1 + 1e-9)
    assert seconds(disk, 2 * link) <= took_s * (1 + 1e-9)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"disk": "0 GB/s"}, "more than 0"),
        ({"disk": "-1 GB/s"}, "more than 0"),
        ({"disk": {"time": "0 s"}}, "takes no time at all"),
        ({"disk": "1 GB/s", "keep": 2}, "must be 1 or less"),
        ({"disk": "1 GB/s", "warmup": "-1 s"}, "0 or more"),
        ({"disk": "1 GB/s", "remote": "0 s"}, "no links lead from one to another"),
        ({"peer": "1 GB/s"}, "disk"),
    ],
)
def test_what_makes_no_sense_is_refused(given: dict[str, Any], message: str) -> None:
    data = site({"chat": pool(1, loading=given)})
    data["links"]["wire"]["back"] = "none"
    data["workloads"]["asks"]["from"] = "gpu"
    with pytest.raises(ScenarioError, match=message):
        play(data)


def test_loading_is_of_language_models_only() -> None:
    data = site({"chat": pool(1), "plain": {"on": "gpu", "loading": DISK}})
    with pytest.raises(ScenarioError, match=r"services\.plain: unknown key 'loading'"):
        play(data)


def test_services_of_one_node_agree_about_its_disk_and_memory() -> None:
    services = {"a": pool(1, loading={"disk": "4 GB/s"}), "b": pool(1, loading={"disk": "5 GB/s"})}
    with pytest.raises(ScenarioError, match="'b' reads the disk of 'gpu' otherwise than 'a' does"):
        play(site(services))


def test_memory_that_keeps_weights_is_no_replicas() -> None:
    with pytest.raises(ScenarioError, match="does not fit"):
        play(site({"chat": pool(loading={**DISK, "keep": 0.9}, replicas=1, memory="10 GB")}))
