"""The comparison of policies of function platforms, written from the numbers that `benchmarks/policies.py` has measured."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pages.markdown import document, table
from pages.serverless_claims import CLAIMS, Group, Ratio, half_width, verdict

NUMBERS = Path(__file__).parents[1] / "reference" / "serverless-policies.json"
_ABOUT = """# Policies of function platforms compared

What the policies do to the same calls, and where the order agrees with what their papers claim. Written from the numbers of
`python benchmarks/policies.py`; the sentences under [claims](#claims) are computed from them, too.

Two workloads, each with 120 functions and five replications; a replication has functions, calls and random numbers of its own, and every policy
gets the same ones. Nine hours, of which the first three are not counted (autoscaling: four, of which one). Each number is the mean of the
five with the half-width of its 95 % confidence interval (Student's t).

- `azure-like`: few functions are called often, most hardly ever (the n-th in proportion to n^-1.2); half of those whose rate fits are
  timers, the others call in clusters, 2.5 calls within seconds; a start takes 1.5 s on average, in five parts.
- `huawei-like`: popularity is less skewed (n^-0.6), two in three of the functions whose rate fits are timers, executions are short; instances
  come from a pool of three, refilled one every 5 s, and take 10.2 s longer if it is empty, or if the runtime is Custom.

They are look-alikes of no trace in particular: small populations chosen so that policies differ, with rates at which functions do
start cold. A policy that wins here wins on workloads like these. Parameters are the policies' defaults unless the name says otherwise; some
are ours, such as the worth of memory for `rainbowcake`, and other values would buy more or less."""

COLUMNS: Mapping[str, tuple[str, float, str]] = {
    "cold_ratio": ("cold, %", 100, ".2f"),
    "cold_p75": ("cold of the 75th-percentile function, %", 100, ".1f"),
    "mean_s": ("mean latency, s", 1, ".3f"),
    "p99_s": ("p99, s", 1, ".2f"),
    "slo": ("within the target, %", 100, ".2f"),
    "instances": ("instances", 1, ".1f"),
    "idle_gib": ("idle GiB", 1, ".2f"),
    "wasted": ("memory-time wasted, %", 100, ".1f"),
    "usd_per_million": ("USD per million calls", 1, ".2f"),
}
GROUPS = {
    "keep_alive": (
        "Keep-alive",
        "Memory for everybody; `lru` and `faascache` are then the same as `forever`, so they are compared below.",
    ),
    "scarce": (
        "Keep-alive when memory is scarce",
        "A third of the memory that `forever` would take, or less; the least worth is evicted.",
    ),
    "autoscaling": (
        "Autoscaling",
        (
            "`on_demand` with a keep-alive of ten minutes; the others, asked by function, with `forever`, so that only they take instances "
            "away. `fixed` keeps the number that there is at time zero, which is none, and is left out."
        ),
    ),
    "routing": (
        "Routing among nodes",
        (
            "Eight nodes, each with instances of its own, a keep-alive of ten minutes. `hash_affinity` and `bounded_load_hash` hash the "
            "function. `cross_region` and `lowest_latency` choose by distance: see the scenario `multi_region`."
        ),
    ),
}


def page() -> str | None:
    """Return the page; None if nothing was measured yet."""
    return text(json.loads(NUMBERS.read_text(encoding="utf-8"))) if NUMBERS.exists() else None


def text(found: Mapping[str, Mapping[str, Group]]) -> str:
    """Return the page about these numbers: workload -> group -> policy -> a row for each replication."""
    parts = [_ABOUT]
    for group, (title, about) in GROUPS.items():
        parts.append(f"## {title}\n\n{about}")
        parts += [f"### {title}: {workload}\n\n{_table(groups[group])}" for workload, groups in found.items()]
    return document(*parts, _claims(found))


def _table(group: Group) -> str:
    """Return the table of a group."""
    headings = ["policy", *(heading for heading, _, _ in COLUMNS.values())]
    rows = []
    for label, measured in group.items():
        cells = [_cell([row[key] for row in measured], scale, form) for key, (_, scale, form) in COLUMNS.items()]
        rows.append([f"`{label}`", *cells])
    return table(headings, rows)


def _cell(values: Sequence[float | None], scale: float, form: str) -> str:
    """Return the mean and its half-width; a dash where a replication has no number."""
    known = [value * scale for value in values if value is not None]
    if len(known) < len(values):
        return "-"
    return f"{float(np.mean(known)):{form}} ± {half_width(known):{form}}"


_HOW = (
    "What papers say of their policies, as a ratio that is above 1 where they are right, with its 95 % interval over the five pairs. It "
    "*agrees* if the whole interval is above 1 and, where the paper has a number, the ratio reaches 0.7 of it on the scale of "
    "logarithms; it *disagrees* if the whole interval is below 1. Shares below one in a thousand, and times below a millisecond, count as "
    "that. Papers measured other workloads and other baselines, so a disagreement is about these workloads."
)


def _claims(found: Mapping[str, Mapping[str, Group]]) -> str:
    """Return the claims with what was measured, and in a sentence each what that says of them."""
    rows, said = [], []
    for claim in CLAIMS:
        verdicts = []
        for workload, groups in found.items():
            measured = claim.ratio(groups)
            verdicts.append(f"{verdict(measured, claim.factor)} on `{workload}` ({_shown(measured)})")
        factor = "above 1" if claim.factor is None else f"{claim.factor:.2g}"
        rows.append([f"`{claim.policy}`", claim.says, claim.source, claim.measures, factor, "; ".join(verdicts)])
        said.append(f"- `{claim.policy}`, {claim.says}: {'; '.join(verdicts)}.")
    return "\n\n".join(
        [
            "## Claims",
            _HOW,
            "\n".join(said),
            "### How each was measured",
            table(["policy", "claim", "source", "ratio", "claimed", "measured"], rows),
        ]
    )


def _shown(measured: Ratio) -> str:
    return f"{measured.value:.3g}, {measured.low:.3g} to {measured.high:.3g}"
