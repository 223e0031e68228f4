"""What became of requests at services of language models in one replication, and how long their tokens took."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simtier.metrics.latencies import Floats, Latencies, buckets
from simtier.metrics.reading import Columns, Sums, Texts
from simtier.metrics.requests import QUANTILES, latency

COLUMNS = (
    "replication",
    "app",
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
    "prompt_replica",
    "delivered_s",
    "alone_first_s",
    "alone_last_s",
    "moves",
)
OUTCOMES = ("served", "in_vain", "left", "rejected", "lost", "unfinished")
TIMES = ("ttft_s", "tpot_s", "latency_s", "normalised_latency_s")
SLOWDOWNS = ("ttft_slowdown", "tpot_slowdown", "latency_slowdown")
NOBODY = np.full(1, -1)
"""Services of replicas if there are none."""

_SHARES = list(QUANTILES.values())
_HAND_OVER = "hand_over_s"
_Key = tuple[int, int, str]
"""An application, a service, and a time."""


class Sequences:
    """The sequences of requests that arrived from the warm-up on.

    Args:
        batches: rows of the table.
        texts: numbers of names.
        warmup_s: when counting begins.
        owners: number of the service of each replica.
    """

    def __init__(
        self, batches: Iterator[Columns], texts: Texts, warmup_s: float, owners: NDArray[np.int64] = NOBODY
    ) -> None:
        self._texts = texts
        self._warmup_s = warmup_s
        self._counts = Sums(1)
        self._preempted = Sums(1)  # of those that began, by service
        self._moved = Sums(1)  # likewise
        self._prompts = Sums(
            2
        )  # of those that began, by the service that computed the prompt: its tokens, those of them found
        self._handed = Sums(1)  # from one service to another
        self._times: dict[_Key, Latencies] = {}
        self._again: dict[_Key, list[Floats]] = {}
        for batch in batches:
            rows = self._counted(batch)
            began = (~np.isnan(rows["began_s"])).astype(np.float64)
            came = rows["prompt_replica"] >= 0
            source = np.where(came, owners[np.where(came, rows["prompt_replica"], -1)], rows["service"])
            self._counts.add([rows["service"], rows["outcome"]], [np.ones(len(began))])
            self._preempted.add([rows["service"]], [rows["preemptions"] * began])
            self._moved.add([rows["service"]], [rows["moves"] * began])
            self._prompts.add([source], [rows[name] * began for name in ("input_tokens", "cached_tokens")])
            self._handed.add([source, rows["service"]], [(source != rows["service"]).astype(np.float64)])
            for key, values in self._took(rows):
                self._times.setdefault(key, Latencies()).add(values)

    def look_again(self, batches: Iterator[Columns]) -> None:
        """Take in the same rows again if there were so many that their quantiles need it."""
        wanted = self._wanted()
        if not any(len(each) for each in wanted.values()):
            return
        for batch in batches:
            for key, values in self._took(self._counted(batch)):
                self._again.setdefault(key, []).append(values[np.isin(buckets(values), wanted[key])])

    def _wanted(self) -> dict[_Key, NDArray[np.uint64]]:
        """Return of which buckets the values are needed again, for services and for applications."""
        wanted = dict.fromkeys(self._times, np.empty(0, dtype=np.uint64))
        for keys in self._groups():
            whole = self._join(keys).wanted(_SHARES)
            wanted |= {key: np.union1d(wanted[key], whole) for key in keys}
        return wanted

    def _groups(self) -> Iterator[list[_Key]]:
        """Yield the times that are asked for together."""
        for part in (0, 1):
            for which in {(key[part], key[2]) for key in self._times}:
                yield [key for key in self._times if (key[part], key[2]) == which]

    def metrics(self, service: int) -> dict[str, Any]:
        """Return how many requests of a service ended how, their times, and what is known of their tokens."""
        code = self._texts.code
        counts = {name: int(_sum(self._counts, service, code(name))) for name in OUTCOMES}
        prompt, cached = self._prompts.by_key.get((service,), np.zeros(2)).tolist()
        return {
            **counts,
            **{name: self._describe(name, service=service) for name in (*TIMES, *SLOWDOWNS)},
            "preemptions": int(_sum(self._preempted, service)),
            "moves": int(_sum(self._moved, service)),
            "cached_share": cached / prompt if prompt else None,
        }

    def pool(self, service: int) -> dict[str, Any]:
        """Return how many requests' prompts were computed for other services, or by them, and how long handing them over took."""
        moved = {pair: int(total[0]) for pair, total in self._handed.by_key.items() if pair[0] != pair[1]}
        return {
            "handed_over": sum(number for (source, _), number in moved.items() if source == service),
            "taken_over": sum(number for (_, target), number in moved.items() if target == service),
            _HAND_OVER: self._describe(_HAND_OVER, service=service),
        }

    def of_app(self, app: int) -> dict[str, Any]:
        """Return the times of tokens of an application, wherever they were computed."""
        return {name: self._describe(name, app=app) for name in TIMES[:2]}

    def _describe(self, name: str, *, app: int | None = None, service: int | None = None) -> dict[str, float | None]:
        keys = [key for key in self._times if key[2] == name and (app in (None, key[0])) and service in (None, key[1])]
        again = [values for key in keys for values in self._again.get(key, ())]
        return latency(self._join(keys), again)

    def _join(self, keys: Sequence[_Key]) -> Latencies:
        return self._times[keys[0]].join(self._times[key] for key in keys[1:]) if keys else Latencies()

    def _counted(self, rows: Columns) -> Columns:
        counted = rows["arrival_s"] >= self._warmup_s
        return {name: values[counted] for name, values in rows.items()}

    def _took(self, rows: Columns) -> Iterator[tuple[_Key, Floats]]:
        """Yield the times of sequences that were served, and their ratio to those alone, by application, service and kind."""
        served = rows["outcome"] == self._texts.code("served")
        several = len(self._texts.names)
        pairs = np.where(served, rows["app"] * several + rows["service"], -1)
        for pair in np.unique(pairs[served]).tolist():
            mine, (app, service) = pairs == pair, divmod(pair, several)
            for name, values in _times({column: values[mine] for column, values in rows.items()}):
                yield (app, service, name), values


def _times(rows: Columns) -> Iterator[tuple[str, Floats]]:
    """Yield the times of served sequences, each with its name."""
    arrival, first, last, tokens = (rows[name] for name in ("arrival_s", "first_s", "last_s", "output_tokens"))
    several = tokens > 1
    yield "ttft_s", first - arrival
    yield "tpot_s", (last - first)[several] / (tokens[several] - 1)
    yield "latency_s", last - arrival
    yield "normalised_latency_s", (last - arrival) / tokens
    came = ~np.isnan(rows["delivered_s"]) & (rows["moves"] == 0)  # of others it is when they moved last
    yield _HAND_OVER, (rows["delivered_s"] - first)[came]
    alone_first, alone_last = rows["alone_first_s"], rows["alone_last_s"]
    known = ~np.isnan(alone_first)
    if known.any():
        yield "ttft_slowdown", ((first - arrival) / alone_first)[known]
        yield "latency_slowdown", ((last - arrival) / alone_last)[known]
        both = known & several
        yield "tpot_slowdown", (last - first)[both] / (alone_last - alone_first)[both]


def _sum(sums: Sums, *key: int) -> float:
    return float(sums.by_key.get(key, np.zeros(1))[0])
