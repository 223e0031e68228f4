"""What a service is, before it lives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simtier.models.node import Claim

if TYPE_CHECKING:
    from simtier.models.llm.replica import EngineMaker
    from simtier.models.service import Service
    from simtier.models.start_up import StartUp


@dataclass(frozen=True)
class ServiceSpec:
    """What a service is, in SI units; see simtier.scenario for the meaning of each field.

    `startup(k)` is the start-up time of the k-th replica started during the run; `make_engine` makes what runs the
    language model that `model` names; `make_startup` makes what starts replicas, if that is more than a time; with
    `report_every_s` above 0 policies see replicas as they last reported.
    """

    name: str
    claim: Claim
    cores: float
    concurrency: int
    max_batch: int
    startup: Callable[[int], float]
    make_engine: EngineMaker | None = None
    make_startup: Callable[[Service], StartUp] | None = None
    model: str = ""
    report_every_s: float = 0.0
