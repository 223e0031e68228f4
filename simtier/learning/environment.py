"""The Gymnasium environment: an agent outside of a run is asked in place of one of its policies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from simtier.errors import PolicyError
from simtier.learning.decisions import Decision, Observation
from simtier.learning.episode import Episode, Subject
from simtier.learning.reward import Earned, Reward, RewardRule


class PolicyEnv(gymnasium.Env[Observation, Any]):
    """One policy of a scenario as an environment.

    An episode is one replication: `reset(seed=s)` begins replication 0 of seed s, and each `reset()` after it the next one, or the one
    that `options={"replication": k}` says. So an episode faces the same world as a run with that seed, and without any seed the first one is
    the scenario's own. A step simulates up to the next question. At the end of the run the episode is truncated, never terminated: the
    system would go on.

    The reward is for all that happened since the action before; what happened before the first question goes to the first action.

    `info` has `time_s` (simulated), `replication`, what the reward is made of (see Earned), and `action_mask`: which choices there are,
    as `action_space.sample` takes them: int8 of a Discrete space, a tuple of such arrays of a MultiDiscrete one. What an action means that is
    masked is told by its decision.

    Attributes:
        decision: what is seen, and what can be answered.
        names: what each number of an observation is.
        fingerprint: of the last episode that came to its end, as in `replications` of the result of a run; empty before.
    """

    metadata = {"render_modes": []}  # noqa: RUF012 - Gymnasium declares it as an attribute of each environment

    def __init__(self, subject: Subject, reward: RewardRule | None = None) -> None:
        self.decision: Decision = subject.decision
        self.names = self.decision.names
        self.fingerprint = ""
        sizes = self.decision.sizes
        self.observation_space = gymnasium.spaces.Box(0.0, 1.0, (len(self.names),), np.float32)
        self.action_space = (
            gymnasium.spaces.Discrete(sizes[0]) if len(sizes) == 1 else gymnasium.spaces.MultiDiscrete(list(sizes))
        )
        self._subject = subject
        self._reward = reward if reward is not None else Reward()
        self._seed = subject.scenario.run.seed
        self._replication = -1
        self._episode: Episode | None = None
        self._seen: Observation = np.zeros(len(self.names), np.float32)

    def reset(
        self, *, seed: int | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin the next replication; return its first question.

        If nothing is ever asked in it, the observation is all zeros and the first step ends it, whatever the action. Raises PolicyError for
        options that are none; the episode under way goes on then.
        """
        asked_for = _replication(options or {})
        super().reset(seed=seed)
        self.close()
        if seed is not None:
            self._seed, self._replication = seed, -1
        self._replication = self._replication + 1 if asked_for is None else asked_for
        episode = Episode(self._subject, self._seed, self._replication)
        asked = episode.go_on()
        self._episode = episode
        self._seen = np.zeros(len(self.names), np.float32) if asked is None else asked
        return self._seen.copy(), self._info(episode, Earned(0, 0, 0.0, 0.0))

    def step(self, action: Any) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Answer the question with `action`, and run to the next one.

        Raises PolicyError for an action that is none, after which the episode goes on, and what the simulation raises, which ends it.
        """
        episode = self._episode
        if episode is None:
            raise gymnasium.error.ResetNeeded("no episode is under way: call `reset` first")
        self.decision.numbers(action)  # one that is none must not reach the simulation, which it would end
        self._episode = None  # unless it goes on
        asked = None if episode.over else episode.go_on(action)
        if asked is not None:
            self._seen, self._episode = asked, episode
        else:
            self._seen = self.decision.at_end(self._seen)
            self.fingerprint = episode.close()
        earned = episode.earned()
        return self._seen.copy(), float(self._reward(earned)), False, asked is None, self._info(episode, earned)

    def action_masks(self) -> NDArray[np.bool_]:
        """Return which choices there are, those of all an action's numbers in one row, as sb3-contrib's MaskablePPO asks for it."""
        return self.decision.mask(self._seen).astype(bool)

    def close(self) -> None:
        """Give up the episode under way, if there is one."""
        if self._episode is not None:
            self._episode.give_up()
            self._episode = None

    def _info(self, episode: Episode, earned: Earned) -> dict[str, Any]:
        return {
            "time_s": episode.now_s,
            "replication": self._replication,
            **asdict(earned),
            "action_mask": self._mask(),
        }

    def _mask(self) -> NDArray[np.int8] | tuple[NDArray[np.int8], ...]:
        """Return which choices there are as the action space's `sample` takes it."""
        flat, sizes = self.decision.mask(self._seen), self.decision.sizes
        return flat if len(sizes) == 1 else tuple(np.split(flat, np.cumsum(sizes)[:-1]))


def _replication(options: Mapping[str, Any]) -> int | None:
    """Return the replication that `options` of a reset ask for, None if they ask for none; raises PolicyError for others."""
    unknown = next((name for name in options if name != "replication"), None)
    if unknown is not None:
        raise PolicyError(f'reset has no option {unknown!r}: the only one is "replication"')
    if "replication" not in options:
        return None
    given = options["replication"]
    if isinstance(given, bool) or not isinstance(given, int | np.integer) or given < 0:
        raise PolicyError(f"the replication {given!r} is none: give a whole number from 0 on")
    return int(given)
