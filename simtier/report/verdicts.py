"""Service-level objectives in words: what was promised, what was kept, and whether to trust the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simtier.report.facts import Facts
from simtier.report.numbers import Shown, measured, promised, targets


@dataclass(frozen=True)
class Verdict:
    """One application's objective.

    Attributes:
        app: the application.
        kind: "met", "missed", "open" (nothing could be judged) or "none" (nothing was promised).
        promise: what was promised, in words.
        attainment: share of requests within the targets.
        trust: what the half-width says of the verdict.
        several: whether a request had several targets to meet.
    """

    app: str
    kind: str
    promise: str
    attainment: Shown
    trust: str
    several: bool = False


def verdicts(facts: Facts) -> list[Verdict]:
    """Return the verdict on each application, in the order of the scenario."""
    return [_verdict(name, app.get("slo"), facts) for name, app in facts.summary["apps"].items()]


def _verdict(name: str, slo: Mapping[str, Any] | None, facts: Facts) -> Verdict:
    if slo is None:
        return Verdict(name, "none", "No objective was set.", Shown(""), "")
    promise = f"{slo['percentile']:g} % of requests {promised(slo)}"
    attained = slo.get("attainment")
    if attained is None:
        return Verdict(
            name,
            "open",
            promise,
            Shown("no request could be judged"),
            "No request arrived after the warm-up, or none came due.",
        )
    kind = "met" if slo["met"] else "missed"
    trust = _trust(slo, attained, facts)
    return Verdict(name, kind, promise, measured(slo, "attainment", "%"), trust, targets(slo) > 1)


def _trust(slo: Mapping[str, Any], attained: float, facts: Facts) -> str:
    if facts.interrupted:
        return "The run was interrupted: this holds for what was simulated, and is no verdict on the whole run."
    half = (slo.get("half_width_95") or {}).get("attainment")
    if half is None:
        return "One replication: how far chance moved this number is unknown. Run several for an interval."
    distance = abs(attained - slo["percentile"] / 100)
    runs = f"{len(facts.ended_s)} replications"
    if half >= distance:
        return f"The 95 % interval over {runs} spans the promise, so chance could turn this verdict: run more replications."
    return f"The 95 % interval over {runs} lies clear of the promise."
