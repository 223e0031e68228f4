"""How long placing the experts of DeepSeek-V3 takes by each built-in policy, and what the placement is good for in the next window.

Prints one line a policy: the least processor time of `ROUNDS` placements of 58 layers in milliseconds, how many times as fast as `greedy`
that is, and the balancedness in the next window. Run: `python benchmarks/experts.py`.
"""

from __future__ import annotations

import time
from itertools import islice
from pathlib import Path

from simtier.catalogue.policies import load_policy
from simtier.contract import ExpertPlacement
from simtier.models.experts import ExpertLoad, Layout, Mixture, Popularity, drifting, play
from simtier.policies import BUILT_IN
from simtier.streams import Streams

ROUNDS = 30
LAYOUT = Layout(slots=288, accelerators=32, nodes=4, groups=8)
MIXTURE = Mixture(layers=58, experts=256, active=8)
POPULARITY = Popularity("log_normal", skew=1.0, kept=0.995)


def main() -> None:
    """Measure and print."""
    windows = list(islice(drifting(MIXTURE, POPULARITY, 16_384, Streams(0).stream("benchmarks/experts")), 4))
    load = ExpertLoad(windows[0], LAYOUT.groups, LAYOUT.nodes, LAYOUT.accelerators, LAYOUT.slots, ())
    found = {}
    for name in BUILT_IN["expert_placement"]:
        policy = load_policy("expert_placement", name, {}, Path())
        assert isinstance(policy, ExpertPlacement)
        played = play(LAYOUT, windows, policy, Streams(0).stream("benchmarks/policy"))
        found[name] = _seconds(policy, load), sum(each.balancedness for each in played) / len(played)
    for name, (seconds, balancedness) in found.items():
        speed = found["greedy"][0] / seconds
        print(f"{name:<14} {seconds * 1e3:7.2f} ms {speed:6.1f} times greedy   balancedness {balancedness:.3f}")


def _seconds(policy: ExpertPlacement, load: ExpertLoad) -> float:
    taken = []
    for _ in range(ROUNDS):
        begin = time.process_time()
        policy.place_experts(load)
        taken.append(time.process_time() - begin)
    return min(taken)


if __name__ == "__main__":
    main()
