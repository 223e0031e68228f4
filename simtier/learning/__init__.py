"""Learning: policies of a scenario as Gymnasium environments, small agents, and trained agents as policies.

`make` makes an environment; so does `gymnasium.make("simtier.learning:simtier/Autoscaling-v0", scenario=..., decide=...)`, with the same
keywords, and likewise "simtier/Routing-v0" and "simtier/Partitioning-v0". What an agent sees and does is in `decisions`, what it gets in
`reward`. Trained agents run without Gymnasium: `policies`.
"""

from simtier.learning.agents import Agent, LinearAgent, TabularAgent
from simtier.learning.decisions import Decision, RouteDecision, ScaleDecision, SplitDecision
from simtier.learning.making import make, register
from simtier.learning.reward import Earned, Reward

register()

__all__ = [
    "Agent",
    "Decision",
    "Earned",
    "LinearAgent",
    "Reward",
    "RouteDecision",
    "ScaleDecision",
    "SplitDecision",
    "TabularAgent",
    "make",
]
