"""Making environments; needs Gymnasium and greenlet."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simtier.errors import SimtierError
from simtier.learning.decisions import KINDS
from simtier.learning.reward import RewardRule

if TYPE_CHECKING:
    from simtier.learning.environment import PolicyEnv
    from simtier.scenario import Scenario
    from simtier.scenario.changes import Changes

IDS = {kind: f"simtier/{kind.capitalize()}-v0" for kind in KINDS}
"""Gymnasium's name of the environment of each kind."""
PACKAGES = {"gymnasium": "Gymnasium", "greenlet": "greenlet"}
"""What environments need besides simtier."""


def make(
    scenario: Scenario | Path | str,
    decide: str | None = None,
    *,
    reward: RewardRule | None = None,
    changes: Changes = (),
    traces: Sequence[Path] = (),
    most: int | None = None,
    cuts: Sequence[int] | None = None,
    kind: str | None = None,
) -> PolicyEnv:
    """Return one policy of a scenario as a Gymnasium environment.

    Args:
        scenario: a scenario, or its file.
        decide: the policy: "services.front.policies.autoscaling", "services.front.policies.routing",
            "apps.detect.policies.partitioning", or "apps.detect.stages.detector.partitioning" where several stages are split. May be left
            out where there is only one. All others keep the scenario's policies.
        reward: points for what happened since the action before; `Reward()` if not given.
        changes: made to the scenario in a file, such as `["run.duration=60 s"]`.
        traces: directories in which traces are looked for first.
        most: for autoscaling and routing, about how many replicas is decided; as many as there can be if not given.
        cuts: for partitioning, layer numbers at which a network may be cut; all of them if not given.
        kind: of the policy, if `decide` is left out.

    Raises ScenarioError with every mistake of the scenario, PolicyError for what cannot be decided, SimtierError without Gymnasium.
    """
    try:
        environment = importlib.import_module("simtier.learning.environment")
    except ModuleNotFoundError as error:
        if error.name not in PACKAGES:
            raise
        raise SimtierError(f"learning needs {PACKAGES[error.name]}: pip install 'simtier[gym]'") from error
    subjects = importlib.import_module("simtier.learning.subjects")
    loaded = _loaded(scenario, changes)
    subject = subjects.find_subject(loaded, kind, decide, traces, most, cuts)
    made: PolicyEnv = environment.PolicyEnv(subject, reward)
    return made


def register() -> None:
    """Tell Gymnasium the names of the environments; does nothing without it."""
    try:
        registration: Any = importlib.import_module("gymnasium.envs.registration")
    except ModuleNotFoundError:
        return
    for kind, name in IDS.items():
        if name not in registration.registry:
            registration.register(name, entry_point=f"{make.__module__}:make", kwargs={"kind": kind})


def _loaded(scenario: Scenario | Path | str, changes: Changes) -> Scenario:
    if not isinstance(scenario, str | Path):
        if changes:
            raise SimtierError("`changes` are for a scenario in a file: make them where this one was loaded")
        return scenario
    from simtier.scenario import Scenario  # noqa: PLC0415 - not needed by policies, which import this package

    return Scenario.load(scenario, changes)
