"""The page: reads a result directory, fills the template, and puts the files in place whole."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
from markupsafe import Markup

from simtier.errors import ResultError
from simtier.report import llm, pictures, platforms, power, tables, topology
from simtier.report.decisions import decisions
from simtier.report.facts import Facts
from simtier.report.latencies import distributions
from simtier.report.numbers import given
from simtier.report.timeline import MOST, RULE, dump, timeline
from simtier.report.timeparts import TimeParts, time_parts
from simtier.report.verdicts import verdicts
from simtier.report.writing import environment, put

MOST_DRAWN = 12
"""Applications with figures of their own, at most."""


def write_report(directory: Path) -> Path:
    """Write `report.html` and `timeline.json` into a result directory and return the path of the page.

    The same result gives the same bytes. Raises ResultError if `directory` holds no complete result or cannot be written.
    """
    directory = Path(directory)
    facts = Facts(directory)
    try:
        trace = timeline(facts)
        page = _render(facts, trace["otherData"]["requests"])
    except (KeyError, IndexError, TypeError, pa.ArrowException) as error:
        raise ResultError(
            f"{directory} does not hold a complete result ({type(error).__name__}: {error}): run the scenario again"
        ) from error
    put(directory / "timeline.json", dump(trace))
    put(directory / "report.html", page)
    return directory / "report.html"


def _render(facts: Facts, sampled: int) -> str:
    templates = environment()
    drawing = topology.drawing(facts)
    shown = templates.get_template("topology.svg.j2")
    svg = shown.render(d=drawing, box_w=topology.BOX_W, label_w=topology.LABEL_W)
    drawn = Markup(svg)  # noqa: S704 - its template escapes
    page = templates.get_template("page.html.j2")
    return page.render(_content(facts), drawing=drawing, topology=drawn, sampled=sampled) + "\n"


def _content(facts: Facts) -> dict[str, Any]:
    """Return everything the template shows."""
    replica_picture, constant = pictures.replica_picture(facts)
    explained, kept = decisions(facts)
    seen, parts = distributions(facts), time_parts(facts)
    drawn = _drawn(facts, seen)
    return {
        "document": facts.document,
        "scenario": facts.scenario,
        "facts": facts,
        "verdicts": verdicts(facts),
        "outcomes": tables.outcomes(facts),
        "latency_table": tables.latencies(facts),
        "latencies": {name: pictures.latency_picture(facts, name, seen[name]) for name in drawn},
        "undrawn": len(seen) - len(drawn),
        "times": [_times(facts, name, parts[name]) for name in drawn],
        "llm": llm.content(facts),
        "power": power.content(facts),
        "platforms": platforms.content(facts),
        "utilisation": pictures.utilisation_picture(facts),
        "queues": pictures.queue_picture(facts),
        "link_picture": pictures.link_picture(facts),
        "replicas": replica_picture,
        "constant_replicas": constant,
        "part_tables": [tables.services(facts), tables.nodes(facts), tables.links(facts), tables.bills(facts)],
        "workloads": tables.workloads(facts),
        "policies": tables.policies(facts),
        "decisions": explained,
        "decisions_kept": kept,
        "window": _window(facts),
        "timeline_rule": RULE.format(f"{MOST:,}"),
        "resolved": _resolved(facts),
    }


def _drawn(facts: Facts, seen: Mapping[str, Any]) -> list[str]:
    """Return the applications that get figures, in the order of the scenario: those with the most requests if they are many."""
    most = sorted(seen, key=lambda name: -facts.summary["apps"][name]["ok"])[:MOST_DRAWN]
    return [name for name in facts.scenario["apps"] if name in most]


def _times(facts: Facts, name: str, parts: TimeParts) -> dict[str, Any]:
    chain = facts.is_chain(name)
    what = "parts" if facts.divides_tokens(name) else "layers"
    shown = what == "layers" or len({tier for _, _, tier in parts.shares}) > 1
    return {
        "app": name,
        "picture": pictures.time_picture(facts, name, parts),
        "table": tables.where_time_went(name, parts, chain=chain),
        "shares": pictures.shares_picture(facts, name, parts) if parts.shares and shown else None,
        "share_table": tables.part_shares(name, parts, what) if parts.shares and shown else None,
        "parts": what,
    }


def _window(facts: Facts) -> str:
    """Return in words which part of the run the numbers are about."""
    runs = len(facts.ended_s)
    several = f", in each of {runs} replications" if runs > 1 else ""
    drain = max(max(facts.ended_s, default=0.0) - facts.duration_s, 0.0)
    after = f", and {given(drain, 's')} to finish what had begun" if drain else ""
    warmup = f" after a warm-up of {given(facts.warmup_s, 's')}" if facts.warmup_s else ""
    verb = "Planned were" if facts.interrupted else "Counted are"
    return f"{verb} {given(facts.duration_s - facts.warmup_s, 's')} of simulated time{warmup}{after}{several}."


def _resolved(facts: Facts) -> str:
    path = facts.directory / "scenario.yaml"
    return path.read_text(encoding="utf-8") if path.exists() else ""
