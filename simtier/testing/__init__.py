"""What authors of policies import for their tests: fakes of all views, and checks of every promise a policy makes.

```python
from simtier.testing import FakeReplica, FakeRequest, check_policy

def test_my_policy():
    check_policy(MyPolicy(margin=0.2))
    near, far = FakeReplica(id=1), FakeReplica(id=2, in_flight=9)
    assert MyPolicy().choose(FakeRequest(), (near, far)) is near
```
"""

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
from simtier.testing.power_fakes import FakePowerRow, FakeServer
from simtier.testing.promises import PROMISES, Promise, check_policy, promises_of

__all__ = [
    "PROMISES",
    "FakeCell",
    "FakeClock",
    "FakeEngine",
    "FakeEngineReplica",
    "FakeExecution",
    "FakeFunction",
    "FakeHop",
    "FakeInstance",
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
    "check_policy",
    "promises_of",
]
