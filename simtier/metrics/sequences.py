"""What became of requests at services of language models in one replication, and how long their tokens took."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from simtier.metrics.latencies import Floats, Latencies, buckets
from simtier.metrics.reading import Columns, Sums, Texts
from simtier.metrics.requests import QUANTILES, latency

COLUMNS = (
    "replication",
    "service",
    "outcome",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "preemptions",
    "arrival_s",
    "began_s",
    "first_s",
    "last_s",
)
OUTCOMES = ("served", "in_vain", "left", "rejected", "unfinished")
TIMES = ("ttft_s", "tpot_s", "latency_s", "normalised_latency_s")

_SHARES = list(QUANTILES.values())
_Key = tuple[int, str]


class Sequences:
    """The sequences of requests that arrived from the warm-up on.

    Args:
        batches: rows of the table.
        texts: numbers of names.
        warmup_s: when counting begins.
    """

    def __init__(self, batches: Iterator[Columns], texts: Texts, warmup_s: float) -> None:
        self._texts = texts
        self._warmup_s = warmup_s
        self._counts = Sums(1)
        self._tokens = Sums(3)  # of those that began: preemptions, prompt tokens, those of them found
        self._times: dict[_Key, Latencies] = {}
        self._again: dict[_Key, list[Floats]] = {}
        for batch in batches:
            rows = self._counted(batch)
            began = ~np.isnan(rows["began_s"])
            self._counts.add([rows["service"], rows["outcome"]], [np.ones(len(began))])
            numbers = (rows[name] * began for name in ("preemptions", "input_tokens", "cached_tokens"))
            self._tokens.add([rows["service"]], list(numbers))
            for key, values in self._took(rows):
                self._times.setdefault(key, Latencies()).add(values)

    def look_again(self, batches: Iterator[Columns]) -> None:
        """Take in the same rows again if there were so many that their quantiles need it."""
        wanted = {key: times.wanted(_SHARES) for key, times in self._times.items() if times.long}
        if not wanted:
            return
        for batch in batches:
            for key, values in self._took(self._counted(batch)):
                if key in wanted:
                    self._again.setdefault(key, []).append(values[np.isin(buckets(values), wanted[key])])

    def metrics(self, service: int) -> dict[str, Any]:
        """Return how many requests of a service ended how, their times, and what is known of their tokens."""
        code = self._texts.code
        counts = {name: int(self._counts.by_key.get((service, code(name)), np.zeros(1))[0]) for name in OUTCOMES}
        times = {
            name: latency(self._times.get((service, name), Latencies()), self._again.get((service, name), ()))
            for name in TIMES
        }
        preemptions, prompt, cached = self._tokens.by_key.get((service,), np.zeros(3)).tolist()
        return {
            **counts,
            **times,
            "preemptions": int(preemptions),
            "cached_share": cached / prompt if prompt else None,
        }

    def _counted(self, rows: Columns) -> Columns:
        counted = rows["arrival_s"] >= self._warmup_s
        return {name: values[counted] for name, values in rows.items()}

    def _took(self, rows: Columns) -> Iterator[tuple[_Key, Floats]]:
        """Yield the times of sequences that were served, by service and kind of time."""
        served = rows["outcome"] == self._texts.code("served")
        for service in np.unique(rows["service"][served]).tolist():
            mine = served & (rows["service"] == service)
            arrival, first, last, tokens = (
                rows[name][mine] for name in ("arrival_s", "first_s", "last_s", "output_tokens")
            )
            several = tokens > 1
            yield (service, "ttft_s"), first - arrival
            yield (service, "tpot_s"), (last - first)[several] / (tokens[several] - 1)
            yield (service, "latency_s"), last - arrival
            yield (service, "normalised_latency_s"), (last - arrival) / tokens
