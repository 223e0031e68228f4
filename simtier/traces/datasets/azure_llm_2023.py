"""Azure LLM inference 2023: one hour of two production services, `code` and `conv`.

Source: Patel et al., "Splitwise: Efficient generative LLM inference using phase splitting", ISCA 2024; columns TIMESTAMP (arrival,
100-ns ticks, no zone), ContextTokens (input), GeneratedTokens (output). The end of a request is not recorded. The dataset's page says
11 November, its stamps say 16 November 2023. Zero tokens are data; equal stamps are kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from simtier.traces.columns import Kind, Whole
from simtier.traces.csv_rows import csv_rows
from simtier.traces.dataset import About, Dataset, Place
from simtier.traces.ledger import Ledger
from simtier.traces.ordering import in_order
from simtier.traces.source import Source
from simtier.traces.times import Stamp

COLUMNS: dict[str, Kind] = {"TIMESTAMP": Stamp(), "ContextTokens": Whole(), "GeneratedTokens": Whole()}


def read(source: Source, ledger: Ledger) -> Iterator[Any]:
    """Yield the requests of a file."""
    blocks = csv_rows(source, ledger, COLUMNS)
    yield from in_order(source.label, "llm_requests", (requests(block) for block in blocks), ledger)


def requests(block: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Return the stamps and the other columns of a block."""
    columns = {
        "input_tokens": block["ContextTokens"],
        "output_tokens": block["GeneratedTokens"],
        "failed": np.zeros(len(block["TIMESTAMP"]), dtype=bool),
    }
    return block["TIMESTAMP"].to_numpy(), columns


AZURE_LLM_2023 = Dataset(
    name="azure-llm-2023",
    about=About(
        title="arrivals and lengths at two language-model services, an hour each",
        licence="CC-BY 4.0",
        cite='Patel et al., "Splitwise: Efficient generative LLM inference using phase splitting", ISCA 2024',
        obtain="GitHub Azure/AzurePublicDataset, data/AzureLLMInferenceTrace_code.csv and _conv.csv",
    ),
    folders=("azure-llm-2023",),
    places=(
        Place("AzureLLMInferenceTrace_*.csv*", r"AzureLLMInferenceTrace_((?!.*_1week).+)\.csv", read, "llm_requests"),
        Place("*.csv*", r"(?!AzureLLMInferenceTrace_)(.+)\.csv", read, "llm_requests"),
    ),
)
