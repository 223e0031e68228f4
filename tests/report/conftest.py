"""Small results to report on, made once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import simtier
from simtier.report import write_report

CHAIN = """
name: chain
question: "Does a <script>alert('x')</script> & a \\"quote\\" stay what it is?"
run: {duration: 40 s, warmup: 5 s, drain: 5 s, seed: 7, replications: 2, samples: 50}
nodes:
  phone: {tier: device, count: 3, cores: 2}
  site: {tier: edge, cores: 4, idle_power: 10 W, peak_power: 30 W}
  hall: {tier: cloud, count: 2, cores: 8, price: 1 USD/hour}
links:
  cell: {from: phone, to: site, latency: 5 ms, bandwidth: 2 MB/s, energy: 1 uJ/B}
  wire: {from: site, to: hall, latency: 10 ms}
services:
  decode: {on: site, cores: 2, replicas: 1, concurrency: 2}
  look: {on: [site, hall], cores: 2, replicas: 3}
apps:
  see:
    stages:
      decode: {service: decode, time: {distribution: exponential, mean: 30 ms}, output: 50 kB}
      look: {service: look, time: {distribution: gamma, mean: 60 ms, cv: 0.5}}
    response: 1 kB
    slo: {latency: 200 ms, percentile: 90}
workloads:
  shots: {app: see, from: phone, request: 20 kB, arrivals: {process: poisson, rate: 5 /s}}
"""

SPLIT = """
name: split
run: {duration: 20 s, warmup: 1 s, drain: 10 s, seed: 7, replications: 1, samples: 50}
nodes:
  camera: {tier: device, count: 2, hardware: raspberry_pi_4}
  site: {tier: edge, hardware: xeon_edge_server, accelerators: t4}
links: {up: {from: camera, to: site, latency: 5 ms, bandwidth: 1 MB/s}}
services:
  near: {on: camera, replicas: each, cores: 4}
  far: {on: site, accelerator: true, max_batch: 4, policies: {batching: {use: size_or_timeout, size: 4, timeout: 4 ms}}}
apps:
  detect:
    stages: {net: {model: mobilenet_v2, precision: fp16, split: [near, far]}}
    slo: {latency: 100 ms, percentile: 95}
workloads:
  frames: {app: detect, from: camera, request: 30 kB, arrivals: {process: periodic, rate: 3 /s, jitter: 10 ms}}
policies: {partitioning: {use: fixed_cut, cuts: [5]}, routing: lowest_latency}
"""

FORK = """
name: fork
run: {duration: 30 s, seed: 7, replications: 1, samples: 20}
nodes: {phone: {tier: device, cores: 1}, site: {tier: edge, cores: 8}}
links: {cell: {from: phone, to: site, latency: 5 ms}}
services:
  a: {on: site, cores: 1, replicas: 2}
  b: {on: site, cores: 1, replicas: 1, most: 3, startup: 1 s, policies: {autoscaling: {use: target_utilization, every: 2 s}}}
apps:
  both:
    stages:
      first: {service: a, time: 10 ms}
      left: {service: a, time: {distribution: exponential, mean: 20 ms}, after: [first]}
      right: {service: b, time: {distribution: exponential, mean: 70 ms}, after: [first]}
      last: {service: a, time: 5 ms, after: [left, right]}
workloads: {asks: {app: both, from: phone, arrivals: {process: poisson, rate: 15 /s}}}
"""


def run_and_report(folder: Path, text: str, **how: object) -> Path:
    """Run the scenario `text`, write its report, and return the result directory."""
    folder.mkdir(parents=True)
    (folder / "scenario.yaml").write_text(text, encoding="utf-8")
    result = simtier.run(simtier.Scenario.load(folder / "scenario.yaml"), out=folder / "result", **how)  # type: ignore[arg-type]
    write_report(result.directory)
    return result.directory


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., Path]:
    """Return what runs the scenario it is given and writes its report."""
    return lambda text, **how: run_and_report(tmp_path / "run", text, **how)


@pytest.fixture(scope="session")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two stages in a row, three tiers, two replications, explained decisions."""
    return run_and_report(tmp_path_factory.mktemp("report") / "chain", CHAIN, explain=40)


@pytest.fixture(scope="session")
def split(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A split DNN, one replication."""
    return run_and_report(tmp_path_factory.mktemp("report") / "split", SPLIT)


@pytest.fixture(scope="session")
def fork(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stages that overlap in time, replicas that come and go, no objective."""
    return run_and_report(tmp_path_factory.mktemp("report") / "fork", FORK)
