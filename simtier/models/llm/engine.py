"""The engine of one replica: sequences wait, run and get their tokens, iteration by iteration or in stretches.

An iteration computes pieces of prompts and one token of each decoding sequence, as the batching policy plans. A sequence whose prompt is
computed gets a token at the end of each iteration that it takes part in. While only decodes run and nothing else happens, iterations are
taken together as one event (`stretch`), unless `one_by_one`.

Assumptions: what the policy takes to plan is part of the iteration's fixed time; tokens leave when the iteration ends; a sequence knows its
number of tokens beforehand, the policy does not.
"""

from __future__ import annotations

from collections.abc import Callable

from simtier.clock import DECIDE, Clock, Entry
from simtier.contract.asking import Asker
from simtier.contract.iterations import Plan
from simtier.contract.kinds import IterationBatching
from simtier.models.llm.beside import Beside
from simtier.models.llm.blocks import Blocks
from simtier.models.llm.ears import Ears
from simtier.models.llm.guests import Guests
from simtier.models.llm.hand_over import Handing
from simtier.models.llm.offload import HostMemory
from simtier.models.llm.on_way import Line
from simtier.models.llm.sequence import LlmSequence
from simtier.models.llm.stint import Stint
from simtier.models.llm.stretch import NO_BOUND, stretch_of
from simtier.models.llm.views import EngineFacade
from simtier.models.llm.work import IterationCost


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
        host: where blocks of preempted sequences go; if not given, moving them takes no time.
        one_by_one: take each iteration by itself; slow, to check the stretches against.

    Attributes:
        running: sequences that hold blocks, in order of admission.
        waiting: the others.
        iterations: iterations so far.
        stint: what is computed now, or was last.
        ears: who hears of what it does.
        guests: sequences from elsewhere that wait for room.
        handing: how keys and values leave.
        beside: other engines of the same replica; with any, each iteration is taken by itself.
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
        host: HostMemory | None = None,
        one_by_one: bool = False,
    ) -> None:
        policy = asker.policy
        assert isinstance(policy, IterationBatching)
        self.running: dict[LlmSequence, None] = {}
        self.waiting = Line()
        self.clock = clock
        self.blocks = blocks
        self.context = context
        self.iterations = 0
        self.view = EngineFacade(self)
        self._asker, self._policy = asker, policy
        self.cost = cost
        self._stretch_of = stretch_of(cost)
        self._ended = ended
        self._most = 1 if one_by_one or not policy.steady else NO_BOUND
        self.stint = Stint()
        self._entry: Entry | None = None
        self._alarm: Entry | None = None
        self.host = host if host is not None else HostMemory(0.0)
        self._idle, self._iterates = True, False
        self.devices = devices
        self.ears = Ears()
        self.guests = Guests(self)
        self.handing = Handing()
        self.beside: Beside | None = None

    @property
    def busy(self) -> bool:
        """Whether an iteration runs."""
        return self._iterates

    @property
    def elapsed_s(self) -> float:
        """How long the iterations under way have run."""
        return self.clock.now - self.stint.begin_s if self._iterates else 0.0

    def change_cost(self, cost: IterationCost) -> None:
        """Have iterations take other times from the next one on; the one under way ends as it began."""
        self.cost = cost
        self._stretch_of = stretch_of(cost)
        self.cut_short()

    def can_hold(self, sequence: LlmSequence) -> bool:
        """Return whether a sequence can be served at all: within the context, and in all of the blocks."""
        here = sequence.prompt + sequence.output
        return sequence.prompt + sequence.total <= self.context and here <= self.blocks.total * self.blocks.tokens

    def join(self, sequence: LlmSequence) -> None:
        """Let a sequence wait for its first iteration."""
        self.waiting.append(sequence)
        self._go_on()

    def leave(self, sequence: LlmSequence) -> None:
        """Let a waiting sequence go that has not begun; those behind it may have their turn after this iteration."""
        self.waiting.discard(sequence)
        self.cut_short()

    # -- sequences that go on elsewhere, or come from there

    def let_go(self, sequence: LlmSequence) -> None:
        """Free the blocks that were kept of a sequence that has ended here."""
        self.blocks.release(sequence)
        self.look_again()
        self.cut_short()
        if self.beside is not None:
            self.beside.freed(self)

    def look_again(self) -> None:
        """Do what blocks allow that were freed just now."""
        self.guests.welcome()
        if self.waiting or self.running:
            self._go_on()

    def owed(self) -> int:
        """Return the blocks that decodes will hold when the iteration under way ends, and do not yet."""
        return self.stint.owed(self.elapsed_s, self.blocks) if self._iterates else 0

    def deliver(self, sequence: LlmSequence) -> None:
        """Let a sequence run on whose blocks were reserved, and now hold its keys and values."""
        self.running[sequence] = None
        self._go_on()

    def _go_on(self) -> None:
        """Have the policy asked as soon as nothing runs."""
        if self._idle:
            self._plan_soon()
        self.cut_short()

    def cut_short(self) -> None:
        """End the stretch, if there is one, with the iteration that is under way; else note what is held."""
        if not self._iterates:
            self.stint.idles(self.clock.now, self.blocks)
        stretch = self.stint.stretch
        if stretch is not None and self._entry is not None and stretch.cut_short(self.elapsed_s):
            self.clock.cancel(self._entry)
            self._entry = self.clock.call_at(max(self.stint.begin_s + stretch.seconds, self.clock.now), self._end)

    def _plan_soon(self) -> None:
        """Have the policy asked once all that falls on this instant has happened."""
        self._idle = False
        if self._alarm is not None:
            self.clock.cancel(self._alarm)
            self._alarm = None
        at = self.clock.now if self.beside is None else self.beside.ready_s()
        self.clock.call_at(at, self._plan, None, DECIDE)

    # -- the begin of an iteration

    def _plan(self, _: object) -> None:
        self._alarm, self._idle = None, False
        if self.beside is not None and self.beside.ready_s() > self.clock.now:
            self._plan_soon()  # another was before it
            return
        plan = self._asker.ask(self._policy.plan, self.view)
        if not isinstance(plan, Plan) or not plan.iterations >= 1:
            raise self._asker.wrong(plan, "a Plan that holds for one iteration or more")
        for sequence, swap in plan.preempted.items():
            self._preempt(sequence, swap=swap)  # type: ignore[arg-type]  # views of sequences are the sequences
        for sequence in plan.rejected:
            self.waiting.remove(sequence)  # type: ignore[arg-type]  # as above
        if plan.tokens:
            self._begin(plan)
        elif plan.preempted or plan.rejected:
            self._plan_soon()
        elif self.running:
            self._wait_for_blocks(plan)
        else:
            self._rest(plan)
        for sequence in plan.rejected:  # last, for what their end lets others do must not meet half a plan
            self.ears.refused(sequence)  # type: ignore[arg-type]  # as above
        if plan.preempted and self.beside is not None:
            self.beside.freed(self)

    def _wait_for_blocks(self, plan: Plan) -> None:
        """Do nothing until others free what they hold: sequences that leave or come, or engines beside; or yield to one of those."""
        self._idle = True
        if self.beside is not None and self.beside.yields(self):
            self._preempt(next(reversed(self.running)), swap=False)
            self._plan_soon()
            self.beside.freed(self)
        elif self.blocks.total - self.blocks.free == self.blocks.back(self.running):
            raise self._asker.wrong(plan, f"a Plan with at least one of the {len(self.running)} sequences that run")

    def _rest(self, plan: Plan) -> None:
        """Do nothing until a sequence joins, or the policy wants to be asked again."""
        self._idle = True
        if not plan.until_s > self.clock.now:
            raise self._asker.wrong(plan, "a Plan with tokens, or to be asked again later than now")
        if self.waiting and plan.until_s < float("inf"):
            self._alarm = self.clock.call_at(plan.until_s, self._plan, None, DECIDE)

    def _preempt(self, sequence: LlmSequence, *, swap: bool) -> None:
        del self.running[sequence]
        self.host.moved += sequence.blocks if swap else 0
        self.blocks.release(sequence)
        sequence.lose(swap=swap)
        self.waiting.appendleft(sequence)

    def _begin(self, plan: Plan) -> None:
        """Begin what was planned."""
        stint = self.stint
        stint.idles(self.clock.now)
        returned, joined = stint.take_in(plan, self.running, self._admit)
        self.host.take_back(returned, self.blocks)  # after all others have got what is theirs in the cache
        stint.begin_s = self.clock.now
        if self.ears.heralds is not None:
            for sequence in stint.going_on():
                self.ears.heralds(sequence)
        took_s = self._takes_s(plan, joined=joined)
        for sequence, tokens in stint.chunks:
            self.blocks.take(sequence, tokens)
        stint.held = self.blocks.total - self.blocks.free
        self._entry = self.clock.call_in(took_s, self._end)
        self._iterates = True
        if joined:
            self.guests.welcome()  # they let those go before them that want their own blocks back

    def _takes_s(self, plan: Plan, *, joined: bool) -> float:
        """Return how long it takes what begins now: one iteration, or as many as can be taken together."""
        stint, decodes = self.stint, self.stint.decodes
        if self.beside is None and not (stint.chunks or joined or self.host.moved):
            most = min(self._most, plan.iterations, *(each.output - each.generated for each in decodes))
            number = max(1, self.blocks.lasts(decodes, int(most)))
            stint.stretch = self._stretch_of(len(decodes), stint.contexts, number)
            return stint.stretch.seconds
        moved_s = self.host.settle_s()
        if self.beside is not None:
            return self.beside.takes_s(self) + moved_s
        return self.cost.seconds(stint.pieces, len(decodes), stint.contexts) + moved_s

    def _admit(self, sequence: LlmSequence) -> None:
        self.waiting.remove(sequence)
        self.running[sequence] = None
        if not sequence.swapped:
            self.blocks.admit(sequence)
        if not sequence.began_s >= 0:
            sequence.began_s, sequence.cached = self.clock.now, sequence.computed

    # -- its end

    def close(self) -> None:
        """Hand out the tokens of a stretch's iterations that have ended by the end of the run."""
        if self._iterates and self.stint.cut(self.clock.now) and self.stint.stretch is not None:
            self._hand_out(self.stint.begin_s + self.stint.stretch.seconds)

    def _end(self, _: object) -> None:
        """Let go of what has all its tokens after the iterations that end now, and go on (called by the clock)."""
        self._hand_out(self.clock.now)
        ended = self.stint.done()
        for sequence in ended:
            del self.running[sequence]
            if not sequence.kept:
                self.blocks.release(sequence)
        if ended:
            self.guests.welcome()
            if self.beside is not None:
                self.beside.freed(self)
        self._idle = True
        self.cut_short()
        if self.running or self.waiting:
            self._plan_soon()
        for sequence in ended:
            self._ended(sequence)

    def _hand_out(self, now: float) -> None:
        """Hand out the tokens of iterations that end at `now`."""
        stint = self.stint
        self._iterates = False
        self.iterations += stint.stretch.iterations if stint.stretch is not None else 1
        self.ears.wrote(stint.hand_out(now, self.blocks, len(self.running), len(self.waiting)))
        stint.stretch = None
