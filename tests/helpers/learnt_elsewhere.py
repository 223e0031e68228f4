"""Policies whose models no part of simtier knows: anything with `predict(observation)`."""

from __future__ import annotations

from typing import Any

import numpy as np

from simtier.learning.policies import LearnedAutoscaling, LearnedRouting


class Threshold:
    """A model of another framework: as many choices up as there are busy slots."""

    def predict(self, observation: Any) -> Any:
        return np.int64(round(float(observation[2]) * 8))


class Busier(LearnedAutoscaling):
    """Asks a model that was made elsewhere."""

    def agent(self) -> Any:
        return Threshold()


class MostOften(LearnedRouting):
    """The same place always, by a parameter of its own."""

    place: int

    def agent(self) -> Any:
        place = self.place

        class Model:
            def predict(self, observation: Any) -> int:
                return place

        return Model()
