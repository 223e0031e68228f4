"""Small agents that need nothing but NumPy: the value of each choice is linear in what is seen, or stands in a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from simtier.errors import PolicyError, did_you_mean
from simtier.learning.decisions import Decision, Observation
from simtier.learning.files import read_agent, write_agent

Numbers = NDArray[np.float64]


class Agent(Protocol):
    """Who decides by what is seen: these agents, and any model of another framework with a `predict` like it."""

    def predict(self, observation: Observation) -> Any:
        """Return the action: a whole number, or a row of them; the same for the same observation."""


class LinearAgent:
    """Values that are linear in what is seen, with a constant.

    The value of an action is the sum over its numbers of w[number] . (1, observation) (Sutton and Barto, Reinforcement Learning, 2nd edition,
    section 9.4, one vector of weights a choice). It is greedy: of equal values the first choice is taken. Actions of several numbers are
    valued number by number, which leaves out how they act together.

    Args:
        decision: what it decides; `env.unwrapped.decision`.
        weights: for each number of an action, an array (choices, features); zeros if not given.
    """

    kind = "linear"

    def __init__(self, decision: Decision, weights: Sequence[Any] | None = None) -> None:
        self.decision = decision
        shapes = [(size, self._features()) for size in decision.sizes]
        self.weights: list[Numbers] = [np.zeros(shape) for shape in shapes]
        if weights is not None:
            self.weights = [np.array(each, dtype=np.float64) for each in weights]
            found = [each.shape for each in self.weights]
            if found != shapes:
                raise PolicyError(
                    f"an agent for this {decision.kind} decision has weights of shape {shapes}, not {found}"
                )

    def features(self, observation: Observation) -> Numbers:
        """Return what the values are linear in."""
        return np.concatenate([[1.0], observation.astype(np.float64)])

    def values(self, observation: Observation) -> list[Numbers]:
        """Return the value of each choice, for each number of an action."""
        seen = self.features(observation)
        return [weights @ seen for weights in self.weights]

    def predict(self, observation: Observation) -> int | NDArray[np.int64]:
        """Return the action of highest value."""
        best = [int(values.argmax()) for values in self.values(observation)]
        return best[0] if len(best) == 1 else np.array(best)

    def value(self, observation: Observation, action: Any) -> float:
        """Return the value of an action."""
        chosen = zip(self.values(observation), self.decision.numbers(action), strict=True)
        return float(sum(values[number] for values, number in chosen))

    def learn(self, observation: Observation, action: Any, target: float, rate: float) -> None:
        """Move the value of an action by the share `rate` of the way to `target`, whatever the length of what is seen.

        The normalised semi-gradient step: w += rate x (target - value) x f / (f . f), divided among the action's numbers.
        """
        seen = self.features(observation)
        step = rate * (target - self.value(observation, action)) / float(seen @ seen) / len(self.weights)
        for weights, number in zip(self.weights, self.decision.numbers(action), strict=True):
            weights[number] += step * seen

    def save(self, file: Path | str) -> None:
        """Write it with its decision, for `load` and for the policies of `simtier.learning.policies`."""
        write_agent(file, self.decision, self.written())

    def written(self) -> dict[str, Any]:
        """Return what it knows as plain data."""
        return {"kind": self.kind, "weights": [weights.tolist() for weights in self.weights]}

    def _features(self) -> int:
        return 1 + len(self.decision.names)


class TabularAgent(LinearAgent):
    """Values in a table, by what is seen of a few names, each divided into equal ranges: one feature a cell, which is 0 or 1.

    Args:
        decision: what it decides.
        bins: how many ranges between 0 and 1 each name has; names that are not given are not looked at.
        weights: as of LinearAgent, a feature a cell.
    """

    kind = "tabular"

    def __init__(self, decision: Decision, bins: Mapping[str, int], weights: Sequence[Any] | None = None) -> None:
        unknown = next((name for name in bins if name not in decision.names), None)
        if unknown is not None:
            raise PolicyError(
                f"nothing that is seen of this {decision.kind} decision is called {unknown!r}{did_you_mean(unknown, decision.names)}"
            )
        if not bins or min(bins.values()) < 1:
            raise PolicyError(f"a table needs a name and a bin for it at the least, not {dict(bins)}")
        self.bins = dict(bins)
        self._places = [decision.names.index(name) for name in bins]
        self._shape = tuple(bins.values())
        super().__init__(decision, weights)

    def features(self, observation: Observation) -> Numbers:
        """Return 1 for the cell that the observation lies in, and 0 for all others."""
        cell = [
            min(int(observation[place] * bins), bins - 1) for place, bins in zip(self._places, self._shape, strict=True)
        ]
        found = np.zeros(self._features())
        found[np.ravel_multi_index(cell, self._shape)] = 1.0
        return found

    def written(self) -> dict[str, Any]:
        """Return what it knows as plain data."""
        return super().written() | {"bins": self.bins}

    def _features(self) -> int:
        return int(np.prod(self._shape))


def load(file: Path | str) -> LinearAgent:
    """Return the agent that was saved in `file`; raises PolicyError if there is none."""
    decision, kept = read_agent(file)
    if kept is None:
        raise PolicyError(
            f"{file} has a decision and no agent: derive a policy that says in `agent` where its model is"
        )
    if kept.get("kind") == LinearAgent.kind:
        return LinearAgent(decision, kept["weights"])
    if kept.get("kind") == TabularAgent.kind:
        return TabularAgent(decision, kept["bins"], kept["weights"])
    known = (LinearAgent.kind, TabularAgent.kind)
    raise PolicyError(f"no agent of {file} is called {kept.get('kind')!r}{did_you_mean(str(kept.get('kind')), known)}")
