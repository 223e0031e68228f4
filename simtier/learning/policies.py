"""Trained agents as policies: they see what they saw in training, and do what they would do there.

`use: "simtier.learning.policies:LearnedAutoscaling"` with `file: agent.json` names one in a scenario; Gymnasium is not needed. For a model
of another framework derive one of these and say in `agent` where it is:

```python
class Mine(LearnedAutoscaling):
    def agent(self):
        return my_framework.load("model.zip")  # anything with `predict(observation)`
```
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import AfterValidator

from simtier.contract import (
    Autoscaling,
    Partitioning,
    ReplicaView,
    RequestView,
    Routing,
    ServiceView,
    SiteView,
    SplitView,
)
from simtier.errors import PolicyError
from simtier.learning.agents import Agent, load
from simtier.learning.decisions import Decision, ScaleDecision
from simtier.learning.files import read_agent


def _is_there(file: str) -> str:
    if not Path(file).is_file():
        raise ValueError(f"there is no file {file!r} in {Path.cwd()}: agents are written by `save`")
    return file


AgentFile = Annotated[str, AfterValidator(_is_there)]
"""Where an agent was saved, relative to the working directory."""


class Learned:
    """What policies have in common that are trained agents: where the agent is from, and how it is asked."""

    kind: ClassVar[str]
    file: str

    def decision(self) -> Decision:
        """Return what is seen, and what can be answered; called by `start`."""
        return read_agent(self.file)[0]

    def agent(self) -> Agent:
        """Return who decides; called by `start`."""
        return load(self.file)

    def start(self, site: SiteView, rng: np.random.Generator) -> None:  # noqa: ARG002 - agents are greedy
        """Load the agent; raises PolicyError if there is none, or if it has learnt something else."""
        self._decision = self.decision()
        if self._decision.kind != self.kind:
            raise PolicyError(f"the agent has learnt {self._decision.kind}, not {self.kind}")
        self._decision.start(site)
        self._agent = self.agent()

    def decide(self, *seen: Any) -> Any:
        """Return the answer to the question with the arguments `seen`."""
        return self._decision.answer(self._agent.predict(self._decision.observe(*seen)), *seen)


class LearnedAutoscaling(Learned, Autoscaling):
    """As many replicas as a trained agent asks for.

    It decides by what was seen since the question before, so it has to be asked as often as in training.

    Raises:
        PolicyError: the file is no agent, has learnt something else, or was asked at another period.
    """

    file: AgentFile
    """The agent: a JSON file that `simtier.learning.agents` wrote, relative to the working directory."""

    def start(self, site: SiteView, rng: np.random.Generator) -> None:
        """Load the agent."""
        super().start(site, rng)
        trained = self._decision
        if isinstance(trained, ScaleDecision) and trained.every_s != self.every:
            raise PolicyError(
                f"the agent was asked every {trained.every_s:g} s in training, not {self.every:g} s: give `every: {trained.every_s:g} s`"
            )

    def target(self, service: ServiceView) -> int:
        """Return the number of replicas that the agent asks for."""
        wanted: int = self.decide(service)
        return wanted


class LearnedRouting(Learned, Routing):
    """The replica that a trained agent names.

    Of more replicas than in training it sees and names the first ones, in the order in which they became ready.

    Raises:
        PolicyError: the file is no agent, or has learnt something else.
    """

    takes_only_one: ClassVar[bool] = True
    file: AgentFile
    """The agent: a JSON file that `simtier.learning.agents` wrote, relative to the working directory."""

    def choose(self, request: RequestView, replicas: Sequence[ReplicaView]) -> ReplicaView:
        """Return the replica that the agent names."""
        replica: ReplicaView = self.decide(request, replicas)
        return replica


class LearnedPartitioning(Learned, Partitioning):
    """The split that a trained agent asks for.

    Raises:
        PolicyError: the file is no agent, or has learnt something else, or splits over another number of tiers.
    """

    file: AgentFile
    """The agent: a JSON file that `simtier.learning.agents` wrote, relative to the working directory."""

    def split(self, request: RequestView, path: SplitView) -> Sequence[int]:
        """Return the cuts that the agent asks for."""
        cuts: Sequence[int] = self.decide(request, path)
        return cuts
