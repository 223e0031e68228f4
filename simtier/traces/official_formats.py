"""Tables written in the formats of the official files; reading them gives the tables back, as far as the format holds them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

import numpy as np
from scipy.special import ndtri

from simtier.traces import two_column
from simtier.traces.tables import DURATION_PERCENTILES, MEMORY_PERCENTILES
from simtier.units import parse as quantity

Table = Any
"""A pyarrow.Table in the schema of a family."""

START = date(2000, 1, 1)
"""A day on which none of the public traces was taken."""
FIRST_MINUTE = 540
TICKS_PER_SECOND = 10_000_000
DAY_MINUTES = 1440
CPU_REQUESTS = {300: 100, 400: 125, 600: 300, 1000: 500}
"""Millicores that functions of Huawei 2025 ask for, by the limit in the name of their pool."""

_MBIT = quantity("1 Mbit/s", "data rate")
_MIB = quantity("1 MiB", "data")
_DURATION_LOG_SD = 0.8
_MEMORY_LOG_SD = 0.1
_FAR = 2.6  # standard deviations to the least and the largest of a few hundred values


def two_columns(table: Table, separator: str) -> bytes:
    """Return bandwidth as seconds and Mbit/s."""
    rates = np.round(table["rate_bytes_per_s"].to_numpy() / _MBIT, 6)
    return two_column.write(table["time_s"].to_numpy(), rates, separator)


def azure_llm(table: Table, start: date = START) -> bytes:
    """Return requests as Azure LLM 2023 has them: CRLF, seven digits of fraction."""
    ticks = np.rint(table["arrival_s"].to_numpy() * TICKS_PER_SECOND).astype(np.int64)
    lines = ["TIMESTAMP,ContextTokens,GeneratedTokens"]
    for tick, given, made in zip(ticks.tolist(), *_lists(table, "input_tokens", "output_tokens"), strict=True):
        seconds, fraction = divmod(tick, TICKS_PER_SECOND)
        clock = datetime.combine(start, time()) + timedelta(seconds=seconds)
        lines.append(f"{clock:%Y-%m-%d %H:%M:%S}.{fraction:07d},{given},{made}")
    return _text(lines, "\r\n")


def burstgpt(table: Table) -> bytes:
    """Return requests as BurstGPT's first file has them: whole seconds."""
    lines = ["Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type"]
    columns = _lists(table, "arrival_s", "model", "input_tokens", "output_tokens", "kind")
    for arrival, model, given, made, kind in zip(*columns, strict=True):
        log = "API log" if kind == "API" else "Conversation log"
        lines.append(f"{int(arrival)},{model},{given},{made},{given + made},{log}")
    return _text(lines)


def mooncake(table: Table) -> bytes:
    """Return requests as Mooncake has them: milliseconds, and the ids of the prompt's blocks."""
    columns = _lists(table, "arrival_s", "input_tokens", "output_tokens", "blocks")
    keys = ("timestamp", "input_length", "output_length", "hash_ids")
    rows = ((round(arrival * 1000), *rest) for arrival, *rest in zip(*columns, strict=True))
    return _text(json.dumps(dict(zip(keys, row, strict=True))) for row in rows)


def azure_functions_2021(table: Table) -> bytes:
    """Return invocations as Azure Functions 2021 has them: by the end, in order of the start."""
    lines = ["app,func,end_timestamp,duration"]
    for arrival, took, function, app in zip(*_lists(table, "arrival_s", "duration_s", "function", "app"), strict=True):
        lines.append(f"{hashed(app)},{hashed(function)},{round(arrival + took, 6)!r},{took!r}")
    return _text(lines)


