"""Payloads: what calls of functions bring and return, against what their platform takes."""

from __future__ import annotations

from collections.abc import Iterator

from simtier.errors import Problem
from simtier.scenario.checks.apps import before
from simtier.scenario.checks.facts import Facts
from simtier.scenario.services import App


def payloads(facts: Facts) -> Iterator[Problem]:
    """Yield calls that bring or return more than the platform takes; sizes that are only known in the run are not checked."""
    for name, app in facts.scenario.apps.items():
        parents = before(app)
        ends = set(app.stages) - {parent for names in parents.values() for parent in names}
        for key, stage in app.stages.items():
            platform = facts.scenario.platforms.get(stage.service or "")
            limit = platform.payload_limit if platform is not None else None
            if limit is None:
                continue
            says = f"B, and platform {stage.service!r} takes {limit:g} B (payload_limit)"
            returned = app.response if key in ends else stage.output
            if returned > limit:
                path = ("apps", name, "response") if key in ends else ("apps", name, "stages", key, "output")
                yield facts.problem(path, f"stage {key!r} returns {returned:g} {says}")
            brought = _handed_on(app, parents[key])
            if brought > limit:
                yield facts.problem(("apps", name, "stages", key), f"stage {key!r} gets {brought:g} {says}")
            if not parents[key]:
                yield from _requests(facts, name, limit, says)


def _handed_on(app: App, parents: tuple[str, ...]) -> float:
    """Return the bytes that a stage gets from those before it, all together."""
    return sum(app.stages[parent].output * app.stages[parent].copies for parent in parents if parent in app.stages)


def _requests(facts: Facts, app: str, limit: float, says: str) -> Iterator[Problem]:
    for name, workload in facts.scenario.workloads.items():
        if workload.app == app and workload.request > limit:
            yield facts.problem(("workloads", name, "request"), f"a request brings {workload.request:g} {says}")
