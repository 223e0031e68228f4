"""What the rows of a trace tell of how their prompts begin: blocks of the prompt, or the conversation they belong to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow.compute as pc

from simtier.models.llm.prefix_source import PREFIX_TOKENS
from simtier.scenario import Scenario
from simtier.scenario.services import App
from simtier.traces.hashing import text_key, text_keys

_POSITIVE = (1 << 62) - 1
_CONVERSATIONS = _POSITIVE & ~((1 << 24) - 1)  # the blocks of a conversation are numbered in what is left


def traced_key(app: App, scenario: Scenario, traces: Sequence[str]) -> int | None:
    """Return what tells the prompts of these traces from those of others, or None if no engine would find their beginnings."""
    for stage in app.stages.values():
        if stage.tokens is not None and stage.tokens.input == "traced" and stage.tokens.shared is None:
            models = [scenario.services[name].llm for name in stage.hosts if name in scenario.services]
            if any(llm is not None and llm.prefix_caching for llm in models):
                return text_key(" ".join(traces))
    return None


def prefixes(piece: Any, key: int) -> Iterator[tuple[int, ...]]:
    """Yield of each row the numbers of its prompt's beginning, each for 512 tokens; none where the trace tells nothing.

    Of a conversation each prompt is taken to begin with all of the one before it, as far as both go, for clients send what was said so far
    (BurstGPT's prompts grow by about the last answer and a new question). What answers added is not found again.
    """
    names = piece.schema.names
    if "blocks" in names and piece.column("blocks").null_count < piece.num_rows:
        yield from _blocks(piece.column("blocks"), key)
    elif "session" in names and piece.column("session").null_count < piece.num_rows:
        yield from _conversations(piece, key)
    else:
        yield from (() for _ in range(piece.num_rows))


def _blocks(column: Any, key: int) -> Iterator[tuple[int, ...]]:
    numbers = (column.values.to_numpy().astype(np.uint64) ^ np.uint64(key)) & np.uint64(_POSITIVE)
    for first, last in pairwise(column.offsets.to_numpy().tolist()):
        yield tuple(numbers[first:last].tolist())


def _conversations(piece: Any, key: int) -> Iterator[tuple[int, ...]]:
    column = piece.column("session")
    known = pc.is_valid(column).to_numpy(zero_copy_only=False)
    firsts = np.zeros(piece.num_rows, dtype=np.uint64)
    firsts[known] = (text_keys(column.drop_null()) ^ np.uint64(key)) & np.uint64(_CONVERSATIONS)
    tokens = piece.column("input_tokens").to_numpy()
    for first, blocks, told in zip(
        firsts.tolist(), (-(-tokens // PREFIX_TOKENS)).tolist(), known.tolist(), strict=True
    ):
        yield tuple(range(first, first + blocks)) if told else ()
