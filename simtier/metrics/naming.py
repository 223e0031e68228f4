"""Names of metrics: a summary as flat numbers, metrics found by name, and which way each is better."""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from simtier.errors import MetricError

Direction = Literal["lower", "higher", "neither"]
"""Which way a metric is better."""

Flat = dict[str, float | None]
"""Numbers by dotted name, such as `apps.detect.latency_s.p95`; None where there was nothing to measure."""

_WIDTHS = "half_width_95"
_HIGHER = {
    "attainment", "ok", "throughput_per_s", "per_s", "per_accelerator_per_s", "kept_per_accelerator_per_s", "goodput_per_s",
    "goodput_per_accelerator_per_s", "input_tokens_per_s", "output_tokens_per_s", "cached_share", "utility",
}  # fmt: skip
_LOWER = {
    "rejected", "dropped", "timed_out", "failed", "unfinished", "in_vain", "left", "lost", "unplaced", "preemptions", "latency_s", "ttft_s",
    "tpot_s", "itl_s", "normalised_latency_s", "ttft_slowdown", "tpot_slowdown", "latency_slowdown", "hand_over_s", "cold_start_s",
    "mean_wait_s", "mean_queue", "cold", "cold_ratio", "below_1", "wasted_share", "idle_byte_s", "energy_j", "joules_per_output_token",
    "cost_usd", "idle_cost_usd", "cost_per_million_usd", "usd_per_million_output_tokens", "peak_share", "over_share", "brakes", "braked_share",
    "capped_low_share", "capped_high_share",
}  # fmt: skip
_STATISTICS = {"mean", "p50", "p90", "p95", "p99", "max"}
"""Ends of names that say how a metric is taken, not what it is."""
_SHOWN = (
    "latency_s.mean",
    "latency_s.p95",
    "latency_s.p99",
    "slo.attainment",
    "tokens.ttft_s.p95",
    "tokens.tpot_s.p95",
    "goodput.per_s",
)


def flat(summary: Mapping[str, Any], prefix: str = "") -> Flat:
    """Return every number of a summary by its dotted name; truth values, texts, lists and half-widths are left out."""
    found: Flat = {}
    for key, value in summary.items():
        if isinstance(value, Mapping):
            if key != _WIDTHS:
                found |= flat(value, f"{prefix}{key}.")
        elif value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
            found[f"{prefix}{key}"] = value
    return found


def find(wanted: Sequence[str], known: Iterable[str]) -> list[str]:
    """Return the full names of the metrics that `wanted` names, each once, in the order asked for.

    A metric may be named in full, by its end where only one metric has that (`latency_s.p95` where there is one application; where there
    are workloads too, the application's is meant), or by a pattern (`apps.*.slo.attainment`). Raises MetricError for a name that no metric
    has, or that several have.
    """
    names = list(known)
    return list(dict.fromkeys(name for each in wanted for name in _named(each, names)))


def usual(known: Iterable[str]) -> list[str]:
    """Return the metrics that are shown where none are asked for: latency, attainment and goodput of each application, energy and cost."""
    known = list(known)
    names = set(known)
    apps = dict.fromkeys(
        name.removeprefix("apps.").removesuffix(f".{metric}")
        for name in known
        for metric in _SHOWN
        if name.startswith("apps.") and name.endswith(f".{metric}")
    )
    shown = [f"apps.{app}.{metric}" for app in apps for metric in _SHOWN]
    return [name for name in [*shown, "energy_j", "cost_usd"] if name in names]


def direction(name: str) -> Direction:
    """Return which way the metric of this dotted name is better, as far as its name tells."""
    what = next((part for part in reversed(name.split(".")) if part not in _STATISTICS), "")
    return "higher" if what in _HIGHER else "lower" if what in _LOWER else "neither"


def _named(wanted: str, names: Sequence[str]) -> list[str]:
    if wanted in names:
        return [wanted]
    if "*" in wanted:
        matching = fnmatch.filter(names, wanted)
        if matching:
            return matching
        raise MetricError(f"no metric matches {wanted!r}; known are, among others, {', '.join(usual(names))}")
    ending = [name for name in names if name.endswith(f".{wanted}")]
    meant = [name for name in ending if name.startswith("apps.")] or ending
    if len(meant) == 1:
        return meant
    if meant:
        raise MetricError(f"{wanted!r} may be any of {', '.join(meant[:6])}: write one in full, or a pattern with *")
    close = difflib.get_close_matches(wanted, sorted(_with_ends(names)), n=1, cutoff=0.6)
    hint = f" (did you mean {close[0]!r}?)" if close else f"; known are, among others, {', '.join(usual(names))}"
    raise MetricError(f"no metric is called {wanted!r}{hint}")


def _with_ends(names: Iterable[str]) -> set[str]:
    """Return the names and what they end in, for a guess at what was meant."""
    return {".".join(name.split(".")[start:]) for name in names for start in range(name.count(".") + 1)}
