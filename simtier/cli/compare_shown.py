"""A comparison as `simtier compare` prints it: verdicts in words, a table, and where the page lies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from simtier.cli.tables import console, table

if TYPE_CHECKING:
    from simtier.study import Compared

_SENTENCES = 40
"""Verdicts in words, at most; the page has all."""
_COLUMNS = ("metric", "variant", "base", "variant's", "difference", "relative", "p", "verdict")


def show_compared(compared: Compared, page: Path) -> None:
    """Print what a comparison found; `page` is where its page was written."""
    from simtier.report.metric_words import amount, number, relative
    from simtier.report.verdict_words import ranking_words, sentences

    to = console()
    told = sentences(compared)
    for line in told[:_SENTENCES]:
        to.print(line, soft_wrap=True)
    if len(told) > _SENTENCES:
        to.print(f"and {len(told) - _SENTENCES} more verdicts, in the table")
    rows = [
        [
            metric.name,
            each.variant,
            number(metric.name, each.comparison.base).text,
            number(metric.name, each.comparison.other).text,
            amount(metric.name, each.comparison.difference, each.comparison.half_width).text,
            relative(metric.name, each.comparison).text,
            _p(each.p_adjusted, each.comparison.p_value),
            each.verdict,
        ]
        for metric in compared.metrics
        for each in metric.against
    ]
    to.print(table(f"Against {compared.variants[0].name}", _COLUMNS, rows, text=("variant", "verdict")))
    for metric in compared.metrics:
        if metric.ranking is not None and any(each.verdict != "same" for each in metric.against):
            to.print(ranking_words(metric), soft_wrap=True)
    for note in compared.notes:
        to.print(f"Note: {note}", soft_wrap=True)
    to.print(_how(compared), soft_wrap=True)
    to.print(f"Page: {page}", soft_wrap=True)


def _p(adjusted: float, own: float) -> str:
    if own != own:  # noqa: PLR0124 - NaN is the only number that differs from itself
        return ""
    return "< 0.0001" if adjusted < 1e-4 else f"{adjusted:.2g}"


def _how(compared: Compared) -> str:
    level = f"{100 * compared.confidence:.4g} % intervals"
    if compared.how == "batches":
        return f"By batch means of one run of each variant, {level}."
    reached = {
        None: "",
        True: "; the precision asked for is reached",
        False: "; the precision asked for is not reached",
    }
    corrected = ", p-values corrected for several variants (Holm)" if len(compared.variants) > 2 else ""
    return f"{compared.replications} replications of each variant, {level}{corrected}{reached[compared.precise]}."
