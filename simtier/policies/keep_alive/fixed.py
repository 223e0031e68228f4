"""The same time for every instance."""

from __future__ import annotations

from typing import ClassVar

from simtier.contract import InstanceView, KeepAlive
from simtier.units import Seconds


class Fixed(KeepAlive):
    """Keep an instance for a fixed time after its last request; each request starts it anew.

    What platforms do: 10 minutes in Apache OpenWhisk and in Shahrad et al.'s account of fixed policies
    ("Serverless in the Wild", ATC 2020), 60 s at Huawei (Joosen et al., "Serverless cold
    starts and where to find them", EuroSys 2025). With Poisson arrivals of mean gap m and short executions, a share exp(-idle / m) of
    requests starts cold.
    """

    sees_only_own: ClassVar[bool] = True
    keeps_apart: ClassVar[bool] = True
    idle: Seconds = 600.0
    """How long; 10 minutes if not given."""

    def idle_for(self, instance: InstanceView) -> float:
        """Return the fixed time."""
        return self.idle
