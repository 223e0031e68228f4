"""A frozen stand-in for every view of `simtier.contract.power`, and a row in some state for the checks of policies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from simtier.contract import Caps

_FREE = Caps()


@dataclass(frozen=True, kw_only=True)
class FakeServer:
    """A server of a row; satisfies `ServerView`."""

    name: str = "server-0"
    priority: Literal["low", "high"] = "low"
    power_w: float = 4000.0


@dataclass(frozen=True, kw_only=True)
class FakePowerRow:
    """A row of two servers; satisfies `PowerRowView`. Its power is a number of its own: it need not agree with that of the servers."""

    now_s: float = 0.0
    budget_w: float = 10_000.0
    power_w: float = 8000.0
    top_hz: float = 1.41e9
    told: Caps = _FREE
    in_force: Caps = _FREE
    braked: bool = False
    servers: tuple[FakeServer, ...] = (FakeServer(), FakeServer(name="server-1", priority="high"))


def some_row(one_of: Callable[..., Any], now_s: float) -> FakePowerRow:
    """Return a row in some state."""
    told = one_of(_FREE, Caps(low=1.275e9), Caps(low=1.11e9), Caps(low=1.11e9, high=1.305e9))
    return FakePowerRow(
        now_s=now_s,
        power_w=one_of(5000.0, 7400.0, 7600.0, 8200.0, 8500.0, 9000.0, 10_100.0),
        told=told,
        in_force=one_of(told, told, _FREE),
        braked=one_of(False, False, True),
    )
