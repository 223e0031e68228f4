"""Language models, read from the tables: how long tokens took, and how full batches and memory were over time."""

from __future__ import annotations

import numpy as np

from simtier.metrics.reading import Texts, batches, by_replication
from simtier.report.facts import Facts
from simtier.report.latencies import Distribution
from simtier.report.timebins import Bins, Curve, replicas

TIMES = ("ttft_s", "tpot_s")

_SEQUENCES = ("replication", "service", "outcome", "output_tokens", "arrival_s", "first_s", "last_s")
_ITERATIONS = ("replication", "service", "blocks_total", "decodes", "blocks", "blocks_end", "begin_s", "end_s")


def token_times(facts: Facts) -> dict[str, dict[str, Distribution]]:
    """Return for each service with a language model the distributions of TTFT and TPOT, of requests that arrived after the warm-up."""
    texts = Texts()
    found: dict[str, dict[str, Distribution]] = {name: {} for name in facts.summary["llm"]}
    for batch in batches(facts.table("sequences"), _SEQUENCES, texts):
        for number, rows in by_replication(batch):
            counted = (rows["arrival_s"] >= facts.warmup_s) & (rows["outcome"] == texts.code("served"))
            several = rows["output_tokens"] > 1
            tokens = np.maximum(rows["output_tokens"] - 1, 1)
            times = {
                "ttft_s": (rows["first_s"] - rows["arrival_s"], counted),
                "tpot_s": ((rows["last_s"] - rows["first_s"]) / tokens, counted & several),
            }
            for name, of_service in found.items():
                for key, (values, known) in times.items():
                    mine = values[known & (rows["service"] == texts.code(name))]
                    if len(mine):
                        of_service.setdefault(key, Distribution()).add(number, mine)
    return found


def engines(facts: Facts) -> tuple[Curve, dict[str, Curve], dict[str, Curve]]:
    """Return bin edges (s) and, for each service that ever ran, in each bin the mean batch of engines that iterate, and the share of blocks held."""
    texts, bins = Texts(), Bins(facts.until_s)
    for batch in batches(facts.table("iterations"), _ITERATIONS, texts):
        first = batch["replication"] == 0
        for service in np.unique(batch["service"][first]).tolist():
            rows = {name: values[first & (batch["service"] == service)] for name, values in batch.items()}
            name, begin, end = texts.names[service], rows["begin_s"], rows["end_s"]
            held = (rows["blocks"] + rows["blocks_end"]) / (2 * rows["blocks_total"])
            for key, rate in (("decodes", rows["decodes"]), ("iterates", np.ones(len(end))), ("held", held)):
                bins.add((name, key), begin, end, rate)
    edges, states = replicas(facts)
    sizes, held_shares = {}, {}
    for name in facts.summary["llm"]:
        if (name, "iterates") in bins:
            none = np.zeros(len(edges) - 1)
            serving = states[name].get("ready", none) + states[name].get("draining", none)
            sizes[name] = _over(bins.mean((name, "decodes")), bins.mean((name, "iterates")))
            held_shares[name] = np.minimum(_over(bins.mean((name, "held")), serving), 1.0)
    return edges, sizes, held_shares


def _over(part: Curve, whole: Curve) -> Curve:
    found: Curve = np.divide(part, whole, out=np.zeros(len(part)), where=whole > 1e-9)
    return found
