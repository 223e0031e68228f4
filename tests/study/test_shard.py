"""A run in parts, in processes of their own: the same result as in one, or an error and nothing left behind."""

from __future__ import annotations

import copy
import hashlib
import json
import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from playing import load
from sharded import same_in_parts
from typer.testing import CliRunner

from simtier import runner
from simtier.cli import app
from simtier.errors import PlanError, PolicyError, StudyError
from simtier.journal import FLUSH_ROWS
from simtier.study.shard.running import Stopped, shard

ROOT = Path(__file__).parents[2]
SITES: dict[str, Any] = {
    "name": "sites",
    "run": {"duration": "4 s", "warmup": "1 s", "seed": 3, "replications": 2, "samples": 8},
    "nodes": {
        "camera": {"tier": "device", "cores": 1, "count": 3},
        "server": {"tier": "edge", "cores": 2, "count": 3},
        "clerk": {"tier": "device", "cores": 1},
        "cloud": {"tier": "cloud", "cores": 8, "memory": "4 GB"},
    },
    "links": {
        **{
            f"near_{k}": {"from": f"camera-{k}", "to": f"server-{k}", "latency": "5 ms", "bandwidth": "2 MB/s"}
            for k in range(3)
        },
        "far": {"from": "camera", "to": "server", "latency": "100 ms", "sharing": "none"},
        "office": {"from": "clerk", "to": "cloud", "latency": "20 ms", "bandwidth": "1 MB/s", "sharing": "fair"},
    },
    "services": {
        "detect": {
            "on": "server",
            "replicas": "each",
            "cores": 2,
            "concurrency": 2,
            "policies": {"routing": "lowest_latency"},
        },
        "books": {
            "on": "cloud",
            "startup": "300 ms",
            "policies": {"autoscaling": {"use": "target_utilization", "utilization": 0.5, "every": "500 ms"}},
        },
    },
    "apps": {
        "frames": {"stages": {"find": {"service": "detect", "time": "110 ms"}}, "response": "20 kB", "timeout": "1 s"},
        "sums": {"stages": {"add": {"service": "books", "time": "100 ms"}}, "slo": {"latency": "300 ms"}},
    },
    "workloads": {
        "frames": {
            "app": "frames",
            "from": "camera",
            "request": "20 kB",
            "arrivals": {"process": "periodic", "rate": "20 /s", "phase": "0 s"},
        },
        "sums": {
            "app": "sums",
            "from": "clerk",
            "request": "2 kB",
            "arrivals": {"process": "poisson", "rate": "15 /s"},
        },
        "more": {"app": "sums", "from": "clerk", "arrivals": {"process": "closed", "clients": 2, "think": "100 ms"}},
    },
}


def test_replicas_near_their_cameras_and_an_office_beside_them_are_what_they_are_in_one() -> None:
    assert same_in_parts(SITES, 3) == 4


def test_a_language_model_s_pools_beside_another_are_what_they_are_in_one() -> None:
    gpus = {"tier": "cloud", "hardware": "cloud_gpu_host", "accelerators": ["a100_80g"] * 3}
    engine = {"llm": {"model": "llama-3-8b"}}
    tokens = {
        "input": {"distribution": "weibull", "mean": 620, "cv": 0.5},
        "output": {"distribution": "gamma", "mean": 50, "cv": 0.8},
    }
    arrivals = {"process": "poisson", "rate": "20 /s"}
    data: dict[str, Any] = {
        "name": "pools",
        "run": {"duration": "3 s"},
        "nodes": {"people": {"tier": "device", "cores": 1}},
        **{section: {} for section in ("links", "services", "apps", "workloads")},
    }
    for name in "ab":
        data["nodes"][f"gpus_{name}"] = gpus
        data["links"][name] = {"from": "people", "to": f"gpus_{name}", "latency": "5 ms"}
        data["services"][f"prompts_{name}"] = {"on": f"gpus_{name}", "replicas": 1, **engine}
        data["services"][f"tokens_{name}"] = {"on": f"gpus_{name}", "replicas": 2, **engine}
        stage = {"split": [f"prompts_{name}", f"tokens_{name}"], "tokens": tokens}
        data["apps"][name] = {"stages": {"answer": stage}}
        data["workloads"][name] = {"app": name, "from": "people", "arrivals": arrivals}
    assert same_in_parts(data) == 2


