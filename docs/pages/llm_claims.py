"""What papers about serving language models claim, beside simtier's figures, written from what `benchmarks/claims.py` has computed."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import stdtrit

from pages.markdown import document, table

NUMBERS = Path(__file__).parents[1] / "reference" / "llm-claims.json"
Row = Mapping[str, Any]

AGREES, NEARLY, UNSURE, NOT = (
    "agrees",
    "agrees, but its interval reaches beyond",
    "does not agree; its interval reaches in",
    "does not agree",
)
_ABOUT = """# What papers claim, and what simtier finds

What papers about serving language models claim, beside the figure that simtier has for it. Written from the figures of `make claims-table`; nothing is
typed in: each row is a function in `benchmarks/llm_claims` that runs simtier, which `python benchmarks/claims.py` starts (`--only` one of the names in
the last column).

- *simtier*: the mean of independent replications with the half-width of its 95 % confidence interval (Student's t) and their number; *analytic*
  figures have no randomness; *one run* is of given requests, a trace or a closed system that ends the same every time.
- *Agrees* if the mean lies within the tolerance. Where its interval does not, or where only the interval reaches into it, that is said. Where one is
  "direction" or "order" the paper's number is of other hardware, or of none, and no number is asked for. Rows that were added after another's figure was seen say so.
- *Surrogate* says what stands for what the paper had and simtier has not: another model or accelerator, drawn lengths for its own, a rule in place of its
  search, a constant fitted to its figures. A claim that agrees by a surrogate shows that the mechanism does what the paper says under the
  assumptions named, not that the paper's system would be predicted. An *identity* shows only that parts add up.
- A row without a surrogate compares with the paper's own formula or the measurements themselves."""


def numbers() -> list[dict[str, Any]]:
    """Return the rows that were computed; none if nothing was yet."""
    found: list[dict[str, Any]] = json.loads(NUMBERS.read_text(encoding="utf-8")) if NUMBERS.exists() else []
    return found


def page() -> str | None:
    """Return the page; None if nothing was computed yet."""
    return text(numbers()) if NUMBERS.exists() else None


def interval(row: Row) -> tuple[float, float]:
    """Return mean and half-width of a row with replications; of others the half-width is 0, and the mean is of its one figure."""
    values = row["values"]
    mean = float(np.mean(values))
    if row["kind"] != "replications":
        return mean, 0.0
    return mean, float(stdtrit(len(values) - 1, 0.975) * np.std(values, ddof=1) / math.sqrt(len(values)))


def verdict(row: Row) -> str:
    """Say whether a row is within its tolerance; of several figures of one run all have to be."""
    low = -math.inf if row["low"] is None else row["low"]
    high = math.inf if row["high"] is None else row["high"]
    if row["kind"] != "replications":
        return AGREES if low <= min(row["values"]) and max(row["values"]) <= high else NOT
    mean, half = interval(row)
    if low <= mean <= high:
        return AGREES if low <= mean - half and mean + half <= high else NEARLY
    return UNSURE if mean - half <= high and low <= mean + half else NOT


def shown(row: Row) -> str:
    """Return the figure of a row as the table has it."""
    if row["kind"] != "replications":
        return f"{', '.join(f'{value:.3g}' for value in row['values'])} ({row['kind']})"
    mean, half = interval(row)
    return f"{mean:.3g} ± {half:.2g} ({len(row['values'])} replications)"


def text(rows: Sequence[Row]) -> str:
    """Return the page about these rows."""
    groups = dict.fromkeys(row["group"] for row in rows)
    tables = [f"## {group}\n\n{_table([row for row in rows if row['group'] == group])}" for group in groups]
    return document(_ABOUT, _counts(rows), *tables)


def _counts(rows: Sequence[Row]) -> str:
    """Say how many agree, and name those that do not."""
    found = Counter(verdict(row) for row in rows)
    said = "\n".join(f"- {found[each]}: {each}" for each in (AGREES, NEARLY, UNSURE, NOT) if found[each])
    own = sum(not row["surrogate"] for row in rows)
    others = [row for row in rows if verdict(row) in (UNSURE, NOT)]
    listed = "\n".join(
        f"- `{row['name']}`: {row['says']}: {shown(row)}, {row['figure']}; tolerance {row['tolerance']}. {row['remark']}".rstrip()
        for row in others
    )
    return f"## Verdicts\n\n{len(rows)} rows, {own} of them without a surrogate:\n\n{said}\n\nThose that do not agree:\n\n{listed}"


def _table(rows: Sequence[Row]) -> str:
    headings = [
        "claim",
        "source",
        "setting",
        "paper",
        "simtier",
        "of what",
        "tolerance",
        "verdict",
        "surrogate",
        "name",
    ]
    return table(
        headings,
        [
            [
                row["says"],
                row["source"],
                row["setting"],
                row["paper"],
                shown(row),
                row["figure"],
                row["tolerance"],
                ": ".join(part for part in (verdict(row), row["remark"]) if part),
                row["surrogate"] or "no",
                f"`{row['name']}`",
            ]
            for row in rows
        ],
    )
