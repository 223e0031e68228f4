"""A replica with an engine as policies see it, exact at every instant: also while several iterations are one event."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from simtier.contract import RequestView, SequenceView
from simtier.models.llm.sequence import LlmSequence
from simtier.models.llm.shared_device import SharedDevice
from simtier.models.views import ReplicaFacade

if TYPE_CHECKING:
    from simtier.models.llm.replica import LlmReplica


class EngineReplicaFacade(ReplicaFacade):
    """A replica with an engine; see simtier.contract.EngineReplicaView."""

    __slots__ = ("_prompts", "_prompts_of")

    _replica: LlmReplica

    def __init__(self, replica: LlmReplica) -> None:
        super().__init__(replica)
        self._prompts = (0, 0)
        self._prompts_of: tuple[int, float, int] | None = None

    @property
    def queued_tokens(self) -> int:
        replica = self._replica
        on_way = sum(sequence.pending for sequence in replica.on_way.living())
        return on_way + replica.engine.waiting.tokens + self._running_prompts()[0]

    @property
    def queued_prompts(self) -> int:
        replica = self._replica
        return len(replica.on_way.living()) + len(replica.engine.waiting) + self._running_prompts()[1]

    @property
    def queue_s(self) -> float:
        prompts, engine = self.queued_prompts, self._replica.engine
        if not prompts:
            return 0.0
        mean = max(1, round(self.queued_tokens / prompts))
        done_s = engine.elapsed_s if engine.stint.chunks else 0.0
        return max(0.0, prompts * engine.cost.seconds([(mean, 0)], 0, 0.0) - done_s)

    @property
    def running_tokens(self) -> int:
        engine = self._replica.engine
        held = sum(sequence.computed for sequence in engine.running)
        return held + self._decoded() * len(engine.stint.decodes)

    @property
    def blocks_free(self) -> int:
        engine, decoded = self._replica.engine, self._decoded()
        taken = sum(engine.blocks.needed(each, decoded) for each in engine.stint.decodes) if decoded else 0
        return engine.blocks.free - taken

    @property
    def blocks_total(self) -> int:
        return self._replica.engine.blocks.total

    @property
    def block_tokens(self) -> int:
        return self._replica.engine.blocks.tokens

    @property
    def token_bytes(self) -> float:
        return self._replica.engine.handing.token_bytes

    @property
    def busy(self) -> bool:
        return self._replica.engine.busy

    @property
    def iteration_s(self) -> float:
        decoded, stretch = self._decoded(), self._replica.engine.stint.stretch
        if decoded and stretch is not None:
            return stretch.until(decoded) / decoded
        return self._replica.iteration_s

    @property
    def shares(self) -> tuple[float, float] | None:
        engine = self._replica.engine
        return engine.shares if isinstance(engine, SharedDevice) else None

    @property
    def sequences(self) -> Sequence[SequenceView]:
        engine, decoded = self._replica.engine, self._decoded()
        if not decoded:
            return tuple(engine.running)
        decodes = set(engine.stint.decodes)
        blocks = engine.blocks
        return tuple(
            Ahead(each, decoded, blocks.needed(each, decoded)) if each in decodes else each for each in engine.running
        )

    def cached_tokens(self, request: RequestView) -> int:
        if not request.prefix:
            return 0
        probe = LlmSequence(None, request.id, request.prompt_tokens, 1, 0.0, prefix=request.prefix)
        probe.shared = request.prefix_tokens
        self._replica.engine.blocks.look(probe)
        return probe.computed

    def prompt_s(self, request: RequestView, cached: int | None = None) -> float:
        there = self.cached_tokens(request) if cached is None else cached
        return self._replica.engine.cost.seconds([(max(1, request.prompt_tokens - there), there)], 0, 0.0)

    def token_s(self, request: RequestView, more: int = 0) -> float:
        return self.decode_s(self.running, self.running_tokens, request, more)

    def decode_s(self, running: int, tokens: int, request: RequestView, more: int) -> float:
        """Return the same if so many sequences ran with so many tokens."""
        others = max(0, running + more)
        each = tokens / running if running else request.prompt_tokens
        contexts = others * each + request.prompt_tokens + others + 1
        return self._replica.engine.cost.seconds([], others + 1, contexts)

    def _decoded(self) -> int:
        """Return how many iterations have ended whose tokens are handed out only with those after them."""
        engine = self._replica.engine
        return engine.stint.ended(engine.elapsed_s) if engine.busy else 0

    def _running_prompts(self) -> tuple[int, int]:
        """Return how many tokens of running sequences' prompts are to be computed, and of how many sequences; counted once an iteration."""
        engine = self._replica.engine
        now = (engine.iterations, engine.stint.begin_s, len(engine.running))
        if self._prompts_of != now:
            pending = [each.pending for each in engine.running if each.pending > 1 or not each.generated]
            self._prompts, self._prompts_of = (sum(pending), len(pending)), now
        return self._prompts


class Ahead:
    """A decoding sequence with the tokens it has got in iterations that are told together with later ones.

    Attributes:
        sequence: the sequence itself.
    """

    __slots__ = ("_more", "_more_blocks", "sequence")

    def __init__(self, sequence: LlmSequence, more: int, more_blocks: int) -> None:
        self.sequence = sequence
        self._more = more
        self._more_blocks = more_blocks

    @property
    def generated(self) -> int:
        return self.sequence.generated + self._more

    @property
    def computed(self) -> int:
        return self.sequence.computed + self._more

    @property
    def blocks(self) -> int:
        return self.sequence.blocks + self._more_blocks

    def __getattr__(self, name: str) -> Any:
        """Return what stays the same while a sequence decodes."""
        return getattr(self.sequence, name)
