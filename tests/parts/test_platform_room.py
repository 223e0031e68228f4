"""Room on nodes: shared with other platforms, bounded by cores too, and starts that would never let time pass."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from platform_playing import at_once, faas
from playing import load, play

import simtier
from simtier.errors import SimulationError
from simtier.models.serverless.layers import SharedLayers
from simtier.models.serverless.spec import FunctionSpec

ONCE = {"process": "periodic", "rate": "0.001 /s"}


def test_memory_that_one_platform_frees_is_had_by_another_that_waits_for_it() -> None:
    """There is room for one instance: the second platform's request waits until the first platform's has expired, at 2 s."""
    data = faas(
        ONCE | {"phase": "0 s"},
        "1 s",
        places=1,
        policies={"keep_alive": {"use": "fixed", "idle": "1 s"}},
        duration="50 s",
    )
    data["platforms"]["other"] = copy.deepcopy(data["platforms"]["faas"])
    data["apps"]["beg"] = {"stages": {"serve": {"service": "other", "function": "f", "time": "1 s"}}}
    data["workloads"]["begs"] = {"app": "beg", "from": "server", "arrivals": ONCE | {"phase": "500 ms"}}
    requests = play(data).requests.set_index("app")
    assert requests["outcome"].to_dict() == {"ask": "ok", "beg": "ok"}
    assert requests["end_s"].to_dict() == pytest.approx({"ask": 1.0, "beg": 3.0})


def test_no_idle_instance_goes_for_a_start_that_lacks_cores_all_the_same() -> None:
    """Of 8 cores a busy instance has 6 and an idle one 2: evicting the idle one would not make room for another with 6."""
    data = faas(ONCE | {"phase": "1 s"}, "20 s", reserve_cores=True, function={"cores": 6}, duration="10 s")
    data["platforms"]["faas"]["functions"]["g"] = {"memory": "100 MB", "cores": 2}
    data["apps"]["other"] = {"stages": {"serve": {"service": "faas", "function": "g", "time": "100 ms"}}}
    data["workloads"]["others"] = {"app": "other", "from": "server", "arrivals": ONCE | {"phase": "0 s"}}
    data["workloads"]["more"] = data["workloads"]["asks"] | {"arrivals": ONCE | {"phase": "2 s"}}
    replicas = play(data).replicas
    assert "unplaced" in set(replicas["state"])
    assert "evicted" not in set(replicas["state"])


@pytest.mark.parametrize("autoscaling", ["queue_length", "kubernetes_hpa", "on_demand", {"use": "target_concurrency"}])
def test_nobody_is_rejected_as_long_as_there_is_room(autoscaling: Any) -> None:
    data = at_once(
        faas(
            "1 /s",
            "1 s",
            policies={"autoscaling": autoscaling},
            cold_start="500 ms",
            when_full="reject",
            duration="30 s",
        ),
        100,
    )
    played = play(data)
    assert not (played.replicas["state"] == "unplaced").any()
    assert set(played.requests["outcome"]) == {"ok"}


@pytest.mark.parametrize("bound", [{"most": 2}, {"ramp": {"burst": 2, "per": "10 s"}}])
def test_those_beyond_most_or_the_ramp_wait_where_those_without_room_are_rejected(bound: dict[str, Any]) -> None:
    played = play(at_once(faas("1 /s", "1 s", cold_start="500 ms", when_full="reject", duration="60 s", **bound), 10))
    assert set(played.requests["outcome"]) == {"ok"}


def test_what_lacks_room_after_the_warm_up_is_counted_there() -> None:
    data = faas("10 /s", "1 s", places=2, policies={"keep_alive": "none"}, when_full="reject", duration="60 s")
    data["run"]["warmup"] = "10 s"
    summary = simtier.run(load(data)).summary
    assert summary["platforms"]["faas"]["unplaced"] > 100
    data = faas("10 /s", "1 s", most=2, duration="60 s")
    data["run"]["warmup"] = "10 s"
    assert simtier.run(load(data)).summary["platforms"]["faas"]["capped"] > 100


def test_a_region_without_room_does_not_keep_the_calls_that_wait_there() -> None:
    """Ten calls of a second each second: the near region has room for one instance, the far one, 150 ms away, for all."""
    data = faas("10 /s", "1 s", cold_start="100 ms", duration="60 s", policies={"routing": "cross_region"})
    data["nodes"] = {
        "server": {"tier": "edge", "cores": 1, "memory": "100 MB"},
        "cloud": {"tier": "cloud", "cores": 64, "memory": "100 GB"},
    }
    data["links"] = {"wan": {"from": "server", "to": "cloud", "latency": "150 ms"}}
    platform = data["platforms"]["faas"]
    del platform["on"]
    platform["regions"] = {"near": {"on": "server"}, "far": {"on": "cloud"}}
    requests = play(data).requests
    assert (requests["outcome"] == "ok").mean() > 0.95
    assert (requests["end_s"] - requests["arrival_s"]).median() < 3


def test_starts_that_would_never_let_time_pass_end_the_run(tmp_path: Path) -> None:
    rule = "from simtier import KeepAlive\n\n\nclass Again(KeepAlive):\n    def idle_for(self, instance):\n        return 0.0\n\n"
    rule += "    def prewarm(self, function):\n        return 0.0\n"
    (tmp_path / "again.py").write_text(rule, encoding="utf-8")
    data = faas("1 /s", "1 s", policies={"keep_alive": f"{tmp_path / 'again.py'}:Again"}, duration="10 s", most=5)
    with pytest.raises(SimulationError, match=r"has started \d+ instances at .* and no time passes"):
        play(load(data))


def test_an_older_instance_gives_its_layers_if_the_newest_lies_where_there_is_no_room() -> None:
    held = SharedLayers()
    spec = FunctionSpec("f", 1e8, runtime="python3")
    for number, runtime in enumerate(("Python 3", "node", "python3", "")):
        held.add(idle(number, "language", runtime))
    held.add(idle(9, "bare", ""))
    assert [instance.id for instance in held.of_use_for(spec)] == [2, 0, 9]
    assert [instance.id for instance in held.of_use_for(FunctionSpec("g", 1e8))] == [9]


@dataclass(eq=False)
class Idle:
    """An instance as far as its layers go."""

    id: int
    layer: str
    function: Any


def idle(number: int, layer: str, runtime: str) -> Any:
    return Idle(number, layer, SimpleNamespace(spec=FunctionSpec(f"h{number}", 1e8, runtime=runtime)))
