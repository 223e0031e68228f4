"""A request at an engine: its prompt, the tokens it has got, and the blocks that hold their keys and values."""

from __future__ import annotations

from typing import Any

Key = tuple[int, int]
"""What a full block is known by; see `prefixes`."""
NEVER_TOLD = 1 << 30
"""What `most` is if a client does not say how many tokens it wants at most."""


class LlmSequence:
    """One sequence; see simtier.contract.SequenceView for what policies see of it, which is what has no underscore.

    Attributes:
        visit: the visit whose work it is.
        output: tokens it will get at this engine, and those it came with; not for policies.
        total: tokens it will get in all; more than `output` if it goes on elsewhere once its prompt is computed.
        kept: whether its blocks stay held when it ends here, until they are let go.
        moves: how often it has moved to another replica.
        part: number of the stage that it is of: what one stage computed is not what another one needs.
        stays: whether it then goes on in another engine of the same replica.
        found: of a sequence whose prompt was computed elsewhere, tokens that were found here.
        delivered_s: when its keys and values were here; NaN if they were computed here.
        prompt_replica: replica that computed its prompt; -1 if that is this one.
        first_s, last_s: when it got its first, and its latest token.
        prefix: numbers of the beginning of its prompt, each for so many tokens; requests with the same numbers begin alike.
        shared: tokens of the prompt that `prefix` stands for.
        counted: tokens it had to compute when it began to wait.
        keys: of its full blocks, what each is known by; None for a copy.
        cached: of its prompt, tokens that were found computed when it was admitted first.
        busy_s: its share of the iterations that it took part in.
        began_s: when it was admitted first; NaN before.
    """

    __slots__ = (
        "arrival_s",
        "began_s",
        "blocks",
        "busy_s",
        "cached",
        "computed",
        "counted",
        "deadline_s",
        "delivered_s",
        "first_by_s",
        "first_s",
        "found",
        "generated",
        "id",
        "kept",
        "keys",
        "last_s",
        "most",
        "moves",
        "output",
        "part",
        "preemptions",
        "prefix",
        "priority",
        "prompt",
        "prompt_replica",
        "queued_s",
        "shared",
        "stays",
        "swapped",
        "total",
        "visit",
    )

    def __init__(
        self,
        visit: Any,
        number: int,
        prompt: int,
        output: int,
        now_s: float,
        most: int = NEVER_TOLD,
        prefix: tuple[int, ...] = (),
    ) -> None:
        self.visit = visit
        self.id = number
        self.prompt = prompt
        self.output = self.total = output
        self.kept = self.stays = False
        self.found = self.moves = self.part = 0
        self.prompt_replica = -1
        self.most = most
        self.arrival_s = now_s
        self.queued_s = now_s
        self.deadline_s = self.first_by_s = float("inf")
        self.priority = 0.0
        self.generated = 0
        self.computed = 0
        self.blocks = 0
        self.preemptions = 0
        self.swapped = False
        self.cached = 0
        self.busy_s = 0.0
        self.prefix = prefix
        self.shared = prompt
        self.counted = 0
        self.keys: list[Key | None] = []
        self.began_s = self.first_s = self.last_s = self.delivered_s = float("nan")

    def beyond(self, visit: Any) -> LlmSequence:
        """Return the same request where it goes on once its prompt is computed and its first token there."""
        onward = LlmSequence(visit, self.id, self.prompt, self.total, self.queued_s, self.most, self.prefix)
        onward.arrival_s, onward.deadline_s, onward.priority = self.arrival_s, self.deadline_s, self.priority
        onward.first_by_s, onward.shared, onward.part = self.first_by_s, self.shared, self.part
        onward.began_s, onward.cached = self.began_s, self.cached
        onward.computed, onward.generated = self.prompt, 1
        return onward

    def lose(self, *, swap: bool) -> None:
        """Note that it has lost its blocks, and what was in them, unless that was swapped."""
        self.swapped = swap
        if not swap:
            self.computed = 0
        self.preemptions += 1

    @property
    def pending(self) -> int:
        return self.prompt + self.generated - self.computed
