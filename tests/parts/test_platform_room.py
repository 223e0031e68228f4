"""Room on nodes: shared with other platforms, bounded by cores too, and starts that would never let time pass."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
from platform_playing import faas
from playing import load, play

from simtier.errors import SimulationError

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


def test_starts_that_would_never_let_time_pass_end_the_run(tmp_path: Path) -> None:
    rule = "from simtier import KeepAlive\n\n\nclass Again(KeepAlive):\n    def idle_for(self, instance):\n        return 0.0\n\n"
    rule += "    def prewarm(self, function):\n        return 0.0\n"
    (tmp_path / "again.py").write_text(rule, encoding="utf-8")
    data = faas("1 /s", "1 s", policies={"keep_alive": f"{tmp_path / 'again.py'}:Again"}, duration="10 s", most=5)
    with pytest.raises(SimulationError, match=r"has started \d+ instances at .* and no time passes"):
        play(load(data))
