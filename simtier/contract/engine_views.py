"""What routing, admission and autoscaling policies see of a replica that runs a language model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeGuard

from simtier.contract.iterations import SequenceView
from simtier.contract.views import ReplicaView, RequestView


class EngineReplicaView(ReplicaView, Protocol):
    """A replica with an engine; `queued` are its sequences that hold no blocks, `running` those that do."""

    @property
    def queued_tokens(self) -> int:
        """Tokens of prompts that are not computed yet: of requests on their way, of waiting and of running sequences.

        What was found in the replica's cache of prefixes when a request was sent there is not among them. Those of an iteration under way
        are until it ends.
        """

    @property
    def queued_prompts(self) -> int:
        """How many requests these tokens belong to."""

    @property
    def queue_s(self) -> float:
        """About how long the engine takes to compute `queued_tokens`: each prompt by itself, as long as their mean, without decodes."""

    @property
    def running_tokens(self) -> int:
        """Tokens of running sequences whose keys and values are there."""

    @property
    def blocks_free(self) -> int:
        """Blocks that nobody holds; those of cached prefixes are among them."""

    @property
    def blocks_total(self) -> int:
        """Blocks of the engine."""

    @property
    def block_tokens(self) -> int:
        """Tokens of a block."""

    @property
    def token_bytes(self) -> float:
        """Bytes of the keys and values of one token."""

    @property
    def busy(self) -> bool:
        """Whether an iteration runs."""

    @property
    def iteration_s(self) -> float:
        """How long the latest iteration took that has ended; of several decode iterations in a row their mean. 0 before the first."""

    @property
    def shares(self) -> tuple[float, float] | None:
        """What prompts and tokens have of its accelerators' arithmetic, in (0, 1]; None for replicas of services without `shares`."""

    @property
    def sequences(self) -> Sequence[SequenceView]:
        """Running sequences, in the order in which they were admitted."""

    def cached_tokens(self, request: RequestView) -> int:
        """Return how many tokens of the request's prompt are in this replica's cache of prefixes; 0 without a cache."""

    def prompt_s(self, request: RequestView, cached: int | None = None) -> float:
        """Return what an iteration takes that computes the request's prompt and nothing else.

        `cached` tokens of it are there, at least one is computed; None: as many as the replica's cache holds.
        """

    def token_s(self, request: RequestView, more: int = 0) -> float:
        """Return what an iteration takes in which the request and all running sequences decode, and `more` like these, or that many less."""


def runs_engine(replica: ReplicaView) -> TypeGuard[EngineReplicaView]:
    """Return whether a replica runs a language model, and its view is an `EngineReplicaView`."""
    return hasattr(type(replica), "queued_tokens")  # asked of the class, which need not count them