def test_a_run_in_processes_leaves_the_files_of_the_run_in_one_byte_for_byte() -> None:
    data = copy.deepcopy(SITES)
    data["run"] |= {"duration": "300 s", "replications": 1}  # more rows than are written out at once
    scenario = load(data)
    told: list[runner.Progress] = []
    whole, apart = runner.run(scenario), shard(scenario, workers=2, watch=told.append)
    assert len(whole.table("requests")) > FLUSH_ROWS
    assert files(apart.directory) == files(whole.directory)
    assert all(each.until_s == 300 and each.replications == 1 for each in told)


def test_so_it_is_with_several_replications() -> None:
    scenario = load(SITES)
    assert files(shard(scenario, workers=2).directory) == files(runner.run(scenario).directory)


def files(folder: Path) -> dict[str, str]:
    """Return a hash of each file in a directory, by where it lies."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def failing() -> dict[str, Any]:
    data = copy.deepcopy(SITES)
    data["services"]["books"] |= {"replicas": 2, "policies": {"routing": "sharded:Fails"}}
    data["run"]["duration"] = "10 h"  # the other part would go on for a long time
    return data


def test_a_part_that_fails_ends_the_others_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "tests" / "helpers"))
    with pytest.raises(
        PolicyError, match=r"routing policy 'sharded:Fails' of 'books' raised ValueError at .* three is too many"
    ):
        shard(load(failing()), workers=2, out=tmp_path / "result")
    assert list(tmp_path.iterdir()) == []
    assert multiprocessing.active_children() == []


def test_who_wants_to_stop_is_obeyed_and_nothing_is_left(tmp_path: Path) -> None:
    data = copy.deepcopy(SITES)
    data["run"]["duration"] = "10 h"
    with pytest.raises(Stopped):
        shard(load(data), workers=2, out=tmp_path / "result", stop=lambda: True)
    assert list(tmp_path.iterdir()) == []
    assert multiprocessing.active_children() == []


def test_a_process_that_is_killed_is_told_of(tmp_path: Path) -> None:
    data = copy.deepcopy(SITES)
    data["run"]["duration"] = "10 h"

    def kill_one() -> bool:
        os.kill(multiprocessing.active_children()[0].pid or 0, signal.SIGKILL)
        return False

    with pytest.raises(StudyError, match=r"the process that played part [12] was ended from outside"):
        shard(load(data), workers=2, out=tmp_path / "result", stop=kill_one)
    assert list(tmp_path.iterdir()) == []


def test_what_does_not_divide_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    data = copy.deepcopy(SITES)
    data["services"]["detect"]["policies"] = {"routing": "least_in_flight"}
    del data["workloads"]["sums"], data["workloads"]["more"]
    with pytest.raises(
        PlanError, match=r"camera-1 meet at service detect; .*; detect is played as a whole, for its routing"
    ):
        shard(load(data), workers=2, out=tmp_path / "result")
    assert list(tmp_path.iterdir()) == []


def test_there_are_no_zero_workers() -> None:
    with pytest.raises(StudyError, match="the number of workers must be 1 to 256, not 0"):
        shard(load(SITES), workers=0)


def written(folder: Path) -> str:
    file = folder / "sites.yaml"
    file.write_text(json.dumps(SITES), encoding="utf-8")
    return str(file)


def test_the_command_tells_what_can_be_played_apart(tmp_path: Path) -> None:
    shown = CliRunner().invoke(app, ["shard", written(tmp_path), "--plan"])
    assert shown.exit_code == 0
    assert "4 pieces can be played apart" in shown.output
    assert "Together: workloads more and sums meet at service books" in shown.output
    assert "As a whole, for its replicas are not one on `each` node: books" in shown.output
    told = json.loads(CliRunner().invoke(app, ["shard", written(tmp_path), "--plan", "--json"]).output)
    assert told["pieces"] == 4
    assert [each["hosts"] for each in told["components"]] == [["books"], *([f"detect@server-{k}"] for k in range(3))]


def test_the_command_leaves_an_ordinary_result(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "simtier", "shard", written(tmp_path), "--workers", "2", "--parts", "3", "--quiet"]
    done = subprocess.run(
        [*command, "--out", str(tmp_path / "out")], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip() == str(tmp_path / "out")
    assert (tmp_path / "out" / "report.html").exists()
    assert (
        json.loads((tmp_path / "out" / "result.json").read_text())["fingerprint"] == runner.run(load(SITES)).fingerprint
    )
