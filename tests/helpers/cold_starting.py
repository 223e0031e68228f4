"""Cold-start models as a scenario would make them, for tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pydantic import TypeAdapter

from simtier.models.serverless.spec import ColdStart, FunctionSpec, Start
from simtier.scenario.cold_starts import ColdStart as Written
from simtier.streams import Streams
from simtier.world.cold_starts import cold_start_model
from simtier.world.traces import TraceShelf

MB = 1e6
FUNCTION = FunctionSpec("resize", memory_bytes=100 * MB, runtime="Python3")
ADAPTER: TypeAdapter[Any] = TypeAdapter(Written)


def model(
    written: Any,
    functions: Sequence[FunctionSpec] = (FUNCTION,),
    *,
    seed: int = 1,
    platform: str = "faas",
    shelf: TraceShelf | None = None,
    now: Callable[[], float] | None = None,
) -> Any:
    """Return the model for what a scenario says under `cold_start`."""
    made: ColdStart = cold_start_model(
        ADAPTER.validate_python(written), platform, functions, Streams(seed), shelf or TraceShelf(), now
    )
    return made


def start(
    number: int = 0, now_s: float = 0.0, *, function: FunctionSpec = FUNCTION, node: str = "n0", under_way: int = 0
) -> Start:
    """Return a start."""
    return Start(function, number, node, now_s, under_way)
