"""Policies whose agent is outside the simulation: an environment puts them into a world to be asked itself."""

from __future__ import annotations

from typing import Any

from simtier.contract import Policy
from simtier.learning.agents import Agent
from simtier.learning.decisions import Decision, ScaleDecision
from simtier.learning.policies import Learned, LearnedAutoscaling, LearnedPartitioning, LearnedRouting


class Asked(Learned):
    """What such policies have in common: the decision and the agent are given, not read."""

    outside: Any

    def decision(self) -> Decision:
        """Return what is seen, and what can be answered."""
        given: Decision = self.outside[0]
        return given

    def agent(self) -> Agent:
        """Return who passes the question on."""
        given: Agent = self.outside[1]
        return given


class AskedAutoscaling(Asked, LearnedAutoscaling):
    """Autoscaling by who is outside."""

    file: str = ""
    outside: Any


class AskedRouting(Asked, LearnedRouting):
    """Routing by who is outside."""

    file: str = ""
    outside: Any


class AskedPartitioning(Asked, LearnedPartitioning):
    """Partitioning by who is outside."""

    file: str = ""
    outside: Any


def asked_policy(decision: Decision, agent: Agent) -> Policy:
    """Return the policy of the decision's kind that asks `agent`."""
    outside = (decision, agent)
    if isinstance(decision, ScaleDecision):
        return AskedAutoscaling(every=decision.every_s, outside=outside)
    return AskedRouting(outside=outside) if decision.kind == AskedRouting.kind else AskedPartitioning(outside=outside)
