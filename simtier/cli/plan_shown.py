"""Plans as `simtier plan` prints them: tables, or JSON."""

from __future__ import annotations

import json
from math import isnan
from typing import Any

import typer

from simtier.cli.tables import console, table
from simtier.planning.alpaserve import Placement, SharedPlan
from simtier.planning.plans import Plan, rate_text

_PER_HOUR = 3600.0


def show(plan: Plan, *, as_json: bool) -> None:
    """Print a plan of pools."""
    if as_json:
        typer.echo(json.dumps(described(plan), indent=2))
        return
    asked, promise = plan.question, plan.question.promise
    rows = [
        [
            pool.role,
            pool.hardware,
            str(pool.division.tensor),
            str(pool.division.pipeline),
            str(pool.replicas),
            str(pool.accelerators),
            "" if pool.goodput is None else rate_text(pool.goodput),
        ]
        for pool in plan.pools
    ]
    columns = ["pool", "accelerator", "tensor", "pipeline", "replicas", "accelerators", "requests/s of a replica"]
    console().print(table(f"{plan.method}: pools for {asked.app}", columns, rows, text=("accelerator",)))
    typer.echo(
        f"Promised: {promise.share:.0%} within {promise.ttft_s:g} s to the first token and {promise.tpot_s:g} s per token."
    )
    typer.echo(
        f"All pools together: {rate_text(plan.goodput)} requests/s on {plan.accelerators:,} accelerators, {rate_text(plan.per_accelerator)} on each; "
        f"{_simulated(plan)}."
    )
    for note in _notes(plan):
        typer.echo(f"{note[0].upper()}{note[1:]}.")
    number, seed = len(asked.load.requests), asked.scenario.run.seed
    typer.echo(f"{plan.simulations} simulations, {number} requests for each replica, seed {seed}.")


def _simulated(plan: Plan) -> str:
    """Return what came of all pools together."""
    if isnan(plan.attained):
        return "there are fewer, so they are not simulated together"
    width = "" if isnan(plan.half_width) else f" ± {plan.half_width:.1%}"
    return f"simulated at {rate_text(plan.checked_at)} requests/s, {plan.attained:.1%}{width} are in time"


def _notes(plan: Plan) -> list[str]:
    """Return what else is to be said."""
    notes = list(plan.notes)
    if plan.price is not None:
        price = f"{plan.price * _PER_HOUR:.4g} USD/hour" if plan.unit == "cost" else f"{plan.price:.4g} W"
        notes.insert(0, f"all machines: {price}")
    other = plan.colocated
    if other is not None and other.division is None:
        notes.append("without pools, no division keeps the promise")
    elif other is not None:
        better = ", more than these pools take: whole replicas are the better choice here"
        notes.append(
            f"without pools, with {other.division}: {rate_text(other.per_accelerator)} requests/s on each accelerator"
            f"{better if other.per_accelerator > plan.per_accelerator else ''}"
        )
    return notes


def described(plan: Plan) -> dict[str, Any]:
    """Return a plan as plain data."""
    asked, other = plan.question, plan.colocated
    found: dict[str, Any] = {
        "method": plan.method,
        "scenario": asked.scenario.name,
        "app": asked.app,
        "rate_per_s": plan.checked_at,
        "ttft_s": asked.promise.ttft_s,
        "tpot_s": asked.promise.tpot_s,
        "attainment": asked.promise.share,
        "requests": len(asked.load.requests),
        "seed": asked.scenario.run.seed,
        "simulations": plan.simulations,
        "pools": [
            {
                "role": pool.role,
                "hardware": pool.hardware,
                "tensor": pool.division.tensor,
                "pipeline": pool.division.pipeline,
                "replicas": pool.replicas,
                "accelerators": pool.accelerators,
                "goodput_per_s_of_a_replica": pool.goodput,
            }
            for pool in plan.pools
        ],
        "accelerators": plan.accelerators,
        "goodput_per_s": plan.goodput,
        "goodput_per_s_of_an_accelerator": plan.per_accelerator,
        "attained": None if isnan(plan.attained) else plan.attained,
        "attained_half_width_95": None if isnan(plan.half_width) else plan.half_width,
        "notes": list(plan.notes),
        "trouble": plan.trouble,
    }
    if plan.price is not None:
        found["dollars_per_s" if plan.unit == "cost" else "watts"] = plan.price
    if other is not None:
        found["without_pools"] = {
            "tensor": other.division.tensor if other.division else None,
            "pipeline": other.division.pipeline if other.division else None,
            "goodput_per_s_of_an_accelerator": other.per_accelerator,
        }
    return found


def show_shared(plan: SharedPlan, *, as_json: bool) -> None:
    """Print a plan of several models on groups of accelerators."""
    if as_json:
        typer.echo(json.dumps(described_shared(plan), indent=2))
        return
    placements = [("shared", plan.shared)] + ([("one model each", plan.apart)] if plan.apart is not None else [])
    rows = [
        [
            name,
            str(placed.division.tensor),
            str(placed.division.pipeline),
            "; ".join(", ".join(models) or "nothing" for models in placed.groups),
            f"{placed.attained:.1%}",
            f"{placed.times_rate:.3g}",
        ]
        for name, placed in placements
    ]
    columns = ["groups", "tensor", "pipeline", "models of each group", "in time", "times the rates"]
    console().print(
        table(f"alpaserve: models of {plan.scenario.name} on {plan.hardware}", columns, rows, text=(columns[3],))
    )
    typer.echo(f"In time: at the scenario's rates. Times the rates: so many times these keep {plan.share:.0%} in time.")
    if plan.apart is None:
        typer.echo("One model each: there are too few groups.")
    typer.echo(f"{plan.simulations} simulations of {plan.requests} requests, seed {plan.scenario.run.seed}.")


def described_shared(plan: SharedPlan) -> dict[str, Any]:
    """Return such a plan as plain data."""
    return {
        "method": "alpaserve",
        "scenario": plan.scenario.name,
        "hardware": plan.hardware,
        "attainment": plan.share,
        "requests": plan.requests,
        "seed": plan.scenario.run.seed,
        "simulations": plan.simulations,
        "shared": _placement(plan.shared),
        "one_model_each": None if plan.apart is None else _placement(plan.apart),
    }


def _placement(placed: Placement) -> dict[str, Any]:
    return {
        "tensor": placed.division.tensor,
        "pipeline": placed.division.pipeline,
        "groups": [list(models) for models in placed.groups],
        "attained": placed.attained,
        "times_rate": placed.times_rate,
    }
