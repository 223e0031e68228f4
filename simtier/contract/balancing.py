"""The kind of policy that moves work, memory or shares among the engines of a service while they run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import Field

from simtier.contract.engine_views import EngineReplicaView
from simtier.contract.iterations import SequenceView
from simtier.contract.policy import Policy
from simtier.contract.views import ServiceView
from simtier.units import Seconds


@dataclass(frozen=True, slots=True)
class Move:
    """Let a running sequence go on at another replica; its keys and values are copied while it runs (live migration)."""

    sequence: SequenceView
    source: EngineReplicaView
    target: EngineReplicaView


@dataclass(frozen=True, slots=True)
class Loan:
    """Let one replica keep keys and values in so many free blocks of another; below zero it gives back as many that are free."""

    lender: EngineReplicaView
    borrower: EngineReplicaView
    blocks: int


@dataclass(frozen=True, slots=True)
class Divide:
    """Give prompts and tokens other shares of a replica's accelerators, each in (0, 1]; for services with `shares`."""

    replica: EngineReplicaView
    prompts: float
    tokens: float


Step = Move | Loan | Divide


class Balancing(Policy):
    """What moves among the replicas of a service that runs a language model."""

    kind: ClassVar[str] = "balancing"
    divides: ClassVar[bool] = False
    """True: it answers `Divide`, so that its service needs `shares`."""
    every: Annotated[Seconds, Field(gt=0)] = 1.0
    """How often it is asked."""

    def balance(self, service: ServiceView) -> Sequence[Step]:
        """Return what to do now, in this order; nothing if all is well.

        Asked every `every` seconds. Unlike elsewhere, `service.replicas` has those that drain too. What cannot be done any more when its turn comes is left out: a sequence that has ended, too few free blocks.
        """
        raise NotImplementedError
