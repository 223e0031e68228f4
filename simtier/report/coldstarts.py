"""Cold starts of function platforms, read from the tables: how long they took, and what instances did over time."""

from __future__ import annotations

import numpy as np

from simtier.metrics.platforms import GROUPS
from simtier.metrics.reading import Texts, batches, by_replication
from simtier.metrics.starts import within
from simtier.report.facts import Facts
from simtier.report.latencies import Distribution
from simtier.report.timebins import Bins, Curve


def cold_starts(facts: Facts) -> dict[str, Distribution]:
    """Return for each platform with any the times of its cold starts that began after the warm-up and were done before the end."""
    texts = Texts()
    found: dict[str, Distribution] = {}
    columns = ("replication", "service", "began_s", "ready_s")
    for batch in batches(facts.table("starts"), columns, texts):
        for number, rows in by_replication(batch):
            took_s = rows["ready_s"] - rows["began_s"]
            counted = within(rows["began_s"], (facts.warmup_s, np.inf)) & ~np.isnan(took_s)
            for platform in np.unique(rows["service"][counted]):
                mine = took_s[counted & (rows["service"] == platform)]
                found.setdefault(texts.names[platform], Distribution()).add(number, mine)
    return {name: found[name] for name in facts.layout["platforms"] if name in found}


def instances(facts: Facts) -> tuple[Curve, dict[str, dict[str, Curve]]]:
    """Return bin edges (s) and, for each platform, the mean number of "starting", "idle" and "busy" instances in each bin."""
    bins, texts = Bins(facts.until_s), Texts()
    platforms = {texts.code(name): name for name in facts.layout["platforms"]}
    groups = {group: [texts.code(state) for state in states] for group, states in GROUPS.items()}
    for batch in batches(facts.table("replicas"), ("replication", "service", "state", "start_s", "end_s"), texts):
        first = batch["replication"] == 0
        for code, name in platforms.items():
            for group, states in groups.items():
                rows = first & (batch["service"] == code) & np.isin(batch["state"], states)
                if rows.any():
                    bins.add((name, group), batch["start_s"][rows], batch["end_s"][rows], np.ones(int(rows.sum())))
    return bins.edges, {
        name: {group: bins.mean((name, group)) for group in groups if (name, group) in bins}
        for name in platforms.values()
    }
