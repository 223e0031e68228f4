"""How often `simtier check` finds a policy that got 3 % worse, and how often it blames one that did not.

Usage: python benchmarks/check_power.py [--seeds N]

Two queues get 30 requests/s for 10 s; the policy takes the idler one, either of equals. Each seed gives a baseline of eight replications, with three
guarded metrics, and three checks against it:

- worse: every tenth choice, at random, is a mistake, which makes the mean latency 3 % longer; the same requests.
- unchanged: the same policy, other requests (`--seed`).
- harmless: the same policy with other random numbers of its own, so every course is another; the same requests.

The power that is stated for "worse" comes from the spread of the differences over all seeds, by the noncentral t distribution, for a test at a third
of the error rate: Holm's correction asks that much of the first of three metrics.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.stats import binomtest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from simtier.statistics.power import power_of  # noqa: E402 - the line above must come first
from simtier.study.check.baseline import Rule  # noqa: E402 - likewise
from simtier.study.check.play import Column, Values  # noqa: E402 - likewise
from simtier.study.check.rules import judge  # noqa: E402 - likewise
from simtier.study.task import Base, Changes, Task, play  # noqa: E402 - likewise

ALPHA = 0.05
REPLICATIONS = 8
SLOWED = "apps.ask.latency_s.mean"
RULES = {SLOWED: Rule(), "apps.ask.latency_s.p95": Rule(), "apps.ask.slo.attainment": Rule()}
ROUTING = "services.web.policies.routing"
MISTAKES = (f"{ROUTING}.mistakes", "0.1")
HARMLESS = (f"{ROUTING}.skip", "1")
OTHER_SEEDS = 1_000_000
"""Added to a seed for other requests."""
SCENARIO = {
    "name": "two_queues",
    "run": {"duration": "10 s", "samples": 0},
    "nodes": {"client": {"tier": "device", "cores": 1}, "server": {"tier": "edge", "cores": 2}},
    "links": {"hop": {"from": "client", "to": "server", "latency": "5 ms"}},
    "services": {
        "web": {
            "on": "server",
            "replicas": 2,
            "cores": 1,
            "concurrency": 1,
            "policies": {"routing": {"use": "./misrouting.py:Misrouting"}},
        }
    },
    "apps": {
        "ask": {
            "stages": {"serve": {"service": "web", "time": {"distribution": "exponential", "mean": "40 ms"}}},
            "slo": {"latency": "250 ms", "percentile": 95},
        }
    },
    "workloads": {"asks": {"app": "ask", "from": "client", "arrivals": {"process": "poisson", "rate": "30 /s"}}},
}
BASE = Base(SCENARIO, str(HERE), "two_queues")


@dataclass
class Found:
    """What the checks of many seeds found.

    Attributes:
        seeds: how many.
        before, after: the metric that the mistakes slow, in all replications without and with them.
        caught: of how many seeds the slower metric was flagged.
        blamed: of how many seeds any metric was flagged, by the check that changes nothing for the worse.
    """

    seeds: int = 0
    before: list[float] = field(default_factory=list)
    after: list[float] = field(default_factory=list)
    caught: int = 0
    blamed: dict[str, int] = field(default_factory=lambda: {"unchanged": 0, "harmless": 0})

    @property
    def slower(self) -> float:
        """The true change of the mean, as a share."""
        return float(np.mean(self.after) / np.mean(self.before) - 1)

    @property
    def power(self) -> float:
        """The probability to catch it that statistics promise, from the size and the spread of the differences."""
        differences = np.subtract(self.after, self.before)
        size = float(differences.mean() / differences.std(ddof=1))
        return power_of(size, REPLICATIONS, 1 - 2 * ALPHA / len(RULES))


def look(seeds: range, watch: Callable[[int], object] = lambda _: None) -> Found:
    """Make a baseline of each seed and check it in the three ways."""
    found = Found()
    for seed in seeds:
        before, worse = values(seed), values(seed, MISTAKES)
        found.seeds += 1
        found.before += numbers(before[SLOWED])
        found.after += numbers(worse[SLOWED])
        verdicts = {each.name: each.failed for each in judge(RULES, before, worse, "paired", ALPHA)}
        found.caught += verdicts[SLOWED]
        unchanged = judge(RULES, before, values(seed + OTHER_SEEDS), "independent", ALPHA)
        harmless = judge(RULES, before, values(seed, HARMLESS), "paired", ALPHA)
        found.blamed["unchanged"] += any(each.failed for each in unchanged)
        found.blamed["harmless"] += any(each.failed for each in harmless)
        watch(found.seeds)
    return found


def values(seed: int, *changes: tuple[str, str]) -> Values:
    """Play the replications of a seed and return what they measured."""
    made: Changes = (("run.seed", str(seed)), *changes)
    played = play(Task(BASE, made, tuple(range(REPLICATIONS))))
    assert not played.error, played.error
    return {name: tuple(each.metrics[name] for each in played.replications) for name in RULES}


def numbers(column: Column) -> list[float]:
    """Return the values, all of which there are."""
    return [value for value in column if value is not None]


def _share(count: int, of: int) -> str:
    interval = binomtest(count, of).proportion_ci(0.999)
    return f"{count} of {of}, {100 * count / of:.1f} % (99.9 % interval {100 * interval.low:.1f} to {100 * interval.high:.1f} %)"


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=200)
    seeds = parser.parse_args().seeds
    found = look(range(1, seeds + 1), lambda done: print(f"\r{done} of {seeds}", end="", file=sys.stderr))
    print(file=sys.stderr)
    print(f"{REPLICATIONS} replications, {len(RULES)} metrics, error rate {100 * ALPHA:g} %")
    print(f"worse: the mean latency is {100 * found.slower:.2f} % longer; stated power {100 * found.power:.1f} %")
    print(f"  caught:             {_share(found.caught, found.seeds)}")
    for what, count in found.blamed.items():
        print(f"  {what} but blamed: {_share(count, found.seeds)}")


if __name__ == "__main__":
    main()
