"""What the page says of power rows: power against the budget over time, caps and brakes."""

from __future__ import annotations

from typing import Any

import numpy as np
from markupsafe import Markup

from simtier.metrics.power import COLUMNS
from simtier.metrics.reading import Columns, Texts, batches
from simtier.report.facts import Facts
from simtier.report.figures.power import power
from simtier.report.numbers import given, measured, percent, quantity
from simtier.report.pictures import Picture, shaded
from simtier.report.tables import Cell, Table
from simtier.report.timebins import POINTS

MOST_DRAWN = 8
"""Rows with a panel of their own, at most."""


def content(facts: Facts) -> dict[str, Any] | None:
    """Return what the section on power shows; None if the scenario has no row."""
    if not facts.summary["power"]:
        return None
    return {"table": _table(facts), "picture": _picture(facts)}


def _table(facts: Facts) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for name, metrics in facts.summary["power"].items():
        row = facts.layout["power_rows"][name]
        servers = sum(len(each) for each in row["servers"].values())
        shares = ("mean_share", "peak_share", "largest_rise")
        capped = ("capped_low_share", "capped_high_share", "braked_share")
        rows.append(
            (
                name,
                facts.scenario["power_rows"][name]["policies"]["power"]["use"],
                str(servers),
                given(row["budget_w"], "W"),
                *(measured(metrics, key, "%") for key in shares),
                *(measured(metrics, key, "%", bar=True) for key in capped),
                measured(metrics, "brakes", ""),
                measured(metrics, "energy_j", "J"),
            )
        )
    columns = (
        "row",
        "policy",
        "servers",
        "budget",
        "mean of it",
        "peak of it",
        "largest rise",
        "low priority capped",
        "high priority capped",
        "braked",
        "brakes",
        "energy",
    )
    return Table("Power rows", columns, rows, (0, 1))


def _picture(facts: Facts) -> Picture | None:
    """Return power over time as a share of the budget; None if no meter was ever read."""
    seen = _readings(facts)
    if not seen:
        return None
    shown = {name: _thin(readings) for name, readings in list(seen.items())[:MOST_DRAWN]}
    budgets = {name: facts.layout["power_rows"][name]["budget_w"] for name in shown}
    shares = {name: readings["watts"] / budgets[name] for name, readings in shown.items()}
    what = "Power of each row as a percentage of its budget, which is the dashed line"
    highest = ", ".join(f"{name} {percent(float(values.max()))}" for name, values in shares.items())
    together = max(-(-len(readings["watts"]) // POINTS) for readings in seen.values())
    several = f", of {together} in a row the highest" if together > 1 else ""
    caption = (
        f"Replication 0. {what}: each reading is the mean since the one before{several}. Shaded where low priority was capped, darker where high "
        f"priority was too, red where the brake acted.{shaded(facts)}"
    )
    if len(seen) > len(shown):
        caption += f" The first {len(shown)} of {len(seen)} rows."
    alt = f"{what}; highest: {highest}; budgets: " + ", ".join(quantity(each, "W") for each in budgets.values()) + "."
    return Picture(Markup(power(facts, shown, shares)), alt, caption)  # noqa: S704 - drawn here, texts escaped


def _thin(readings: Columns) -> Columns:
    """Return at most `POINTS` readings: of neighbours the highest power, the lowest clocks, and whether any was braked."""
    step = -(-len(readings["watts"]) // POINTS)
    first = np.arange(0, len(readings["watts"]), step)
    lowest = ("low_clock", "high_clock")
    return {
        key: (np.minimum if key in lowest else np.maximum).reduceat(values, first) for key, values in readings.items()
    }


def _readings(facts: Facts) -> dict[str, Columns]:
    """Return the readings of each row in replication 0."""
    texts = Texts()
    pieces: dict[str, list[Columns]] = {name: [] for name in facts.layout["power_rows"]}
    for batch in batches(facts.table("power"), COLUMNS, texts):
        for name, mine in pieces.items():
            rows = (batch["replication"] == 0) & (batch["row"] == texts.code(name))
            if rows.any():
                mine.append({key: values[rows] for key, values in batch.items()})
    return {
        name: {key: np.concatenate([piece[key] for piece in mine]) for key in COLUMNS}
        for name, mine in pieces.items()
        if mine
    }
