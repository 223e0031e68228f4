"""The page of a comparison, and everything on it as data."""

from __future__ import annotations

import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from simtier import __version__
from simtier.report.comparison_pictures import forest_picture, means_picture
from simtier.report.comparison_tables import all_differences, rankings, seen_tables, variants_table
from simtier.report.verdict_words import decided, ranking_words, sentence
from simtier.report.writing import dump, environment, plain, put
from simtier.runner import PACKAGES
from simtier.study import Compared
from simtier.study.compared import Against, InMetric

FORMAT = 1
"""Version of comparison.json."""


def write_comparison(
    compared: Compared, folder: Path, how_made: str, *, question: str = "", scenario: str = ""
) -> Path:
    """Write `comparison.json` and `comparison.html` into `folder`, made if need be, and return the path of the page.

    The same comparison gives the same bytes.

    Args:
        compared: what was found.
        folder: where to write.
        how_made: the command that makes it again.
        question: what the scenario asks, if it does.
        scenario: its name or file.

    Raises ResultError if `folder` cannot be written.
    """
    versions = {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}
    document = {
        **as_document(compared),
        "how_made": how_made,
        "question": question,
        "scenario": scenario,
        "versions": versions,
    }
    page = environment().get_template("comparison.html.j2")
    text = page.render(
        compared=compared,
        document=document,
        names=[variant.name for variant in compared.variants],
        verdicts=[_verdict(each, against) for each in compared.metrics for against in each.against],
        rankings=[(ranking_words(metric), table) for metric, table in rankings(compared)],
        decided=decided(compared),
        table=all_differences(compared),
        variants=variants_table(compared),
        measured=seen_tables(compared),
        forest=forest_picture(compared),
        means=means_picture(compared),
    )
    put(Path(folder) / "comparison.json", dump(document))
    put(Path(folder) / "comparison.html", text + "\n")
    return Path(folder) / "comparison.html"


def as_document(compared: Compared) -> dict[str, Any]:
    """Return a comparison as plain data for JSON, in full precision; what is not known is None."""
    return {
        "format": FORMAT,
        "version": __version__,
        "variants": [{"name": each.name, "changes": dict(each.changes)} for each in compared.variants],
        "replications": compared.replications,
        "how": compared.how,
        "alpha": compared.alpha,
        "confidence": compared.confidence,
        "precise": compared.precise,
        "warmup_s": plain(compared.warmup_s),
        "notes": list(compared.notes),
        "metrics": [_metric(each) for each in compared.metrics],
        "fingerprints": plain(compared.fingerprints),
    }


def _metric(metric: InMetric) -> dict[str, Any]:
    return {
        "name": metric.name,
        "direction": metric.direction,
        "base": metric.base,
        "values": plain(metric.values),
        "against": [_against(metric, each) for each in metric.against],
        "ranking": _ranking(metric),
    }


def _against(metric: InMetric, each: Against) -> dict[str, Any]:
    found = each.comparison
    derived = {
        "half_width": found.half_width,
        "relative": found.relative,
        "relative_low": found.share(found.low),
        "relative_high": found.share(found.high),
    }
    return {
        "variant": each.variant,
        "verdict": each.verdict,
        "sentence": sentence(metric.name, each, metric.base),
        "needed": each.needed,
        "p_adjusted": plain(each.p_adjusted),
        "comparison": {**plain(found), **plain(derived)},
    }


def _ranking(metric: InMetric) -> dict[str, Any] | None:
    ranking = metric.ranking
    if ranking is None:
        return None
    pairs = [
        {
            "better": better,
            "worse": worse,
            "p_adjusted": plain(ranking.adjusted[better, worse]),
            "comparison": plain(comparison),
        }
        for (better, worse), comparison in ranking.comparisons.items()
    ]
    return {"order": plain(ranking.order), "pairs": pairs, "confidence": ranking.confidence}


def _verdict(metric: InMetric, against: Against) -> dict[str, str]:
    kinds = {"better": "met", "worse": "missed"}
    return {
        "kind": kinds.get(against.verdict, "open"),
        "word": against.verdict,
        "metric": metric.name,
        "variant": against.variant,
        "sentence": sentence(metric.name, against, metric.base),
    }
