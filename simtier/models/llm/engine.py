"""The engine of one replica: sequences wait, run and get their tokens, iteration by iteration or in stretches.

An iteration computes pieces of prompts and one token of each decoding sequence, as the batching policy plans. A sequence whose prompt is
computed gets a token at the end of each iteration that it takes part in. While only decodes run and nothing else happens, iterations are
taken together as one event (`stretch`), unless `one_by_one`.

Assumptions: what the policy takes to plan is part of the iteration's fixed time; tokens leave when the iteration ends; a sequence knows its
number of tokens beforehand, the policy does not. Blocks on their way to or from the host's memory delay the next iteration by `swap_s` each; that
memory has no limit.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from simtier.clock import DECIDE, Clock, Entry
from simtier.contract.asking import Asker
from simtier.contract.iterations import Plan
from simtier.contract.kinds import IterationBatching
from simtier.models.llm.blocks import Blocks
from simtier.models.llm.sequence import LlmSequence
from simtier.models.llm.stint import Stint
from simtier.models.llm.stretch import Stretch, stretch_of
from simtier.models.llm.views import EngineFacade
from simtier.models.llm.work import Chunk, IterationCost

_NO_BOUND = 1 << 40


class Engine:
    """An engine at run time.

    Args:
        clock: of the run.
        asker: the batching policy.
        cost: what iterations take.
        blocks: where keys and values are kept.
        context: most tokens of a sequence.
        ended: called with each sequence that has got all its tokens.
        devices: accelerators that it runs on.
        swap_s: what it takes to move one block to the host's memory or back.
        one_by_one: take each iteration by itself; slow, to check the stretches against.

    Attributes:
        running: sequences that hold blocks, in order of admission.
        waiting: the others.
        iterations: iterations so far.
        wrote: called after each stretch with the values of a row of the table `iterations`.
    """

    def __init__(
        self,
        clock: Clock,
        asker: Asker,
        cost: IterationCost,
        blocks: Blocks,
        context: int,
        ended: Callable[[LlmSequence], object],
        *,
        devices: int = 1,
        swap_s: float = 0.0,
        one_by_one: bool = False,
    ) -> None:
        policy = asker.policy
        assert isinstance(policy, IterationBatching)
        self.running: dict[LlmSequence, None] = {}
        self.waiting: deque[LlmSequence] = deque()
        self.clock = clock
        self.blocks = blocks
        self.context = context
        self.iterations = 0
        self.view = EngineFacade(self)
        self._asker = asker
        self._policy = policy
        self.cost = cost
        self._stretch_of = stretch_of(cost)
        self._ended = ended
        self._most = 1 if one_by_one or not policy.steady else _NO_BOUND
        self._stint = Stint()
        self._entry: Entry | None = None
        self._alarm: Entry | None = None
        self._swap_s = swap_s
        self._moved = 0
        self._idle = True
        self._iterates = False
        self.devices = devices
        self.wrote: Callable[[tuple[float, ...]], object] = lambda _: None

    @property
    def busy(self) -> bool:
        """Whether an iteration runs."""
        return self._iterates

    @property
    def elapsed_s(self) -> float:
        """How long the iterations under way have run."""
        return self.clock.now - self._stint.begin_s if self._iterates else 0.0

    def can_hold(self, sequence: LlmSequence) -> bool:
        """Return whether a sequence can be served at all: within the context, and in all of the blocks."""
        tokens = sequence.prompt + sequence.output
        return tokens <= self.context and tokens <= self.blocks.total * self.blocks.tokens

    def join(self, sequence: LlmSequence) -> None:
        """Let a sequence wait for its first iteration."""
        self.waiting.append(sequence)
        if self._idle:
            self._plan_soon()
        elif self._stint.stretch is not None:
            self._end_early(self._stint.stretch)

    def leave(self, sequence: LlmSequence) -> None:
        """Let a waiting sequence go that has not begun; those behind it may have their turn after this iteration."""
        self.waiting.remove(sequence)
        if self._stint.stretch is not None:
            self._end_early(self._stint.stretch)

    def _end_early(self, stretch: Stretch) -> None:
        """End the stretch with the iteration that is under way."""
        number = stretch.under_way(self.clock.now - self._stint.begin_s)
        if number < stretch.iterations:
            stretch.cut(number)
            assert self._entry is not None
            self.clock.cancel(self._entry)
            self._entry = self.clock.call_at(max(self._stint.begin_s + stretch.seconds, self.clock.now), self._end)

    def _plan_soon(self) -> None:
        """Have the policy asked once all that falls on this instant has happened."""
        self._idle = False
        if self._alarm is not None:
            self.clock.cancel(self._alarm)
            self._alarm = None
        self.clock.call_at(self.clock.now, self._plan, None, DECIDE)

    # -- the begin of an iteration

    def _plan(self, _: object) -> None:
        plan = self._asker.ask(self._policy.plan, self.view)
        if not isinstance(plan, Plan) or not plan.iterations >= 1:
            raise self._asker.wrong(plan, "a Plan that holds for one iteration or more")
        for sequence, swap in plan.preempted.items():
            self._preempt(sequence, swap=swap)  # type: ignore[arg-type]  # views of sequences are the sequences
        if plan.tokens:
            self._begin(plan)
        elif plan.preempted:
            self._plan_soon()
        elif self.running:
            raise self._asker.wrong(plan, f"a Plan with at least one of the {len(self.running)} sequences that run")
        else:
            self._rest(plan)

    def _rest(self, plan: Plan) -> None:
        """Do nothing until a sequence joins, or the policy wants to be asked again."""
        self._idle = True
        if not plan.until_s > self.clock.now:
            raise self._asker.wrong(plan, "a Plan with tokens, or to be asked again later than now")
        if self.waiting and plan.until_s < float("inf"):
            self._alarm = self.clock.call_at(plan.until_s, self._wake, None, DECIDE)

    def _wake(self, _: object) -> None:
        self._alarm = None
        self._idle = False
        self._plan(None)

    def _preempt(self, sequence: LlmSequence, *, swap: bool) -> None:
        del self.running[sequence]
        if swap:
            self._moved += sequence.blocks
        self.blocks.release(sequence)
        sequence.swapped = swap
        if not swap:
            sequence.computed = 0
        sequence.preemptions += 1
        self.waiting.appendleft(sequence)

    def _begin(self, plan: Plan) -> None:
        """Begin what was planned."""
        stint = self._stint
        chunks, decodes, contexts = stint.chunks, stint.decodes, 0
        pieces: list[Chunk] = []
        returned: list[LlmSequence] = []
        joined = False  # then others may find what those who join hold: the policy is asked again after one iteration
        chunks.clear()
        decodes.clear()
        for view, tokens in plan.tokens.items():
            sequence: LlmSequence = view  # type: ignore[assignment]  # as above
            if sequence not in self.running:
                self._admit(sequence)
                joined = True
                if sequence.swapped:
                    returned.append(sequence)
            if sequence.generated and sequence.pending == 1:
                decodes.append(sequence)
                contexts += sequence.computed + 1
            else:
                chunks.append((sequence, tokens))
                pieces.append((max(tokens, plan.padded), sequence.computed))
        for sequence in returned:  # after all others have got what is theirs in the cache
            self.blocks.take(sequence, 0)
            self._moved += sequence.blocks
            sequence.swapped = False
        stint.begin_s = self.clock.now
        if chunks or joined or self._moved:
            stint.stretch = None
            took_s = self.cost.seconds(pieces, len(decodes), contexts) + self._moved * self._swap_s
            self._moved = 0
        else:
            most = min(self._most, plan.iterations, *(each.output - each.generated for each in decodes))
            stretch = stint.stretch = self._stretch_of(
                len(decodes), contexts, max(1, self.blocks.lasts(decodes, int(most)))
            )
            took_s = stretch.seconds
        for sequence, tokens in chunks:
            self.blocks.take(sequence, tokens)
        stint.held = self.blocks.total - self.blocks.free
        self._entry = self.clock.call_in(took_s, self._end)
        self._iterates = True

    def _admit(self, sequence: LlmSequence) -> None:
        if self.waiting[0] is sequence:
            self.waiting.popleft()
        else:
            self.waiting.remove(sequence)
        self.running[sequence] = None
        if not sequence.swapped:
            self.blocks.admit(sequence)
        if not sequence.began_s >= 0:
            sequence.began_s = self.clock.now
            sequence.cached = sequence.computed

    # -- its end

    def close(self) -> None:
        """Hand out the tokens of a stretch's iterations that have ended by the end of the run."""
        stint = self._stint
        if self._iterates and stint.cut(self.clock.now):
            assert stint.stretch is not None
            self._hand_out(stint.begin_s + stint.stretch.seconds)

    def _end(self, _: object) -> None:
        """Let go of what has all its tokens after the iterations that end now, and go on (called by the clock)."""
        self._hand_out(self.clock.now)
        ended = self._stint.done()
        for sequence in ended:
            del self.running[sequence]
            self.blocks.release(sequence)
        if self.running or self.waiting:
            self._plan_soon()
        else:
            self._idle = True
        for sequence in ended:
            self._ended(sequence)

    def _hand_out(self, now: float) -> None:
        """Hand out the tokens of iterations that end at `now`."""
        stint = self._stint
        self._iterates = False
        self.iterations += stint.stretch.iterations if stint.stretch is not None else 1
        self.wrote(stint.hand_out(now, self.blocks, len(self.running), len(self.waiting)))
        stint.stretch = None
