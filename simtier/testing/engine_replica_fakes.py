"""A frozen stand-in for `simtier.contract.EngineReplicaView`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from simtier.contract import RequestView
from simtier.testing.engine_fakes import FakeSequence
from simtier.testing.fakes import FakeNode, FakeReplica, FakeRequest


@dataclass(frozen=True, kw_only=True)
class FakeEngineReplica(FakeReplica):
    """A replica with an engine; satisfies `EngineReplicaView`.

    Its numbers need not agree. It has the first `known` tokens of every prompt cached that has a prefix; a token of a prompt takes it 0.1 ms
    beside 10 ms for each iteration, a decode 1 ms.
    """

    queued_tokens: int = 0
    queued_prompts: int = 0
    running_tokens: int = 0
    blocks_free: int = 1000
    blocks_total: int = 1000
    block_tokens: int = 16
    token_bytes: float = 1e5
    busy: bool = False
    iteration_s: float = 0.0
    shares: tuple[float, float] | None = None
    sequences: tuple[FakeSequence, ...] = ()
    known: int = 0

    @property
    def queue_s(self) -> float:
        """10 ms for each prompt, and 0.1 ms for each token."""
        return 0.01 * self.queued_prompts + 1e-4 * self.queued_tokens

    def cached_tokens(self, request: RequestView) -> int:
        """Return `known`, or less if the prompt's prefix is shorter."""
        return min(self.known, request.prefix_tokens)

    def prompt_s(self, request: RequestView, cached: int | None = None) -> float:
        """Return 10 ms and 0.1 ms for each token that is not cached."""
        return 0.01 + 1e-4 * (request.prompt_tokens - (self.cached_tokens(request) if cached is None else cached))

    def token_s(self, request: RequestView, more: int = 0) -> float:  # noqa: ARG002 - every request is the same to it
        """Return 10 ms and 1 ms for each sequence that decodes."""
        return 0.01 + 0.001 * (max(0, self.running + more) + 1)


def some_engine_replicas(one_of: Callable[..., Any], nodes: list[FakeNode]) -> list[FakeEngineReplica]:
    """Return a replica with an engine on each node, in some state.

    Args:
        one_of: draws one of its arguments.
        nodes: where they run.
    """
    replicas = []
    for number, node in enumerate(nodes):
        prompts, running = one_of(0, 0, 1, 3), one_of(0, 1, 20)
        replicas.append(
            FakeEngineReplica(
                id=10 + number,
                node=node,
                queued=prompts,
                running=running,
                in_flight=prompts + running,
                queued_prompts=prompts,
                queued_tokens=prompts * one_of(16, 700, 3000),
                running_tokens=running * one_of(100, 1000),
                blocks_free=one_of(0, 400, 1000),
                busy=running > 0,
                iteration_s=one_of(0.0, 0.02),
                shares=one_of(None, (0.8, 1.0), (0.1, 0.5)),
                known=one_of(0, 0, 512, 4096),
            )
        )
    return replicas


def some_prompt(one_of: Callable[..., Any], request: FakeRequest, now_s: float) -> FakeRequest:
    """Return `request` as one to a language model; some of these begin alike.

    Args:
        one_of: draws one of its arguments.
        request: all that is not about tokens.
        now_s: simulated time.
    """
    tokens, prefix = one_of(1, 100, 1000, 4000), one_of((), (1, 2, 3, 4, 5, 6, 7, 8))
    return replace(
        request,
        prompt_tokens=tokens,
        prefix=prefix,
        prefix_tokens=tokens if prefix else 0,
        first_by_s=now_s + one_of(0.005, 0.2, 1.0, math.inf),
        token_target_s=one_of(0.02, 0.05, math.inf),
    )
