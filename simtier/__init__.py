"""simtier: which policy should make this decision, and can I trust the answer?

A simulator of machine-learning applications over devices, edge servers and clouds. `Scenario.load` reads a scenario, `run` plays
it, the `Result` has the tables and the summary. Policy authors subclass a kind of policy from here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simtier.contract import (
        REJECT,
        WAIT,
        Admission,
        Autoscaling,
        Balancing,
        Batching,
        Caps,
        Disaggregation,
        Divide,
        EngineReplicaView,
        ExpertPlacement,
        Fetch,
        Hold,
        Instance,
        IterationBatching,
        KeepAlive,
        Loan,
        Move,
        Partitioning,
        Placement,
        Plan,
        Policy,
        PowerCapping,
        Rebalancing,
        Routing,
        RunFor,
        Scheduling,
        Spot,
        runs_engine,
    )
    from simtier.results import Result
    from simtier.runner import Progress, run
    from simtier.scenario import Scenario

_PLACES = {
    "Result": "simtier.results",
    "Progress": "simtier.runner",
    "run": "simtier.runner",
    "Scenario": "simtier.scenario",
}

__all__ = [
    "REJECT",
    "WAIT",
    "Admission",
    "Autoscaling",
    "Balancing",
    "Batching",
    "Caps",
    "Disaggregation",
    "Divide",
    "EngineReplicaView",
    "ExpertPlacement",
    "Fetch",
    "Hold",
    "Instance",
    "IterationBatching",
    "KeepAlive",
    "Loan",
    "Move",
    "Partitioning",
    "Placement",
    "Plan",
    "Policy",
    "PowerCapping",
    "Progress",
    "Rebalancing",
    "Result",
    "Routing",
    "RunFor",
    "Scenario",
    "Scheduling",
    "Spot",
    "run",
    "runs_engine",
]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `simtier --help` need not wait for pandas."""
    if name not in __all__:
        raise AttributeError(f"module 'simtier' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - see above

    return getattr(import_module(_PLACES.get(name, "simtier.contract")), name)
