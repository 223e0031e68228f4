"""`simtier traces info`: what is in a trace, as the file says, before anything is replayed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from simtier.cli.options import TraceDirectories

if TYPE_CHECKING:
    from simtier.traces import Found, Reading
    from simtier.traces.statistics import Numbers, Summary

Name = Annotated[
    str,
    typer.Argument(metavar="NAME_OR_FILE", help="A trace (azure-llm-2023/conv), dataset:PATH, or the path of a file."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Plot = Annotated[Path | None, typer.Option("--plot", metavar="FILE", help="Also draw it: .png, .svg or .pdf.")]
OnErrors = Annotated[
    str, typer.Option("--on-error", metavar="fail|drop", help="Whether a bad row is an error, or left out and counted.")
]

_PERCENTILES = ("min", "p1", "p25", "p50", "p75", "p95", "p99", "max")


def info(
    name: Name,
    *,
    as_json: AsJson = False,
    plot: Plot = None,
    on_error: OnErrors = "fail",
    traces: TraceDirectories = None,
) -> None:
    """Tell rows, span, rate, gaps, dispersion and percentiles of a trace, and what was dropped or assumed in reading it."""
    from simtier.cli.traces.options import error_rule
    from simtier.traces import open_trace, search_directories
    from simtier.traces.guess import find_any
    from simtier.traces.part import writing
    from simtier.traces.paths import check_output, expanded
    from simtier.traces.statistics import plot_trace, summarise

    if plot is not None:
        plot = expanded(plot)
        check_output(plot)
    found = find_any(name, search_directories(traces or ()))
    reading = open_trace(found, error_rule(on_error))
    facts = reading.ledger.facts
    if plot is None:
        summary = summarise(reading.batches(), reading.family, facts)
    else:
        with writing(plot):
            summary = plot_trace(reading.batches(), reading.family, found.name, plot, facts)
    if as_json:
        typer.echo(json.dumps({**_read(found, reading), **summary.as_dict()}, indent=2))
        return
    _print(found, reading, summary)
    if plot is not None:
        typer.echo(f"Drawn to {plot}")


def _read(found: Found, reading: Reading) -> dict[str, Any]:
    ledger = reading.ledger
    return {
        "name": found.name,
        "file": found.label,
        "sha256": reading.sha256,
        "converted_from": reading.converted_from,
        "rows_read": ledger.rows_read,
        "dropped": dict(ledger.dropped),
        "inversions": ledger.inversions,
        "facts": dict(ledger.facts),
        "read_notes": list(reading.notes),
    }


def _print(found: Found, reading: Reading, summary: Summary) -> None:
    from simtier.cli.tables import console, table
    from simtier.report.numbers import quantity

    out = console()
    ledger = reading.ledger
    typer.echo(f"{found.name}: {summary.rows:,} rows of {summary.family}\nFile: {found.label}")
    origin = reading.converted_from
    typer.echo(f"SHA-256{f' of {origin}, from which it was converted' if origin else ''}: {reading.sha256}")
    for reason, rows in sorted(ledger.dropped.items()):
        typer.echo(f"Dropped: {rows:,} of {ledger.rows_read:,} rows: {reason}")
    for note in (*reading.notes, *summary.notes()):
        typer.echo(f"Note: {note}")
    out.print(table("In all", ["what", "value"], _figures(summary, quantity)))
    columns = [[label, *_numbers(numbers, unit)] for label, unit, numbers in _distributions(summary)]
    out.print(table("Columns", ["column", "mean", "sd", "zeros", "none", *_PERCENTILES], columns))
    texts = _texts(summary)
    if texts:
        out.print(table("Texts", ["column", "different", "none", "most frequent"], texts, text=["most frequent"]))


def _figures(summary: Summary, quantity: Any) -> list[list[str]]:
    """Return what is told of the whole trace, line by line; what is not known is left out."""
    rows: list[tuple[str, float | None, str]] = [("span", summary.span_s, "s")]
    if summary.arrivals:
        arrivals = summary.arrivals
        rows += [
            ("rate", arrivals.rate_per_s, "/s"),
            ("gap mean", arrivals.gaps.mean, "s"),
            ("gap CV", arrivals.gap_cv, ""),
            ("rows with the row before (ties)", arrivals.ties, ""),
            ("dispersion of counts in 1 s", arrivals.dispersion_1s, ""),
            ("dispersion of counts in 60 s", arrivals.dispersion_60s, ""),
        ]
    if summary.rates:
        rates = summary.rates
        rows += [
            ("total", rates.total, ""),
            ("series", rates.series, ""),
            ("time per unit", rates.s_per_unit, "s"),
            ("interval CV", rates.interval_cv, ""),
            ("interval dispersion", rates.interval_dispersion, ""),
            ("correlation with 24 h later", rates.lag_24h, ""),
        ]
    if summary.level:
        unit = "B/s" if summary.family == "bandwidth" else ""
        rows += [
            ("mean over time", summary.level.mean, unit),
            ("share of the time above zero", summary.level.share_above_zero, "%"),
        ]
    rows += [(f"{name} (share)", flags.share, "%") for name, flags in summary.flags.items()]
    rows += [
        (f"{name}: hits of a boundless prefix cache", each.hit_ratio, "%") for name, each in summary.blocks.items()
    ]
    if summary.sessions:
        sessions = summary.sessions
        rows += [
            ("sessions", sessions.count, ""),
            ("turns a session", sessions.mean_turns, ""),
            ("most turns", sessions.max_turns, ""),
        ]
    return [[name, quantity(value, unit)] for name, value, unit in rows if value is not None]


def _distributions(summary: Summary) -> list[tuple[str, str, Numbers]]:
    """Return label, unit and figures of whatever has percentiles."""
    from simtier.traces.tables import SCHEMAS

    found: list[tuple[str, str, Numbers]] = []
    if summary.arrivals:
        found.append(("gap", "s", summary.arrivals.gaps))
    if summary.rates:
        found.append(("total of an interval", "", summary.rates.intervals))
    schema = SCHEMAS[summary.family]
    for name, numbers in summary.numbers.items():
        found.append((name, schema.field(name).metadata[b"unit"].decode(), numbers))
    found += [(f"{name} (number)", "", each.lengths) for name, each in summary.blocks.items()]
    return [each for each in found if each[2].count]


def _numbers(numbers: Numbers, unit: str) -> list[str]:
    from simtier.report.numbers import quantity

    shown = "" if unit == "token" else unit
    values = [numbers.mean, numbers.sd]
    told = [quantity(value, shown) for value in values]
    told += [f"{numbers.zeros:,}", f"{numbers.nulls:,}"]
    return told + [quantity(getattr(numbers, name), shown) for name in _PERCENTILES]


def _texts(summary: Summary) -> list[list[str]]:
    rows = []
    for name, labels in summary.labels.items():
        if labels.distinct:
            frequent = ", ".join(f"{_short(text)} ({count:,})" for text, count in labels.top)
            rows.append(
                [name, f"{'more than ' if labels.more else ''}{labels.distinct:,}", f"{labels.nulls:,}", frequent]
            )
    return rows


def _short(text: str) -> str:
    return text if len(text) <= 24 else f"{text[:20]}..."
