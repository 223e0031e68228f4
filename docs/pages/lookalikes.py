"""The page that compares look-alikes with the real traces they stand for; written where the real traces are."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pages.markdown import document
from simtier.streams import Streams
from simtier.traces import available, find, open_trace, read
from simtier.traces.compare import Comparison, compare, markdown, number
from simtier.traces.manifest import MANIFEST
from simtier.traces.synthesis import GENERATORS

FAR_KS, FAR_MEAN, FAR_VARIATION = 0.1, 0.1, 0.25
LEVELS = ("rate over time", "available over time")
"""Single figures that are means."""
SEED = 1

_ABOUT = f"""# Look-alikes

`simtier traces synthesize` makes look-alikes of public traces from published figures, and `simtier traces fit` fits the same generators to a
trace of yours. Here each one that has a real counterpart is compared with it: a look-alike of the same length with seed {SEED}, column
by column, with the Kolmogorov-Smirnov distance (the largest difference of the two distribution functions, from 0 to 1). What is said not
to match is what exceeds a distance of {FAR_KS:g}, {FAR_MEAN:.0%} of a mean, or {FAR_VARIATION:.0%} of a variation or dispersion. A single
look-alike strays from its generator as one hour strays from another.

What is known to be missing is said first. The models and their sources are in the docstrings of `simtier/traces/synthesis`. Of Azure
Functions 2019 and of Huawei's cold starts no complete table is at hand: their generators are tested against published distribution
functions and quantiles instead (`tests/traces/test_synthesis_published.py`)."""

_LEFT_OUT = re.compile(r"Left out: .*?(?=\n\n|\Z)", re.DOTALL)


class Pair(NamedTuple):
    """A generator, the real trace, and how its rows are had."""

    generator: str
    real: str
    rows: Callable[[str, list[Path]], Iterator[Any]]


def page() -> str | None:
    """Return the page; None where SIMTIER_TRACES does not have the real traces."""
    directories = _real_directories()
    if not directories:
        return None
    return document(_ABOUT, *(_section(pair, directories) for pair in PAIRS))


def _real_directories() -> list[Path]:
    named = [Path(part) for part in os.environ.get("SIMTIER_TRACES", "").split(os.pathsep) if part]
    real = [path for path in named if not (path / MANIFEST).exists()]
    have = available(real)
    return real if all(any(name.startswith(pair.real.partition("#")[0]) for name in have) for pair in PAIRS) else []


def _section(pair: Pair, directories: list[Path]) -> str:
    real = list(pair.rows(pair.real, directories))
    published = GENERATORS[pair.generator]
    end = max(float(part.column(0)[-1].as_py()) for part in real)
    streams = Streams(SEED)
    made = published.parameters.generate(lambda name: streams.stream(f"docs/{pair.generator}/{name}"), duration_s=end)
    found = compare(real, list(made), published.family)
    limits = f"{published.notes} {_left_out(type(published.parameters))}"
    return f"## {pair.generator}\n\n{limits}\n\n{markdown(found)}\n{verdict(found)}"


def _left_out(model: type) -> str:
    """Return what a model says it leaves out: the end of a paragraph of its docstring, or of its base's."""
    docs = (inspect.cleandoc(kind.__doc__ or "") for kind in model.__mro__)
    said = next(match for text in docs if (match := _LEFT_OUT.search(text)))
    return " ".join(said[0].split())


def verdict(found: Comparison) -> str:
    """Say what does not match."""
    far = [
        f"the distribution of {row.name} (distance {row.distance:.2f})"
        for row in found.rows()
        if row.distance is not None and row.distance > FAR_KS
    ]
    for row in found.rows():
        if row.name == "arrival rate":  # the mean gap says the same
            continue
        allowed = FAR_MEAN if row.distance is not None or row.name in LEVELS else FAR_VARIATION
        if row.ratio is not None and abs(row.ratio - 1) > allowed:
            far.append(
                f"{'' if row.distance is None else 'the mean of '}{row.name} ({number(row.ratio)} times the real)"
            )
    return f"Does not match: {'; '.join(far)}." if far else "Nothing strays further than the bounds above."


def _one(name: str, directories: list[Path]) -> Iterator[Any]:
    return open_trace(find(name, directories)).batches()


def _series(name: str, directories: list[Path]) -> Iterator[Any]:
    """Yield the rows of one series of a table of counts, `trace#series`."""
    trace, _, series = name.partition("#")
    for part in _one(trace, directories):
        mine = part.filter(pc.equal(part["series"].cast(pa.string()), series))
        if mine.num_rows:
            yield mine


def _pooled(name: str, directories: list[Path]) -> Iterator[Any]:
    """Yield all whole traces of a dataset of links, one after the other."""
    begin = 0.0
    for found in available(directories).values():
        if found.dataset != name or "part" in found.name or found.path.name.startswith("fcc_ori"):
            continue
        trace = read(found)
        times = trace.table["time_s"].to_numpy() + begin
        begin += trace.period_s
        table = trace.table.set_column(0, trace.table.schema.field(0), pa.array(np.asarray(times)))
        yield from table.combine_chunks().to_batches()


PAIRS = (
    Pair("azure-llm-2023/code", "azure-llm-2023/code", _one),
    Pair("azure-llm-2023/conv", "azure-llm-2023/conv", _one),
    Pair("burstgpt/1-first400", "burstgpt/1-first400", _one),
    Pair("mooncake/conversation", "mooncake/conversation", _one),
    Pair("azure-functions-2021/sample", "azure-functions-2021/head-200", _one),
    *(
        Pair(f"huawei-2025/{region}-cold-starts-per-minute", f"huawei-2025/cold-starts-per-minute#{region}", _series)
        for region in ("R1", "R2", "R3", "R4", "R5")
    ),
    Pair("norway-hsdpa", "norway-hsdpa", _pooled),
    Pair("fcc", "fcc", _pooled),
    Pair("oboe", "oboe", _pooled),
)
