"""What routing policies for language models ask of a replica; one without an engine has no tokens and no cache."""

from __future__ import annotations

from collections.abc import Sequence

from simtier.contract import EngineReplicaView, ReplicaView, RequestView, runs_engine


def queued_tokens(replica: ReplicaView) -> int:
    """Return the tokens of prompts that the replica has to compute, of requests on their way included."""
    return replica.queued_tokens if runs_engine(replica) else 0


def cached_tokens(replica: ReplicaView, request: RequestView) -> int:
    """Return how many tokens of the request's prompt are in the replica's cache."""
    return replica.cached_tokens(request) if runs_engine(replica) else 0


def engines_of(replicas: Sequence[ReplicaView]) -> list[EngineReplicaView]:
    """Return the replicas that run a language model."""
    return [replica for replica in replicas if runs_engine(replica)]


def least_busy(replica: ReplicaView) -> tuple[int, int]:
    """Return the key of the replica with the fewest unfinished requests; of equals the oldest."""
    return replica.in_flight, replica.id
