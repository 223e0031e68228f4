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
        output: tokens it will get in all; not for policies.
        first_s, last_s: when it got its first, and its latest token.
        prefix: numbers of the beginning of its prompt, each for so many tokens; requests with the same numbers begin alike.
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
        "deadline_s",
        "first_s",
        "generated",
        "id",
        "keys",
        "last_s",
        "most",
        "output",
        "preemptions",
        "prefix",
        "priority",
        "prompt",
        "queued_s",
        "swapped",
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
        self.output = output
        self.most = most
        self.arrival_s = now_s
        self.queued_s = now_s
        self.deadline_s = float("inf")
        self.priority = 0.0
        self.generated = 0
        self.computed = 0
        self.blocks = 0
        self.preemptions = 0
        self.swapped = False
        self.cached = 0
        self.busy_s = 0.0
        self.prefix = prefix
        self.keys: list[Key | None] = []
        self.began_s = self.first_s = self.last_s = float("nan")

    @property
    def pending(self) -> int:
        return self.prompt + self.generated - self.computed
