"""The page's figures with their captions: what is drawn, what was left out, and what the reader sees."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from simtier.report.facts import Facts
from simtier.report.figures import latency as latency_figure
from simtier.report.figures import panels as panels_figure
from simtier.report.figures import shares as shares_figure
from simtier.report.figures import timeparts as timeparts_figure
from simtier.report.figures import utilisation as utilisation_figure
from simtier.report.figures.panels import Look, Series, panels
from simtier.report.figures.style import BLUE, GREEN, ORANGE, PURPLE, SKY
from simtier.report.latencies import Distribution
from simtier.report.numbers import given, listing, percent, quantity
from simtier.report.timebins import Curve, messages, replicas, samples, utilisation
from simtier.report.timeparts import TimeParts

_ONE = "Replication 0. "


@dataclass(frozen=True)
class Picture:
    """A figure: its SVG, what it says in a sentence for those who do not see it, and its caption."""

    svg: Markup
    alt: str
    caption: str


def latency_picture(facts: Facts, name: str, seen: Distribution) -> Picture:
    """Return the latency distribution of one application."""
    metrics = facts.summary["apps"][name]
    latencies = metrics["latency_s"]
    total = int(seen.pooled().sum())
    alt = f"Latency of {name}: " + ", ".join(f"{key} {quantity(latencies[key], 's')}" for key in ("p50", "p95", "p99"))
    slo = metrics.get("slo")
    target = slo["target_s"] if slo else None
    alt += f"; the target is {given(target, 's')}." if target is not None else "; there is no target."
    caption = f"Share of the {total:,} request{'s' if total != 1 else ''} that ended ok which took at most so long."
    if len(seen.counts) > 1:
        caption += (
            f" The thick curve pools {len(seen.counts)} replications, the thin ones show them apart; the marks are the summary's"
            " percentiles, means over replications, so they may lie beside the thick curve."
        )
    lost = metrics["arrived"] - metrics["ok"]
    if lost:
        caption += f" {lost:,} of {metrics['arrived']:,} requests never ended ok and are not on the curve."
    return Picture(Markup(latency_figure.latency(name, seen, metrics)), alt, caption)  # noqa: S704 - drawn here, texts escaped


def time_picture(facts: Facts, name: str, parts: TimeParts) -> Picture:
    """Return where the time of one application went."""
    chain = facts.is_chain(name)
    way, wait, work = (sum(times[i] for times in parts.rows.values()) for i in range(3))
    alt = (
        f"Mean latency of {name} {quantity(parts.latency_s, 's')}: on the way {quantity(way, 's')}, waiting {quantity(wait, 's')}, "
        f"in service {quantity(work, 's')}, answer's way back {quantity(parts.back_s, 's')}."
    )
    caption = (
        "Means over all requests that ended ok, also over those that did not take a stage at a tier, so that "
        + ("the bars add up to the mean latency. " if chain else "they can be compared. ")
        + (
            ""
            if chain
            else "Stages or their parts overlap in time here, so the bars do not add up to the mean latency. "
        )
        + "On the way there: network transfer"
        + (", and of keys and values the wait for room there" if facts.divides_tokens(name) else "")
        + ". Waiting: in the replica's queue, and before that for a replica"
        + ("." if chain else "; where stages join, also the wait for the last input.")
    )
    if len(parts.rows) > timeparts_figure.MOST:
        caption += f" The first {timeparts_figure.MOST} of {len(parts.rows)} bars; the table has all."
    return Picture(Markup(timeparts_figure.timeparts(name, parts, chain=chain)), alt, caption)  # noqa: S704 - as above


def shares_picture(facts: Facts, name: str, parts: TimeParts) -> Picture:
    """Return how often each part of a split DNN, or of an answer, ran on which tier."""
    tiers = list(dict.fromkeys(info["tier"] for info in facts.layout["nodes"].values()))
    top = list(parts.shares.items())[:3]
    alt = (
        f"Most often {name} ran "
        + "; ".join(f"{part} on {tier}, {percent(share)}" for (_, part, tier), share in top)
        + "."
    )
    what = "this part was computed" if facts.divides_tokens(name) else "these layers ran"
    caption = f"Share of the requests that ended ok for which {what} there; one request may run parts on several tiers."
    if len(parts.shares) > shares_figure.MOST:
        rest = list(parts.shares.values())[shares_figure.MOST :]
        caption += f" The {shares_figure.MOST} most frequent; {len(rest)} others, each at most {percent(max(rest))}, are in the table."
    return Picture(Markup(shares_figure.shares(name, dict(parts.shares), tiers)), alt, caption)  # noqa: S704 - as above


def utilisation_picture(facts: Facts) -> Picture | None:
    """Return how busy cores and accelerators were over time; None if nothing ran."""
    edges, curves = utilisation(facts)
    used = {key: values for key, values in curves.items() if values.max() > 0}
    if not used:
        return None
    top = sorted(used, key=lambda key: -used[key].mean())[: utilisation_figure.MOST]
    shown = {key: used[key] for key in used if key in top}
    width = edges[1] - edges[0]
    caption = f"{_ONE}Share of cores, or of accelerator time, in use, in bins of {quantity(float(width), 's')}.{shaded(facts)}"
    if len(used) > len(shown):
        least = min(values.mean() for values in shown.values())
        caption += (
            f" The {len(shown)} busiest of {len(used)}; the others were in use less than {percent(least)} on average."
        )
    idle = [name for name in facts.layout["nodes"] if not any(group == name for group, _ in used)]
    if idle:
        caption += f" Never in use: {listing(idle)}."
    alt = (
        "Mean share in use: "
        + ", ".join(f"{group} {kind} {percent(values.mean())}" for (group, kind), values in shown.items())
        + "."
    )
    return Picture(Markup(utilisation_figure.utilisation(facts, edges, shown)), alt, caption)  # noqa: S704 - as above


def queue_picture(facts: Facts) -> Picture | None:
    """Return queued and running requests of services and platforms over time; None without samples, or if nothing was seen."""
    looks = (Look("queued", "waiting", ORANGE, filled=True), Look("running", "running", BLUE))
    found = {**samples(facts, "service"), **_on_platforms(samples(facts, "platform"))}
    seen = {
        name: {look.key: metrics[look.key] for look in looks if look.key in metrics} for name, metrics in found.items()
    }
    what = f"Requests waiting and running at each service{' and platform' if facts.layout['platforms'] else ''}"
    step = _step(seen)
    return _load(facts, seen, looks, ("requests", what, f"looked at every {step}; what passes in between is not seen"))


def _on_platforms(found: Mapping[str, Mapping[str, Series]]) -> dict[str, dict[str, Series]]:
    """Return samples of platforms as those of services: running is what does not wait."""
    return {
        name: {"queued": metrics["queued"], "running": (times, in_flight - metrics["queued"][1])}
        for name, metrics in found.items()
        for times, in_flight in [metrics["in_flight"]]
    }


def link_picture(facts: Facts) -> Picture | None:
    """Return messages that wait for links and are in transmission, over time; None if there were none."""
    looks = (Look("queued", "waiting", ORANGE, filled=True), Look("active", "in transmission", GREEN))
    edges, found = messages(facts)
    seen = {name: {key: series(edges, values) for key, values in metrics.items()} for name, metrics in found.items()}
    what = "Messages waiting and in transmission in each group of links"
    return _load(facts, seen, looks, ("messages", what, f"means in bins of {_step(seen)}"))


def _load(
    facts: Facts,
    seen: Mapping[str, Mapping[str, Series]],
    looks: tuple[Look, ...],
    words: tuple[str, str, str],
) -> Picture | None:
    """Return panels of those that were ever busy; `words` are the unit, what is shown, and how it was measured."""
    unit, what, how = words
    used = {name: metrics for name, metrics in seen.items() if any(values.max() > 0 for _, values in metrics.values())}
    if not used:
        return None
    shown, caption = busiest(used)
    idle = [name for name in seen if name not in used]
    if idle:
        caption += f" Nothing was seen at {listing(idle)}."
    alt = f"{what}; highest: " + ", ".join(
        f"{name} {max(float(values.max()) for _, values in metrics.values()):.4g}" for name, metrics in shown.items()
    )
    svg = Markup(panels(unit, facts, shown, looks, unit))  # noqa: S704 - as above
    return Picture(svg, alt + ".", f"{_ONE}{what}, {how}.{caption}{shaded(facts)}")


def series(edges: Curve, values: Curve) -> Series:
    """Return means in bins as steps that reach the last edge."""
    return edges, np.append(values, values[-1])


def replica_picture(facts: Facts) -> tuple[Picture | None, str]:
    """Return the replicas of services over time, and in words the services whose replicas never changed."""
    edges, found = replicas(facts)
    looks = (
        Look("starting", "starting", SKY, filled=True),
        Look("draining", "draining", PURPLE),
        Look("ready", "ready", BLUE),
    )
    constant: dict[float, list[str]] = defaultdict(list)
    changing: dict[str, dict[str, Series]] = {}
    for name, states in found.items():
        ready = states.get("ready", np.zeros(len(edges) - 1))
        if len(states) <= 1 and np.ptp(ready) < 1e-6:
            constant[round(float(ready[0]), 6)].append(name)
        else:
            changing[name] = {state: series(edges, values) for state, values in states.items()}
    words = "; ".join(f"{number:g} of {listing(names)}" for number, names in constant.items())
    if not changing:
        return None, words
    shown, caption = busiest(changing)
    caption = (
        f"{_ONE}Replicas by state, means in bins of {quantity(float(edges[1] - edges[0]), 's')}."
        + caption
        + shaded(facts)
    )
    alt = "Replicas ready, at most: " + ", ".join(
        f"{name} {states['ready'][1].max():.4g}" for name, states in shown.items() if "ready" in states
    )
    return Picture(Markup(panels("replicas", facts, shown, looks, "replicas")), alt + ".", caption), words  # noqa: S704 - as above


def busiest(used: Mapping[str, Mapping[str, Series]]) -> tuple[dict[str, Mapping[str, Series]], str]:
    """Return those with the highest mean that fit into a figure, and what to say of the others."""
    most = panels_figure.MOST
    mean = {title: sum(float(values.mean()) for _, values in metrics.values()) for title, metrics in used.items()}
    top = sorted(used, key=lambda title: -mean[title])[:most]
    caption = f" The {most} with the highest mean of {len(used)}; the tables have all." if len(used) > most else ""
    return {title: used[title] for title in used if title in top}, caption


def _step(seen: Mapping[str, Mapping[str, Series]]) -> str:
    """Return how far points lie apart, in words."""
    times = next((times for metrics in seen.values() for times, _ in metrics.values()), np.zeros(1))
    return quantity(float(times[1] - times[0]) if len(times) > 1 else 0.0, "s")


def shaded(facts: Facts) -> str:
    """Return what the shaded parts of plots over time are."""
    parts = ["the warm-up"] if facts.warmup_s else []
    parts += ["the time after the last arrivals"] if facts.duration_s < facts.until_s else []
    return f" Shaded: {' and '.join(parts)}." if parts else ""
