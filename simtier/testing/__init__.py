"""What authors of policies import for their tests: fakes of all views, checks of every promise a policy makes, a guard against regressions.

```python
from simtier.testing import FakeReplica, FakeRequest, check_policy

def test_my_policy():
    check_policy(MyPolicy(margin=0.2))
    near, far = FakeReplica(id=1), FakeReplica(id=2, in_flight=9)
    assert MyPolicy().choose(FakeRequest(), (near, far)) is near
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simtier.testing.engine_fakes import FakeEngine, FakeSequence
    from simtier.testing.engine_replica_fakes import FakeEngineReplica
    from simtier.testing.fakes import (
        FakeClock,
        FakeHop,
        FakeNode,
        FakeOutcome,
        FakeReplica,
        FakeReplicaSpec,
        FakeRequest,
        FakeService,
        FakeSite,
        FakeSplit,
        FakeTier,
    )
    from simtier.testing.function_fakes import FakeCell, FakeExecution, FakeFunction, FakeInstance, FakePool
    from simtier.testing.job_fakes import FakeExpertLoad, FakeJob
    from simtier.testing.power_fakes import FakePowerRow, FakeServer
    from simtier.testing.promises import PROMISES, Promise, check_policy, promises_of
    from simtier.testing.regression import assert_no_regression

_PLACES = {
    "engine_fakes": ("FakeEngine", "FakeSequence"),
    "engine_replica_fakes": ("FakeEngineReplica",),
    "fakes": (
        "FakeClock",
        "FakeHop",
        "FakeNode",
        "FakeOutcome",
        "FakeReplica",
        "FakeReplicaSpec",
        "FakeRequest",
        "FakeService",
        "FakeSite",
        "FakeSplit",
        "FakeTier",
    ),
    "function_fakes": ("FakeCell", "FakeExecution", "FakeFunction", "FakeInstance", "FakePool"),
    "job_fakes": ("FakeExpertLoad", "FakeJob"),
    "power_fakes": ("FakePowerRow", "FakeServer"),
    "promises": ("PROMISES", "Promise", "check_policy", "promises_of"),
    "regression": ("assert_no_regression",),
}

__all__ = [
    "PROMISES",
    "FakeCell",
    "FakeClock",
    "FakeEngine",
    "FakeEngineReplica",
    "FakeExecution",
    "FakeExpertLoad",
    "FakeFunction",
    "FakeHop",
    "FakeInstance",
    "FakeJob",
    "FakeNode",
    "FakeOutcome",
    "FakePool",
    "FakePowerRow",
    "FakeReplica",
    "FakeReplicaSpec",
    "FakeRequest",
    "FakeSequence",
    "FakeServer",
    "FakeService",
    "FakeSite",
    "FakeSplit",
    "FakeTier",
    "Promise",
    "assert_no_regression",
    "check_policy",
    "promises_of",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: pytest imports this package wherever simtier is installed, for its plugin."""
    module = next((module for module, names in _PLACES.items() if name in names), None)
    if module is None:
        raise AttributeError(f"module 'simtier.testing' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - see above

    return getattr(import_module(f"simtier.testing.{module}"), name)
