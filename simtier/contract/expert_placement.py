"""The kind of policy that says which accelerators hold which experts of a mixture, and of which experts there are several copies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from simtier.contract.policy import Policy


class ExpertLoadView(Protocol):
    """What experts had to do, and where they can be put."""

    @property
    def tokens(self) -> NDArray[np.float64]:
        """Tokens that went to each expert in the last window, by layer and expert; cannot be written to."""

    @property
    def groups(self) -> int:
        """Groups of equally many experts, one after the other in their numbers, that are best kept together on a node."""

    @property
    def nodes(self) -> int:
        """Nodes; they have equally many accelerators."""

    @property
    def accelerators(self) -> int:
        """Accelerators of all nodes together, those of a node one after the other."""

    @property
    def slots(self) -> int:
        """Places for an expert on all accelerators together, equally many on each, in each layer; at least one for each expert."""

    @property
    def placed(self) -> Sequence[Sequence[int]]:
        """The answer that is in force; empty before the first."""


class ExpertPlacement(Policy):
    """Which experts lie where."""

    kind: ClassVar[str] = "expert_placement"

    def place_experts(self, load: ExpertLoadView) -> Sequence[Sequence[int]]:
        """Return for each layer the expert in each of the `slots`, each expert at least once.

        Slots are counted accelerator by accelerator: the first `slots / accelerators` are those of the first. The tokens of an
        expert are divided evenly among its copies. Asked at the end of each window; the answer holds for the next one.
        """
        raise NotImplementedError
