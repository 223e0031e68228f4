"""`simtier validate`: every mistake in a scenario, without running it."""

from __future__ import annotations

import typer

from simtier.cli.options import Changes, Debug, ScenarioFile, TraceDirectories


def validate(
    scenario: ScenarioFile, *, changes: Changes = None, traces: TraceDirectories = None, _debug: Debug = False
) -> None:
    """List every mistake in a scenario."""
    from simtier.scenario.check import require_valid
    from simtier.scenario.load import load

    loaded = load(scenario, changes or ())
    require_valid(loaded, traces or ())
    nodes = sum(group.count for group in loaded.nodes.values())
    typer.echo(
        f"{scenario} is valid: scenario {loaded.name!r} with {nodes} nodes, {len(loaded.services)} services, "
        f"{len(loaded.apps)} apps, {len(loaded.workloads)} workloads"
    )
