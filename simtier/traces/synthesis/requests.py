"""Look-alikes of requests to language models."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow.compute as pc
from numpy.random import Generator as Rng

from simtier.errors import TraceError
from simtier.traces.synthesis.arrivals import Bursts, Gaps
from simtier.traces.synthesis.generator import Columns, Generator, RngOf, column, labels, table_of, texts
from simtier.traces.synthesis.parameters import Parameters, check
from simtier.traces.synthesis.quantiles import Copula, Floats, Quantiles
from simtier.traces.tables import Family

LEAST_ROWS = 100
LEAST_OF_A_KIND = 20


@dataclass(frozen=True)
class Kind(Parameters):
    """One sort of requests and its lengths.

    Attributes:
        share: of the requests, 0 to 1.
        model: language model asked, if told apart.
        kind: how they came (conversation, API), if told apart.
        input_tokens: of the prompt.
        output_tokens: of the answer.
        correlation: of the normals behind the two lengths (Gaussian copula).
    """

    share: float
    model: str | None
    kind: str | None
    input_tokens: Quantiles
    output_tokens: Quantiles
    correlation: float

    def __post_init__(self) -> None:
        check(0 < self.share <= 1, f"share is above 0, up to 1, not {self.share}")
        check(-1 < self.correlation < 1, f"correlation is within -1 and 1, not {self.correlation}")


@dataclass(frozen=True)
class _Requests(Generator):
    """What both generators of requests share: the kinds, drawn independently of the arrivals and of each other.

    Left out: sessions, elapsed times, images; lengths that drift with time or hang together from request to request.
    """

    family: ClassVar[Family] = "llm_requests"

    kinds: tuple[Kind, ...]
    failed_share: float

    def __post_init__(self) -> None:
        check(bool(self.kinds), "at least one kind of requests is needed")
        check(abs(sum(kind.share for kind in self.kinds) - 1) < 1e-3, "the shares of the kinds must add up to 1")
        check(0 <= self.failed_share < 1, f"failed_share is 0 to below 1, not {self.failed_share}")

    def _columns(self, times: Floats, rng: Rng) -> Columns:
        rows = len(times)
        which = np.searchsorted(np.cumsum([kind.share for kind in self.kinds])[:-1], rng.random(rows), side="right")
        failed = rng.random(rows) < self.failed_share
        lengths = np.zeros((2, rows), dtype=np.int64)
        for i, kind in enumerate(self.kinds):
            mine = np.flatnonzero(which == i)
            levels = Copula.pair(kind.correlation).levels(rng, len(mine))
            for out, distribution, level in zip(lengths, (kind.input_tokens, kind.output_tokens), levels, strict=True):
                out[mine] = np.rint(distribution.at(level))
        lengths[:, failed] = 0
        return {
            "arrival_s": times,
            "input_tokens": lengths[0],
            "output_tokens": lengths[1],
            "failed": failed,
            "model": labels(which, [kind.model for kind in self.kinds]),
            "kind": labels(which, [kind.kind for kind in self.kinds]),
        }


@dataclass(frozen=True)
class BurstyRequests(_Requests):
    """Requests in Gamma bursts on a rate that follows the hour and wanders (`Bursts`), lengths by kind (`Kind`).

    A failed request has no tokens, in or out, as in BurstGPT.

    Attributes:
        kinds: sorts of requests with their shares and lengths.
        failed_share: of the requests that get no answer.
        arrivals: when requests come.
    """

    arrivals: Bursts

    def chunks(self, rng_of: RngOf) -> Iterator[Columns]:
        """Yield requests without end."""
        for times in self.arrivals.times(rng_of):
            yield self._columns(times, rng_of("requests"))

    @classmethod
    def fit(cls, source: Any) -> Self:
        """Return the parameters of a trace of requests: arrivals by moments, lengths by their quantiles, by kind."""
        table = table_of(source, "llm_requests", least=LEAST_ROWS, purpose="bursts of requests")
        return cls(*_mix(table), Bursts.fit(column(table, "arrival_s")))


@dataclass(frozen=True)
class OnOffRequests(_Requests):
    """Requests at gaps from a table whose long end is silence (`Gaps`), lengths by kind (`Kind`).

    Attributes:
        kinds: sorts of requests with their shares and lengths.
        failed_share: of the requests that get no answer.
        arrivals: the gaps between requests.
    """

    arrivals: Gaps

    def chunks(self, rng_of: RngOf) -> Iterator[Columns]:
        """Yield requests without end."""
        for times in self.arrivals.times(rng_of):
            yield self._columns(times, rng_of("requests"))

    @classmethod
    def fit(cls, source: Any) -> Self:
        """Return the parameters of a trace of requests: gaps and lengths by their quantiles, lengths by kind."""
        table = table_of(source, "llm_requests", least=LEAST_ROWS, purpose="on/off gaps")
        return cls(*_mix(table), Gaps.fit(column(table, "arrival_s")))


def _mix(table: Any) -> tuple[tuple[Kind, ...], float]:
    """Return the kinds of a trace, and its share of failures; kinds of few rows take the lengths of all."""
    good = table.filter(pc.invert(table.column("failed")))
    if good.num_rows < LEAST_OF_A_KIND:
        raise TraceError(
            f"only {good.num_rows} requests got an answer; to fit lengths takes at least {LEAST_OF_A_KIND}"
        )
    lengths = np.array([column(good, "input_tokens"), column(good, "output_tokens")])
    names = list(zip(texts(good, "model"), texts(good, "kind"), strict=True))
    found = {name: i for i, name in enumerate(dict.fromkeys(names))}
    codes = np.array([found[name] for name in names])
    kinds = []
    for (model, kind), i in found.items():
        mine = codes == i
        sample = lengths[:, mine] if mine.sum() >= LEAST_OF_A_KIND else lengths
        correlation = Copula.fit(*sample).correlation[0][1]
        given, made = (Quantiles.fit(x) for x in sample)
        kinds.append(Kind(float(mine.mean()), model, kind, given, made, correlation))
    return tuple(kinds), 1 - good.num_rows / table.num_rows
