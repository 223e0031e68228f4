"""BurstGPT: requests to ChatGPT and GPT-4 of a university's users, with failures, and in file 3 with sessions.

Source: Wang et al., "BurstGPT: A Real-World Workload Dataset to Optimize LLM Serving Systems", KDD 2025 (arXiv 2401.17644). Stamps are
arrivals, in whole seconds from 00:00 local time of day 1; the files share this clock, and file 3 begins on day 225 (`origin_s`). One-second
stamps make ties and exact duplicates, which are kept. A failure is a request without response tokens; it is kept and marked. The two
columns that file 3 has more, the session (blank for API requests) and the elapsed time (whole seconds to the last token), stand in the
middle: columns are read by name.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from simtier.traces.columns import Duration, Kind, Label, Text, Whole
from simtier.traces.csv_rows import csv_rows
from simtier.traces.dataset import About, Dataset, Place
from simtier.traces.ledger import Ledger
from simtier.traces.ordering import in_order
from simtier.traces.source import Source
from simtier.traces.times import Seconds

COLUMNS: dict[str, Kind] = {
    "Timestamp": Seconds(),
    "Session ID": Text(blank=True),
    "Elapsed time": Duration(blank=True),
    "Model": Label(),
    "Request tokens": Whole(),
    "Response tokens": Whole(),
    "Total tokens": Whole(),
    "Log Type": Label(),
}
_ONLY_FILE_3 = ("Session ID", "Elapsed time")


def read(source: Source, ledger: Ledger) -> Iterator[Any]:
    """Yield the requests of a file."""
    ledger.facts["clock"] = "seconds from 00:00 local time of day 1"
    unequal = [0]
    blocks = csv_rows(source, ledger, COLUMNS, optional=_ONLY_FILE_3)
    yield from in_order(source.label, "llm_requests", (_requests(block, unequal) for block in blocks), ledger)
    if unequal[0]:
        ledger.note(f"{unequal[0]} rows whose total is not the sum of request and response tokens; these two are used")


def _requests(block: dict[str, Any], unequal: list[int]) -> tuple[Any, dict[str, Any]]:
    """Return stamps and other columns of a block; adds the rows with a wrong total to `unequal`."""
    given, made = block["Request tokens"], block["Response tokens"]
    unequal[0] += int(
        np.count_nonzero(pc.not_equal(pc.add(given, made), block["Total tokens"]).to_numpy(zero_copy_only=False))
    )
    columns = {
        "input_tokens": given,
        "output_tokens": made,
        "failed": pc.equal(made, 0),
        "model": block["Model"],
        "kind": _kinds(block["Log Type"]),
    }
    columns |= {
        name: block[theirs]
        for name, theirs in (("session", "Session ID"), ("elapsed_s", "Elapsed time"))
        if theirs in block
    }
    return block["Timestamp"].to_numpy(), columns


def _kinds(logs: Any) -> Any:
    """Return "conversation" for "Conversation log", and "API" for "API log"."""
    names = [str(name).removesuffix(" log") for name in logs.dictionary.to_pylist()]
    names = ["conversation" if name == "Conversation" else name for name in names]
    return pa.DictionaryArray.from_arrays(logs.indices, pa.array(names, pa.string()))


BURSTGPT = Dataset(
    name="burstgpt",
    about=About(
        title="requests to ChatGPT and GPT-4 over 231 days, with failures and (file 3) sessions",
        licence="CC-BY 4.0",
        cite='Wang et al., "BurstGPT: A Real-World Workload Dataset to Optimize LLM Serving Systems", KDD 2025',
        obtain="GitHub HPMLL/BurstGPT, release v2.0",
    ),
    folders=("burstgpt",),
    places=(
        Place("BurstGPT_*", r"(?:.*/)?BurstGPT_([0-9]+(?:_[a-z0-9]+)?)\.csv", read, "llm_requests"),
        Place(
            "BurstGPT_*",
            r"(?:.*/)?BurstGPT_(without_fails)_([0-9]+)\.csv",
            read,
            "llm_requests",
            called="{1}-{0}",
        ),
    ),
)
