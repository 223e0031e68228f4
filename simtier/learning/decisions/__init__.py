"""The decisions that can be learnt, one for each of three kinds of policy: what is seen as numbers, what a number answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simtier.errors import PolicyError, did_you_mean
from simtier.learning.decisions.autoscaling import ScaleDecision
from simtier.learning.decisions.base import Decision, Observation, whole_parameters
from simtier.learning.decisions.partitioning import SplitDecision
from simtier.learning.decisions.routing import RouteDecision

KINDS = ("autoscaling", "routing", "partitioning")
"""Kinds of policy that can be learnt."""


def decision_from(kept: Mapping[str, Any]) -> Decision:
    """Return the decision whose `written` parameters these are; raises PolicyError if they are those of none."""
    kind = str(kept.get("kind"))
    if kind == "autoscaling":
        least, most, every_s = whole_parameters(kept, ("least", "most", "every_s"), kind)
        return ScaleDecision(least, most, every_s)
    if kind == "routing":
        return RouteDecision(*whole_parameters(kept, ("most",), kind))
    if kind == "partitioning":
        return SplitDecision(*whole_parameters(kept, ("tiers", "cuts"), kind))
    raise PolicyError(f"no decision to learn is called {kind!r}{did_you_mean(kind, KINDS)}")


__all__ = ["KINDS", "Decision", "Observation", "RouteDecision", "ScaleDecision", "SplitDecision", "decision_from"]
