"""Azure Functions 2021: every invocation of a sample of applications over two weeks.

Source: Zhang et al., "Faster and Cheaper Serverless Computing on Harvested Resources", SOSP 2021; columns app, func,
end_timestamp, duration, in seconds. The END of an invocation is recorded: it arrived at end_timestamp - duration. Rows lie in the order
of arrival, not of the end; where rounding reverses two arrivals they are sorted and counted as inversions. Stamps were shifted by the
publisher, and their zero says nothing. Zero durations are data. A function is app/func, as `func` is unique only inside its
application. Memory, trigger and cold starts are not recorded.

Items: `two-weeks`, the whole file (a .txt, published as a RAR archive to be unpacked by hand); `head-N`, the first N rows or so as other
projects publish them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow.compute as pc

from simtier.traces.columns import Duration, Kind, Text
from simtier.traces.csv_rows import csv_rows
from simtier.traces.dataset import About, Dataset, Place
from simtier.traces.ledger import Ledger
from simtier.traces.ordering import in_order
from simtier.traces.source import Source
from simtier.traces.times import Seconds, begins

COLUMNS: dict[str, Kind] = {"app": Text(), "func": Text(), "end_timestamp": Seconds(), "duration": Duration()}
_FULL = "AzureFunctionsInvocationTraceForTwoWeeksJan2021"


def read(source: Source, ledger: Ledger) -> Iterator[Any]:
    """Yield the invocations of a file."""
    blocks = csv_rows(source, ledger, COLUMNS)
    yield from in_order(source.label, "invocations", (invocations(source.label, block) for block in blocks), ledger)


def invocations(label: str, block: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Return the arrivals and the other columns of a block."""
    durations = block["duration"].to_numpy()
    columns = {
        "duration_s": durations,
        "function": pc.binary_join_element_wise(block["app"], block["func"], "/"),
        "app": block["app"],
    }
    return begins(label, block["end_timestamp"].to_numpy(), durations), columns


AZURE_FUNCTIONS_2021 = Dataset(
    name="azure-functions-2021",
    about=About(
        title="every invocation of some 420 functions, two weeks",
        licence="CC-BY 4.0",
        cite='Zhang et al., "Faster and Cheaper Serverless Computing on Harvested Resources", SOSP 2021',
        obtain=f"GitHub Azure/AzurePublicDataset, data/{_FULL}.rar, to be unpacked with unrar",
    ),
    folders=("azure-functions-2021",),
    places=(
        Place(f"**/{_FULL}.txt*", rf".*{_FULL}\.txt", read, "invocations", "two-weeks"),
        Place(f"**/{_FULL}.csv*", rf".*{_FULL}\.csv", read, "invocations", "two-weeks"),
        Place(f"**/{_FULL}.zip", rf".*{_FULL}\.(?:txt|csv)", read, "invocations", "two-weeks"),
        # Reading it says what to do with it.
        Place(f"**/{_FULL}.rar", rf".*{_FULL}\.rar", read, "invocations", "two-weeks"),
        Place("Azure2021_*.csv*", r"Azure2021_(\d+)\.csv", read, "invocations", "head-{}"),
    ),
)
