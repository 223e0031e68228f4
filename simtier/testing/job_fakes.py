"""Frozen stand-ins for a job on spot instances and for experts of a mixture, and both in some state for the checks of policies."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simtier.contract import Instance

_HOUR_S = 3600.0


@dataclass(frozen=True, kw_only=True)
class FakeJob:
    """Ten hours of work within fifteen; satisfies `JobView`."""

    now_s: float = 0.0
    work_s: float = 10 * _HOUR_S
    deadline_s: float = 15 * _HOUR_S
    change_over_s: float = 0.1 * _HOUR_S
    done_s: float = 0.0
    changing_s: float = 0.0
    running: Instance = Instance.NONE
    available: bool = False
    spot_usd_per_s: float = 0.9731 / _HOUR_S
    on_demand_usd_per_s: float = 3.06 / _HOUR_S


def some_tokens(rows: tuple[tuple[float, ...], ...] = ((8.0, 1.0, 1.0, 2.0),)) -> NDArray[np.float64]:
    """Return tokens by layer and expert, as an array that cannot be written to."""
    tokens = np.array(rows, dtype=np.float64)
    tokens.flags.writeable = False
    return tokens


@dataclass(frozen=True, kw_only=True, eq=False)
class FakeExpertLoad:
    """One layer of four experts on two nodes of one accelerator, with room for two copies; satisfies `ExpertLoadView`."""

    tokens: NDArray[np.float64] = field(default_factory=some_tokens)
    groups: int = 2
    nodes: int = 2
    accelerators: int = 2
    slots: int = 6
    placed: tuple[tuple[int, ...], ...] = ()


class JobSituations:
    """The part of a generated world that is about jobs and experts; see `simtier.testing.world.World`."""

    def run_on(self) -> tuple[FakeJob]:
        """Return a job at any time before its deadline, well ahead, behind or at its end."""
        change_s = self._one_of(72.0, 180.0, 360.0)
        now_s = self._one_of(0.0, 1.0, 5.0, 9.0, 13.0) * _HOUR_S
        available = self._one_of(True, False)
        running = self._one_of(Instance.NONE, Instance.ON_DEMAND, Instance.SPOT if available else Instance.NONE)
        changing_s = 0.0 if running is Instance.NONE else self._one_of(0.0, 0.5, 1.0) * change_s
        done_s = min(now_s, 10 * _HOUR_S - 1.0) * self._one_of(0.0, 0.5, 2 / 3, 0.7, 1.0)
        return (
            FakeJob(
                now_s=now_s,
                change_over_s=change_s,
                done_s=done_s,
                changing_s=changing_s,
                running=running,
                available=available,
            ),
        )

    def place_experts(self) -> tuple[FakeExpertLoad]:
        """Return loads of one or two layers, with ties, of experts that nobody asks for, and with or without room for copies."""
        layers, experts, accelerators, nodes = self._one_of((1, 4, 2, 2), (2, 8, 4, 2), (2, 12, 4, 1))
        rows = tuple(tuple(self._one_of(0.0, 1.0, 1.0, 7.0, 100.0) for _ in range(experts)) for _ in range(layers))
        slots = experts + accelerators * self._one_of(0, 1, 3)
        placed = tuple(tuple(slot % experts for slot in range(slots)) for _ in range(layers))
        return (
            FakeExpertLoad(
                tokens=some_tokens(rows),
                groups=self._one_of(1, 2, 4),
                nodes=nodes,
                accelerators=accelerators,
                slots=slots,
                placed=self._one_of((), placed),
            ),
        )

    def _one_of(self, *choices: Any) -> Any:
        raise NotImplementedError
