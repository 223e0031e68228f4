"""Azure LMM inference 2025: a week of requests with images to multimodal models, a million of them.

Source: Qiu et al., "ModServe: Modality- and Stage-Aware Resource Disaggregation for Scalable Multimodal Model Serving", SoCC 2025.
Stamps are arrivals, `2024-10-15T12:00:00.269Z`; ContextTokens holds the tokens of text and images together.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from simtier.traces.columns import Kind, Whole
from simtier.traces.csv_rows import csv_rows
from simtier.traces.dataset import About, Dataset, Place
from simtier.traces.datasets.azure_llm_2023 import COLUMNS, requests
from simtier.traces.ledger import Ledger
from simtier.traces.ordering import in_order
from simtier.traces.source import Source

_WITH_IMAGES: dict[str, Kind] = {**COLUMNS, "NumImages": Whole()}


def read(source: Source, ledger: Ledger) -> Iterator[Any]:
    """Yield the requests of a file."""
    blocks = csv_rows(source, ledger, _WITH_IMAGES)
    yield from in_order(source.label, "llm_requests", (_requests(block) for block in blocks), ledger)


def _requests(block: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    stamps, columns = requests(block)
    return stamps, {**columns, "images": block["NumImages"]}


AZURE_LMM_2025 = Dataset(
    name="azure-lmm-2025",
    about=About(
        title="requests with images to multimodal models, a week",
        licence="CC-BY 4.0",
        cite='Qiu et al., "ModServe: Modality- and Stage-Aware Resource Disaggregation for Scalable Multimodal Model Serving", SoCC 2025',
        obtain="GitHub Azure/AzurePublicDataset, data/AzureLMMInferenceTrace_multimodal.csv.gz",
    ),
    folders=("azure-lmm-2025",),
    places=(Place("AzureLMMInferenceTrace_*", r"AzureLMMInferenceTrace_(.+)\.csv", read, "llm_requests"),),
)