def azure_functions_2019(counts: Table, functions: Table, minutes: int) -> dict[str, bytes]:
    """Return counts and functions as the three daily tables of Azure Functions 2019, from minute 540 on.

    Of a function's durations the generator knows the mean: they are taken to be log-normal around it, memory likewise.
    """
    names = functions["function"].to_pylist()
    matrix = np.zeros((len(names), minutes), dtype=np.int64)
    rows = {name: row for row, name in enumerate(names)}
    at = (counts["time_s"].to_numpy() // 60).astype(np.int64)
    for name, minute, value in zip(counts["series"].to_pylist(), at.tolist(), counts["value"].to_pylist(), strict=True):
        matrix[rows[name], minute] += int(value)
    ids = [
        f"{hashed(f'owner of {app}')},{hashed(app)},{hashed(name)}"
        for app, name in zip(functions["app"].to_pylist(), names, strict=True)
    ]
    return {
        "invocations.csv": _invocations(ids, functions["trigger"].to_pylist(), matrix),
        "durations.csv": _durations(ids, functions["duration_mean_s"].to_pylist(), matrix.sum(axis=1).tolist()),
        "memory.csv": _memory(ids, functions["memory_bytes"].to_pylist()),
    }


def huawei_counts(tables: Mapping[str, Table]) -> bytes:
    """Return counts of several regions as the derived table of Huawei 2025 has them: a column for each, a row for each minute."""
    columns = {region: table["value"].to_numpy().astype(np.int64).tolist() for region, table in tables.items()}
    lines = [",".join(["day", "time_s", *columns])]
    for minute, counts in enumerate(zip(*columns.values(), strict=True)):
        lines.append(",".join(map(str, (minute // DAY_MINUTES, minute * 60, *counts))))
    return _text(lines)


def huawei_requests(counts: Table, names: Mapping[str, str], minutes: int) -> bytes:
    """Return counts by function as a day of Huawei 2025 has them: a column for each funcID, blank where there are none.

    `names` gives the funcID of each series.
    """
    columns = {name: number for number, name in enumerate(names)}
    cells = [[""] * len(names) for _ in range(minutes)]
    at = (counts["time_s"].to_numpy() // 60).astype(np.int64).tolist()
    for series, minute, value in zip(counts["series"].to_pylist(), at, counts["value"].to_pylist(), strict=True):
        cells[minute][columns[series]] = str(int(value))
    lines = [",".join(["day", "time", *names.values()])]
    return _text([*lines, *(",".join(["0", str(60 * minute), *row]) for minute, row in enumerate(cells))])


def huawei_functions(rows: Iterable[tuple[str, str, str]]) -> bytes:
    """Return functions as the table of R2 has them, from (funcID, runtime, trigger)."""
    lines = ["funcID,cpu_request,runtime,triggerType-invocationType"]
    for name, runtime, trigger in rows:
        limit = int(name.split("-")[-2])
        lines.append(f"{name},{CPU_REQUESTS[limit]},{runtime},{trigger}")
    return _text(lines)


def hashed(text: str) -> str:
    """Return a name as the publishers hide theirs: 64 hexadecimal digits."""
    return hashlib.sha256(f"look-alike {text}".encode()).hexdigest()


def _invocations(ids: list[str], triggers: list[str], matrix: Any) -> bytes:
    header = ",".join(
        ["HashOwner,HashApp,HashFunction,Trigger", *map(str, range(FIRST_MINUTE, FIRST_MINUTE + matrix.shape[1]))]
    )
    rows = (
        ",".join([name, trigger, *map(str, row)])
        for name, trigger, row in zip(ids, triggers, matrix.tolist(), strict=True)
    )
    return _text([header, *rows])


def _durations(ids: list[str], means_s: list[float], counts: list[int]) -> bytes:
    percentiles = ",".join(f"percentile_Average_{p}" for p in DURATION_PERCENTILES)
    lines = [f"HashOwner,HashApp,HashFunction,Average,Count,Minimum,Maximum,{percentiles}"]
    for name, mean, count in zip(ids, means_s, counts, strict=True):
        points = np.rint(_log_normal(mean * 1000, _DURATION_LOG_SD, DURATION_PERCENTILES)).astype(int).tolist()
        # A function that was not called in these minutes was called in others of the day.
        lines.append(
            ",".join(
                [
                    name,
                    str(round(mean * 1000)),
                    str(max(count, 1)),
                    f"{points[0]}.0",
                    f"{points[-1]}.0",
                    *map(str, points),
                ]
            )
        )
    return _text(lines)


def _memory(ids: list[str], means_bytes: list[float]) -> bytes:
    percentiles = ",".join(f"AverageAllocatedMb_pct{p}" for p in MEMORY_PERCENTILES)
    lines = [f"HashFunction,HashOwner,HashApp,SampleCount,AverageAllocatedMb,{percentiles}"]
    for name, mean in zip(ids, means_bytes, strict=True):
        owner, app, function = name.split(",")
        points = np.round(_log_normal(mean / _MIB, _MEMORY_LOG_SD, MEMORY_PERCENTILES), 1).tolist()
        lines.append(",".join([function, owner, app, "100", repr(round(mean / _MIB, 1)), *map(repr, points)]))
    return _text(lines)


def _log_normal(mean: float, log_sd: float, percentiles: Iterable[int]) -> Any:
    """Return percentiles of a log-normal with this mean; the outermost those of a few hundred values."""
    z = np.clip(ndtri(np.array(list(percentiles)) / 100), -_FAR, _FAR)
    return mean * np.exp(log_sd * z - log_sd**2 / 2)


def _lists(table: Table, *names: str) -> list[list[Any]]:
    return [table[name].to_pylist() for name in names]


def _text(lines: Iterable[str], end: str = "\n") -> bytes:
    return (end.join(lines) + end).encode()
