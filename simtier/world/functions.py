"""Functions of platforms: as the scenario lists them, or as a trace names them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow.compute as pc

from simtier.models.serverless.platform import Platform
from simtier.models.serverless.spec import FunctionSpec
from simtier.models.serverless.uses import Uses
from simtier.models.visit import Part, Visit
from simtier.scenario.platforms import Function as Written
from simtier.scenario.platforms import Platform as WrittenPlatform
from simtier.streams import Streams
from simtier.world.times import distribution

LEAST_CORES = 0.001
"""An execution could use this much at least, whatever is drawn: with none it would have no length."""


class FunctionNames:
    """Numbers for the functions that traces name, in the order in which they are first named."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._numbers: dict[str, int] = {}

    def number(self, name: str) -> int:
        """Return the number of `name`."""
        found = self._numbers.get(name)
        if found is None:
            found = self._numbers[name] = len(self.names)
            self.names.append(name)
        return found


@dataclass(frozen=True)
class Told:
    """What a trace's table tells of a function; None for what it does not."""

    memory_bytes: float | None = None
    runtime: str | None = None
    trigger: str | None = None


def told_functions(table: Any) -> dict[str, Told]:
    """Return what a table of functions (or None) tells of each, by name."""
    if table is None:
        return {}
    columns = [_column(table, name) for name in ("function", "memory_bytes", "runtime", "trigger")]
    return {name: Told(*rest) for name, *rest in zip(*columns, strict=True)}


def _column(table: Any, name: str) -> list[Any]:
    column = table.column(name)
    found: list[Any] = pc.cast(column, "string").to_pylist() if name != "memory_bytes" else column.to_pylist()
    return found


def function_spec(name: str, written: Written, platform: WrittenPlatform, told: Told | None = None) -> FunctionSpec:
    """Return what a function is in SI units."""
    told = told or Told()
    memory = told.memory_bytes or written.memory
    cores = written.cores
    if cores is None:
        cores = memory / platform.memory_per_core if platform.memory_per_core is not None else 1.0
    return FunctionSpec(
        name=name,
        memory_bytes=memory,
        cores=cores,
        shares_core=platform.memory_per_core is not None,
        runtime=told.runtime or written.runtime,
        trigger=told.trigger or written.trigger,
        concurrency=written.concurrency,
        time_limit_s=written.time_limit if written.time_limit is not None else float("inf"),
        code_bytes=written.code,
        dependency_bytes=written.dependencies,
        max_batch=written.max_batch,
    )


def function_uses(name: str, written: Written, platform: str, streams: Streams) -> Uses | None:
    """Return what says how many cores each execution of a function could use; None if the scenario does not say."""
    if written.uses is None:
        return None
    cores = distribution(written.uses)
    if cores.constant:
        return lambda _: cores.mean
    draws = streams.request_draws(f"platform/{platform}/{name}/uses", cores.sample)
    return lambda number: max(draws(number), LEAST_CORES)


def finder(
    platform: Platform,
    written: WrittenPlatform,
    names: FunctionNames,
    told: Callable[[], Mapping[str, Told]],
    streams: Streams,
) -> Callable[[Visit], Part]:
    """Return what finds, or deploys, the function that a visit's trace names."""
    parts: dict[int, Part] = {}

    def function_of(visit: Visit) -> Part:
        number = int(visit.traced[-1])
        part = parts.get(number)
        if part is None:
            part = parts[number] = deployed(names.names[number])
        return part

    def deployed(name: str) -> Part:
        part = platform.part(name)
        if part is None:
            assert written.traced is not None
            uses = function_uses(name, written.traced, platform.name, streams)
            part = platform.deploy(function_spec(name, written.traced, written, told().get(name)), uses)
        return part

    return function_of
