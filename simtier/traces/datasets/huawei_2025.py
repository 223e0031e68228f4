"""Huawei 2025: a month of five regions of a public cloud: cold starts, a day of requests, numbers by the minute, functions.

Source: Joosen et al., "Serverless Cold Starts and Where to Find Them", EuroSys 2025; files, in zip archives or unpacked,
`cold_start/R1/day_00.csv`, `per_request/R1/part-00000-*.csv` (day 30 only), `quantiles/R1/<metric>/day_00.csv`, and for R2
`runtime_triggerType/df_funcID_runtime_triggerType.csv`. A function is its funcID, funcName---userID---poolName, in all four; numbers of
functions mean nothing across regions. Times count from day 0: the day is not added again.

Items: `R1-day-00` (cold starts), `R1-requests-00000` (invocations), `R1-requests-day-00` or `R1-num-pods-day-00` or
`R1-totalCost-cold-start-quantile-050-day-00` (rates), `R2-functions`, and `cold-starts-per-minute`, counts of all regions
derived from the cold starts, or of one as `R1-cold-starts-per-minute`.

- Cold starts: seconds, although the paper's Table 1 has microseconds. Whether `time` is their begin or end is not said; taken for the
  begin. A dependency cost of 0 is a function without layers; one request may cause several cold starts. The runtime is looked
  up, by funcID, in the table of functions, which is of R2 only: beside the file or its archive, in one of two folders above, or in
  their `runtime_triggerType`, with or without `R2_` before its name. The funcID needs the pool: podID without its last ten digits. A
  function that the table lacks, or a pod called otherwise, has no runtime.
- Requests: `time_worker` is when the worker had finished: where one pod serves request upon request, stamps differ by the later
  one's totalCost_worker. So it arrived, at the worker, at time_worker - totalCost_worker. The duration is totalCost_worker, the sum of
  workerCost and runtimeCost, which the release calls the function execution time. The frontend's columns are blank on many rows.
- By the minute: a blank is no sample and makes no row; an absent row is unknown. Functions' memory is the limit in their pool's name.
- An MB is taken as 2**20 bytes, as limits are powers of two.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from simtier.traces.columns import Count, Number
from simtier.traces.dataset import About, Dataset, Place
from simtier.traces.datasets.huawei_2025_tables import (
    MB,
    function_table,
    read_cold_starts,
    read_functions,
    read_requests,
)
from simtier.traces.ledger import Ledger
from simtier.traces.source import Source
from simtier.traces.wide import intervals

MINUTE_S = 60.0


def read_rates(source: Source, ledger: Ledger) -> Iterator[Any]:
    """Yield a metric's numbers by the minute and function, of a day in a region; the folder's name is the metric."""
    metric = source.folder
    base = re.sub("_(quantile_[0-9]{3}|avg|std)$", "", metric)
    unit, scale = "", 1.0
    if "Cost" in base:
        unit = "s"
    elif base == "cpu_usage":
        unit = "core"
    elif base == "memory_usage":
        unit, scale = "B", MB
    elif base == "requestBodySize":
        unit = "B"
    ledger.facts.update(metric=metric, unit=unit, absent="unknown", length_s=repr(MINUTE_S))
    yield from intervals(source, ledger, Number(scale=scale, blank=True), MINUTE_S)


def functions_of(source: Source, ledger: Ledger) -> Any | None:
    """Return the table of functions for numbers by function of R2, or None: of another region, or no table lies near."""
    table = function_table(source, folders=4) if re.search(r"R2/\w+/day_", source.label) else None
    return None if table is None else pa.Table.from_batches(list(read_functions(table, ledger)))


def read_counts(source: Source, ledger: Ledger) -> Iterator[Any]:
    """Yield the cold starts of each region in each minute; `time_s` is when it begins."""
    ledger.facts.update(metric="num_cold_starts", unit="", absent="unknown", length_s=repr(MINUTE_S))
    yield from intervals(source, ledger, Count(blank=True), MINUTE_S, time="time_s")


def read_counts_of(region: str, source: Source, ledger: Ledger) -> Iterator[Any]:
    """Yield the cold starts of one region in each minute."""
    ledger.note(f"of the columns of all regions only that of {region} is given out")
    for part in read_counts(source, ledger):
        mine = part.filter(pc.equal(pc.cast(part["series"], "string"), region))
        ledger.unfolded += mine.num_rows - part.num_rows
        if mine.num_rows:
            yield mine


def _places() -> Iterator[Place]:
    """Yield the places, each unpacked and in zip archives."""
    day, part = r"(day_\d\d)\.csv", r"part-(\d{5})[-.\w]*\.csv"
    for files in ("**/R[1-5]/day_??.csv*", "**/*.zip"):
        yield Place(files, rf".*?(R[1-5])/{day}", read_cold_starts, "cold_starts")
    for files in ("**/R[1-5]*/part-*.csv*", "**/*.zip"):
        yield Place(files, rf".*?(R[1-5])[_\d]*/{part}", read_requests, "invocations", "{}-requests-{}")
    for files in ("**/R[1-5]/*/day_??.csv*", "**/*.zip"):
        yield Place(files, rf".*?(R[1-5])/(\w+)/{day}", read_rates, "rates", companion=functions_of)
    yield Place(
        "**/*df_funcID_runtime_triggerType.csv*",
        r".*df_funcID_runtime_triggerType\.csv",
        read_functions,
        "functions",
        "R2-functions",
    )
    counts = r"(cold_starts_per_minute)[-_\w]*\.csv"
    yield Place("cold_starts_per_minute*.csv*", counts, read_counts, "rates")
    for region in ("R1", "R2", "R3", "R4", "R5"):
        yield Place("cold_starts_per_minute*.csv*", counts, partial(read_counts_of, region), "rates", f"{region}-{{}}")


HUAWEI_2025 = Dataset(
    name="huawei-2025",
    about=About(
        title="cold starts of a month in five regions of a public cloud, a day of its requests, numbers by the minute",
        licence="CC BY 4.0",
        cite='Joosen et al., "Serverless Cold Starts and Where to Find Them", EuroSys 2025',
        obtain="GitHub sir-lab/data-release, README_data_release_2025.md, which links to Google Drive",
    ),
    folders=("huawei-2025", "huawei-2025-cold-starts"),
    places=tuple(_places()),
)
