"""Experts of a mixture on accelerators, window after window: what they have to do, and how evenly a placement spreads it."""

from __future__ import annotations

from simtier.models.experts.balance import Balance, balance, best_possible, loads, moved
from simtier.models.experts.drift import Mixture, Popularity, drifting
from simtier.models.experts.play import ExpertLoad, Layout, play

__all__ = [
    "Balance",
    "ExpertLoad",
    "Layout",
    "Mixture",
    "Popularity",
    "balance",
    "best_possible",
    "drifting",
    "loads",
    "moved",
    "play",
]
