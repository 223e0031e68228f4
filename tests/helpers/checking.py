"""A small scenario with a baseline, and a policy that can be made worse."""

from __future__ import annotations

from pathlib import Path

from simtier.study.check.baseline import save
from simtier.study.check.guard import Guard, make
from simtier.study.task import Base

MEAN, P95, SHARE = "apps.ask.latency_s.mean", "apps.ask.latency_s.p95", "apps.ask.slo.attainment"
ROUTING = "services.web.policies.routing"
WORSE = ((f"{ROUTING}.wrong_every", "4"),)

SCENARIO = """\
name: two_sites
run: {duration: 6 s, samples: 0, replications: 3}
nodes:
  client: {tier: device, cores: 1}
  near: {tier: edge, cores: 4}
  far: {tier: cloud, cores: 4}
links:
  street: {from: client, to: near, latency: 5 ms}
  ocean: {from: client, to: far, latency: 80 ms}
services:
  web:
    on: [near, far]
    replicas: each
    cores: 4
    concurrency: 4
    policies: {routing: {use: "./nearest.py:Nearest"}}
apps:
  ask:
    stages: {serve: {service: web, time: {distribution: exponential, mean: 40 ms}}}
    slo: {latency: 150 ms, percentile: 95}
workloads:
  asks: {app: ask, from: client, arrivals: {process: poisson, rate: 40 /s}}
"""

POLICY = '''\
from typing import ClassVar

from simtier import Routing


class Nearest(Routing):
    """The nearest site, and every so often the farthest."""

    takes_only_one: ClassVar[bool] = True
    wrong_every: int = 0

    def start(self, site, rng):
        self._site, self._asked = site, 0

    def choose(self, request, replicas):
        self._asked += 1
        by_way = sorted(replicas, key=lambda replica: self._site.latency_s(request.at, replica.node.name))
        return by_way[-1 if self.wrong_every and self._asked % self.wrong_every == 0 else 0]
'''


def scenario_in(folder: Path) -> Path:
    """Write the scenario and its policy into `folder` and return the scenario's path."""
    (folder / "nearest.py").write_text(POLICY, encoding="utf-8")
    path = folder / "scenario.yaml"
    path.write_text(SCENARIO, encoding="utf-8")
    return path


def with_baseline(folder: Path, guard: Guard | None = None) -> tuple[Base, Path]:
    """Write scenario and baseline into `folder` and return both."""
    base, path = Base.load(scenario_in(folder)), folder / "baseline.json"
    save(path, make(base, guard or Guard()))
    return base, path
