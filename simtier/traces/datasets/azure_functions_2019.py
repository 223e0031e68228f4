"""Azure Functions 2019: two weeks of a random sample of applications, counted by the minute; three tables a day.

Source: Shahrad et al., "Serverless in the Wild", USENIX ATC 2020; files `invocations_per_function_md.anon.dNN.csv` (HashOwner,
HashApp, HashFunction, Trigger, 1..1440), `function_durations_percentiles.anon.dNN.csv` and `app_memory_percentiles.anon.dNN.csv`;
d13 and d14 have no memory file. Slices of it that other projects publish are read too: those of invitro (minutes by their number in
the day) and of Freyr (without owner and application).

Items: `d01` .. `d14` are rates, `d01-functions` .. what is known of each function.

- The count of a minute is of executions that FINISHED in it. Time 0 is the first minute of the file; the fact `origin_s` says where
  that lies on the dataset's clock, which starts with d01. Zero counts are not given out (fact `zero_cells`): an absent row is a zero.
- A series is a HashFunction. Should one appear under two applications, it is owner/application/function.
- Durations are without cold starts. Percentiles, 0 and 100 among them, are of averages over 30 seconds, weighted by their number of
  executions; the columns Minimum and Maximum are not used, as some versions of the runtime did not record them.
- Memory is the committed virtual memory of the application, not of the function. An MB is 2**20 bytes, as Windows counts.
- Some averages are negative, a known fault of the release: they become null, and are counted in a note.

A day is read whole, as its rows are functions and a trace goes by time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from simtier.traces.columns import Count, Kind, Text
from simtier.traces.csv_rows import csv_rows
from simtier.traces.dataset import About, Dataset, Place
from simtier.traces.datasets import azure_functions_tables as tables
from simtier.traces.ledger import Ledger, refuse
from simtier.traces.shown import shown
from simtier.traces.source import Source
from simtier.traces.wide import Cells, by_time, matrix

MINUTE_S = 60
MINUTES = 1440
IDS = ("HashOwner", "HashApp", "HashFunction")


def read_rates(source: Source, ledger: Ledger) -> Iterator[Any]:
    """Yield the invocations of each function in each minute, where there are any."""
    minutes: list[str] = []

    def needed(names: list[str]) -> Mapping[str, Kind]:
        numbers = [name for name in names if name.isdecimal()]
        _check(source.label, numbers)
        minutes.extend(sorted(numbers, key=int))
        return {**dict.fromkeys(IDS, Text()), **dict.fromkeys(minutes, Count())}

    pieces, ids, rows = [], [], 0
    for block in csv_rows(source, ledger, needed, optional=("HashOwner", "HashApp")):
        pieces.append(Cells.of(matrix(block, minutes), rows))
        ids.append(pa.table({name: block[name] for name in IDS if name in block}))
        rows += len(block["HashFunction"])
    if not rows:
        return
    table = pa.concat_tables(ids)
    names = tables.names(table)
    if shared := pc.sum(pc.not_equal(names, table.column("HashFunction").combine_chunks())).as_py():
        ledger.note(f"{shared} rows bear the HashFunction of another function: called owner/application/function")
    cells = sum(len(piece.values) for piece in pieces)
    ledger.unfolded += cells - rows
    _tell(source, ledger, int(minutes[0]), rows * len(minutes) - cells)
    if repeated := rows - pc.count_distinct(names).as_py():
        ledger.note(f"{repeated} rows are of a function that has a row already: counts of both are given out, unmerged")
    starts = [float((int(minute) - int(minutes[0])) * MINUTE_S) for minute in minutes]
    yield from by_time(pieces, starts, float(MINUTE_S), names.dictionary_encode())


def _check(label: str, minutes: list[str]) -> None:
    """Raise TraceError unless there are minutes, and all of one day."""
    if not minutes:
        refuse(label, 1, None, "no column for a minute: expected columns named 1 to 1440")
    outside = [minute for minute in minutes if not re.fullmatch("[1-9][0-9]{0,3}", minute) or int(minute) > MINUTES]
    if outside:
        refuse(label, 1, None, f"column {shown(outside[0])} is no minute of a day: expected 1 to {MINUTES}")


def _tell(source: Source, ledger: Ledger, first: int, zeros: int) -> None:
    """Write down the facts."""
    day = re.search(r"\.d(\d\d)\.csv", source.name)
    if day is None:
        ledger.note("the file does not say of which day it is: origin_s counts from the start of its day")
    start = ((int(day[1]) - 1 if day else 0) * MINUTES + first - 1) * MINUTE_S
    ledger.facts.update(
        origin_s=repr(float(start)), metric="requests", unit="", absent="zero", zero_cells=str(zeros), length_s="60.0"
    )


def read_functions(source: Source, ledger: Ledger) -> Iterator[Any]:
    """Yield what is known of each function; `source` is the table of durations."""
    table = tables.joined(source, ledger)
    ledger.unfolded += table.num_rows + sum(ledger.dropped.values()) - ledger.rows_read
    yield from table.combine_chunks().to_batches()


def functions_of(source: Source, ledger: Ledger) -> Any | None:
    """Return the table of functions for the rates in `source`, or None if no table of durations lies beside it."""
    durations = tables.beside(source).durations
    return None if durations is None else tables.joined(durations, ledger)


def _places(folder: str, rates: str, durations: str, called: str) -> Iterator[Place]:
    """Yield the places of both families for files in `folder`, a glob that ends in a slash, or archives."""
    for files, item in ((f"{folder}{_glob(rates)}*", rates), ("*.tar*", rates), ("*.zip", rates)):
        yield Place(files, f".*{item}", read_rates, "rates", called, functions_of)
    for files, item in ((f"{folder}{_glob(durations)}*", durations), ("*.tar*", durations), ("*.zip", durations)):
        yield Place(files, f".*{item}", read_functions, "functions", f"{called}-functions")


def _glob(item: str) -> str:
    """Return the glob for a file's own name from its regular expression."""
    return re.sub(r"\(.*?\)", "*", item.rpartition("/")[2]).replace("\\", "")


AZURE_FUNCTIONS_2019 = Dataset(
    name="azure-functions-2019",
    about=About(
        title="invocations by the minute, durations and memory of 46,000 functions, two weeks",
        licence="CC-BY 4.0",
        cite='Shahrad et al., "Serverless in the Wild: Characterizing and Optimizing the Serverless Workload at a Large Cloud Provider", USENIX ATC 2020',
        obtain="GitHub Azure/AzurePublicDataset, AzureFunctionsDataset2019.md, azurefunctions-dataset2019.tar.xz",
    ),
    folders=("azure-functions-2019",),
    places=(
        *_places(
            "**/",
            r"invocations_per_function_md\.anon\.(d\d\d)\.csv",
            r"function_durations_percentiles\.anon\.(d\d\d)\.csv",
            "{}",
        ),
        *_places("*/", r"(invitro_extremes)/invocations\.csv", r"(invitro_extremes)/durations\.csv", "{}"),
        *_places(
            "*/",
            r"(freyr_10_functions)/exp_openwhisk_invocation_traces_0\.csv",
            r"(freyr_10_functions)/exp_openwhisk_duration_traces_0\.csv",
            "{}",
        ),
    ),
)
