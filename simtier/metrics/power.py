"""How rows of servers did: power against the budget, brakes, and how long servers were capped.

Of the readings from the warm-up's end on, each the mean power since the one before:
- *mean* and *peak* share: of the budget; *over*: share of the readings above it.
- *largest rise*: the most that power rose, as a share of the budget, from any reading to another that was at most a command's delay later. What POLCA
  leaves between its upper threshold and the budget.
- *brakes*: how often the power brake began to act. *Braked*: share of the readings at which it acted.
- *capped low* and *high*: share of the readings at which servers of low, and of high, priority ran below their highest clock, brakes included.
- *energy*: of all servers of the row, hosts, accelerators and loads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from simtier.metrics.latencies import Floats
from simtier.metrics.reading import ByReplication, Columns, Texts

COLUMNS = ("replication", "row", "time_s", "watts", "low_clock", "high_clock", "braked")


def power_metrics(
    folder: Path, layout: Mapping[str, Any], windows: Sequence[tuple[float, float]]
) -> list[dict[str, dict[str, Any]]]:
    """Return for each replication the metrics of each power row."""
    rows = layout.get("power_rows", {})
    if not rows:
        return [{} for _ in windows]
    texts = Texts()
    readings = ByReplication(folder / "power.parquet", COLUMNS, texts)
    found = []
    for number, window in enumerate(windows):
        pieces = list(readings.take(number))
        if not pieces:
            found.append({name: _empty() for name in rows})
            continue
        seen = {name: np.concatenate([piece[name] for piece in pieces]) for name in COLUMNS}
        found.append({name: _metrics(_of(seen, texts.code(name), window[0]), row) for name, row in rows.items()})
    return found


def _of(seen: Columns, row: int, begin_s: float) -> Columns:
    mine = (seen["row"] == row) & (seen["time_s"] > begin_s)
    return {name: values[mine] for name, values in seen.items()}


def _metrics(seen: Columns, row: Mapping[str, Any]) -> dict[str, Any]:
    if not len(seen["watts"]):
        return _empty()
    shares, braked = seen["watts"] / row["budget_w"], seen["braked"]
    return {
        "mean_share": float(shares.mean()),
        "peak_share": float(shares.max()),
        "over_share": float((shares > 1).mean()),
        "largest_rise": largest_rise(shares, max(1, round(row["command_s"] / row["every_s"]))),
        "brakes": int(braked[0] + np.sum((braked[1:] == 1) & (braked[:-1] == 0))),
        "braked_share": float(braked.mean()),
        **{
            f"capped_{priority}_share": float((seen[f"{priority}_clock"] < 1).mean()) if servers else None
            for priority, servers in row["servers"].items()
        },
        "energy_j": float(seen["watts"].sum() * row["every_s"]),
    }


def _empty() -> dict[str, Any]:
    """Return the metrics of a row whose meter was never read."""
    shares = ("mean_share", "peak_share", "over_share", "largest_rise")
    capped = ("braked_share", "capped_low_share", "capped_high_share")
    return {**dict.fromkeys(shares), "brakes": 0, **dict.fromkeys(capped), "energy_j": 0.0}


def largest_rise(values: Floats, within: int) -> float:
    """Return the most by which a value exceeds another that stands at most `within` places before it; 0 if none does."""
    rises = [float((values[k:] - values[:-k]).max()) for k in range(1, min(within, len(values) - 1) + 1)]
    return max(rises, default=0.0) if max(rises, default=0.0) > 0 else 0.0
