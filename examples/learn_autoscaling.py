"""Train an autoscaler in about a minute, and compare it with the built-ins on seeds that it has never seen.

Usage: python examples/learn_autoscaling.py [--rounds 8] [--population 16] [--held-out 20] [--out agent.json]

The agent is a table: for each of eight ranges of requests in flight, how many replicas there should be. It is found by the cross-entropy
method (Rubinstein, "The cross-entropy method for combinatorial and continuous optimization", 1999; with noise as Szita and Lorincz,
"Learning Tetris using the noisy cross-entropy method", 2006): draw tables, play them all on the same seeds, and draw the next ones around the best.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import simtier
from simtier.learning import Reward, TabularAgent, make
from simtier.learning.environment import PolicyEnv
from simtier.statistics import paired
from simtier.streams import Streams

SCENARIO = Path(__file__).with_suffix(".yaml")
DECIDE = "services.web.policies.autoscaling"
REWARD = Reward(met=0, missed=1, dollar=1000)
RANGES = 8
BEST = 4
SEEDS = 2
HELD_OUT_SEED = 1000
BUILT_IN = {
    "5 replicas": [f"{DECIDE}=fixed", "services.web.replicas=5"],
    "utilisation 0.7": [f"{DECIDE}={{use: target_utilization, every: 5 s, scale_down_after: 60 s}}"],
    "utilisation 0.5": [f"{DECIDE}={{use: target_utilization, utilization: 0.5, every: 5 s, scale_down_after: 60 s}}"],
}


def play(env: PolicyEnv, agent: TabularAgent, seed: int) -> tuple[float, int]:
    """Return the points of one episode, and its steps."""
    observation, _ = env.reset(seed=seed)
    points, steps, over = 0.0, 0, False
    while not over:
        observation, reward, _, over, _ = env.step(agent.predict(observation))
        points, steps = points + reward, steps + 1
    return points, steps


def table(env: PolicyEnv, wanted: NDArray[np.float64]) -> TabularAgent:
    """Return the agent that asks for the number nearest to `wanted` (ranges,), counted from the fewest replicas."""
    choices = np.arange(env.decision.sizes[0])
    return TabularAgent(env.decision, {"in_flight": RANGES}, [-np.abs(choices[:, None] - wanted[None, :])])


def train(env: PolicyEnv, rounds: int, population: int) -> tuple[TabularAgent, int]:
    """Return the agent that was found, and how many steps that took."""
    draws = Streams(seed=1).stream("learn")
    most = env.decision.sizes[0] - 1
    mean, spread, steps = np.full(RANGES, most / 2), np.full(RANGES, most / 3), 0
    for number in range(rounds):
        drawn = np.clip(mean + spread * draws.normal(size=(population, RANGES)), 0, most)
        played = [[play(env, table(env, each), SEEDS * number + k) for k in range(SEEDS)] for each in drawn]
        points = np.array([sum(point for point, _ in each) / SEEDS for each in played])
        steps += sum(step for each in played for _, step in each)
        best = drawn[np.argsort(-points, kind="stable")[:BEST]]
        mean, spread = best.mean(axis=0), best.std(axis=0) + 0.3
        print(f"round {number + 1}: best {points.max():,.0f} points, mean {points.mean():,.0f}")
    return table(env, mean), steps


def held_out(changes: Sequence[str], replications: int) -> dict[str, list[float]]:
    """Return what a run on the held-out seed says of each replication: points, share in time, dollars."""
    settings = [f"run.seed={HELD_OUT_SEED}", f"run.replications={replications}", *changes]
    result = simtier.run(simtier.Scenario.load(SCENARIO, settings))
    found: dict[str, list[float]] = {"points": [], "in time": [], "dollars": []}
    for each in result.document["replications"]:
        ask, dollars = each["summary"]["apps"]["ask"], each["summary"]["services"]["web"]["cost_usd"]
        attainment = ask["slo"]["attainment"]
        found["points"].append(-REWARD.missed * ask["arrived"] * (1 - attainment) - REWARD.dollar * dollars)
        found["in time"].append(attainment)
        found["dollars"].append(dollars)
    return found


def compare(agent_file: Path, replications: int, changes: Sequence[str]) -> None:
    """Print how the agent and the built-ins do on held-out seeds, and how far apart they are."""
    ref: dict[str, Any] = {
        "use": "simtier.learning.policies:LearnedAutoscaling",
        "file": str(agent_file),
        "every": "5 s",
    }
    learnt = held_out([*changes, f"{DECIDE}={json.dumps(ref)}"], replications)
    others = {name: held_out([*changes, *policy], replications) for name, policy in BUILT_IN.items()}
    print(f"\n{'policy':<16}{'in time':>9}{'dollars':>9}{'points':>9}   the agent has more points by (95 %)")
    for name, found in {"learnt": learnt, **others}.items():
        means = {key: sum(values) / len(values) for key, values in found.items()}
        line = f"{name:<16}{means['in time']:>8.1%}{means['dollars']:>9.2f}{means['points']:>9,.0f}"
        if name != "learnt":
            more = paired(found["points"], learnt["points"])
            line += f"   {more.difference:,.0f} ± {more.half_width:,.0f}"
        print(line)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, save and compare."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--population", type=int, default=16)
    parser.add_argument("--held-out", type=int, default=20, help="replications to compare on")
    parser.add_argument("--out", type=Path, default=Path("agent.json"))
    parser.add_argument("--set", action="append", default=[], help="a change of the scenario")
    given = parser.parse_args(arguments)
    env = make(SCENARIO, DECIDE, reward=REWARD, changes=given.set)
    begin = time.process_time()
    agent, steps = train(env, given.rounds, given.population)
    spent = time.process_time() - begin
    print(f"{steps:,} steps in {spent:.1f} s of CPU, {steps / spent:,.0f} steps/s")
    agent.save(given.out)
    compare(given.out, given.held_out, given.set)


if __name__ == "__main__":
    main()
