"""Look-alikes of conversations whose prompts share prefixes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa

from simtier.errors import TraceError
from simtier.traces.synthesis.arrivals import Bursts
from simtier.traces.synthesis.generator import Columns, Generator, RngOf, column, table_of
from simtier.traces.synthesis.parameters import check
from simtier.traces.synthesis.quantiles import Copula, Floats, Quantiles
from simtier.traces.tables import Family

REMEMBERED = 8192
"""Requests that a later one may continue."""

CANDIDATES = 24
LEAST_ROWS = 200


@dataclass(frozen=True)
class PrefixRequests(Generator):
    """Requests of which some continue an earlier one: their prompts begin with its blocks (Mooncake's hash ids).

    Every prompt begins with one common block. A request that continues looks at 24 earlier ones, `back` requests
    ago, takes the shortest that has as many blocks as it shares, and adds new blocks. Left out: branches that several
    users share beyond the first block, and when in a batch of stamps a request really came.

    Attributes:
        arrivals: when requests come.
        continued_share: of requests that continue another.
        back: how many requests ago that one came; at most 8192.
        first_input_tokens: prompt of a request that continues none.
        next_input_tokens: prompt of one that does, all of it.
        reuse: share of the blocks of such a prompt that it has in common with the earlier one.
        output_tokens: of the answer.
        correlation: of the normals behind the two lengths.
        block_tokens: tokens in a block.
    """

    family: ClassVar[Family] = "llm_requests"

    arrivals: Bursts
    continued_share: float
    back: Quantiles
    first_input_tokens: Quantiles
    next_input_tokens: Quantiles
    reuse: Quantiles
    output_tokens: Quantiles
    correlation: float
    block_tokens: int

    def __post_init__(self) -> None:
        check(0 <= self.continued_share < 1, f"continued_share is 0 to below 1, not {self.continued_share}")
        check(self.reuse.values[-1] <= 1, f"reuse is a share, at most 1, not {self.reuse.values[-1]}")
        check(self.block_tokens > 0, f"block_tokens must be above 0, not {self.block_tokens}")

    def facts(self) -> dict[str, str]:
        """Return the size of a block."""
        return {"block_tokens": str(self.block_tokens)}

    def chunks(self, rng_of: RngOf) -> Iterator[Columns]:
        """Yield requests without end."""
        memory = _Memory()
        rng = rng_of("requests")
        for times in self.arrivals.times(rng_of):
            rows = len(times)
            continued = rng.random(rows) < self.continued_share
            level_in, level_out = Copula.pair(self.correlation).levels(rng, rows)
            given = np.where(continued, self.next_input_tokens.at(level_in), self.first_input_tokens.at(level_in))
            tokens = np.rint(given).astype(np.int64)
            blocks = -(-tokens // self.block_tokens)
            shared = np.where(continued, np.maximum(1, np.rint(self.reuse.at(rng.random(rows)) * blocks)), 1).astype(
                np.int64
            )
            back = np.rint(self.back.at(rng.random((rows, CANDIDATES)))).astype(np.int64)
            lists = [memory.extend(*row) for row in zip(blocks.tolist(), shared.tolist(), back.tolist(), strict=True)]
            yield {
                "arrival_s": times,
                "input_tokens": tokens,
                "output_tokens": np.rint(self.output_tokens.at(level_out)).astype(np.int64),
                "failed": np.zeros(rows, dtype=bool),
                "blocks": pa.array(lists, pa.list_(pa.int64())),
            }

    @classmethod
    def fit(cls, source: Any, *, block_tokens: int = 512) -> Self:
        """Return the parameters of a trace with prefix blocks, by moments and quantiles.

        A request continues the latest earlier one that had its last block seen before, if that is not its first block.
        """
        table = table_of(source, "llm_requests", least=LEAST_ROWS, purpose="shared prefixes")
        if "blocks" not in table.column_names or table.column("blocks").null_count:
            raise TraceError("the trace has rows without prefix blocks, so that their sharing cannot be fitted")
        shared, back, count = _sharing(table.column("blocks").to_pylist())
        continued = shared > 1
        if continued.sum() < 20 or (~continued).sum() < 20:
            raise TraceError(
                f"{continued.sum()} of {len(continued)} requests continue another; takes at least 20 of both sorts"
            )
        given, made = column(table, "input_tokens"), column(table, "output_tokens")
        return cls(
            Bursts.fit(column(table, "arrival_s")),
            float(continued.mean()),
            Quantiles.fit(back[continued]),
            Quantiles.fit(given[~continued]),
            Quantiles.fit(given[continued]),
            Quantiles.fit((shared / count)[continued]),
            Quantiles.fit(made),
            Copula.fit(given, made).correlation[0][1],
            block_tokens,
        )


class _Memory:
    """The blocks of the latest requests."""

    def __init__(self) -> None:
        self._kept: list[list[int]] = []
        self._count = 0
        self._next_id = 1

    def extend(self, blocks: int, shared: int, back: list[int]) -> list[int]:
        """Return `blocks` ids, the first `shared` of them those of an earlier request where there is one, and keep them."""
        prefix = [0]
        if shared > 1 and self._kept:
            among = [self._kept[(self._count - max(1, min(b, len(self._kept)))) % REMEMBERED] for b in back]
            long_enough = [ids for ids in among if len(ids) >= shared]
            prefix = (min(long_enough, key=len) if long_enough else max(among, key=len))[:shared]
        new = max(blocks, 1) - len(prefix)
        ids = prefix + list(range(self._next_id, self._next_id + new))
        self._next_id += new
        if len(self._kept) < REMEMBERED:
            self._kept.append(ids)
        else:
            self._kept[self._count % REMEMBERED] = ids
        self._count += 1
        return ids


def _sharing(lists: list[list[int]]) -> tuple[Floats, Floats, Floats]:
    """Return, by request: leading blocks seen before, how many requests ago the last of them was seen, blocks in all."""
    seen: dict[int, int] = {}
    rows = []
    for i, ids in enumerate(lists):
        shared = next((k for k, block in enumerate(ids) if block not in seen), len(ids))
        rows.append((shared, i - seen[ids[shared - 1]] if shared else math.inf, max(len(ids), 1)))
        seen.update(dict.fromkeys(ids, i))
    shared, back, count = np.array(rows, dtype=np.float64).T
    return shared, back, count
