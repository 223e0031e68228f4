"""One job with a deadline on spot and on-demand instances: what a policy makes of it, and what could have been made of it."""

from __future__ import annotations

from simtier.models.spot.availability import Windows
from simtier.models.spot.job import Job, Played, Stint
from simtier.models.spot.oracle import least_cost
from simtier.models.spot.play import play

__all__ = ["Job", "Played", "Stint", "Windows", "least_cost", "play"]
