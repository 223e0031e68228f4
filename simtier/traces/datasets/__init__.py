"""The datasets simtier reads, by name: one line for each module that declares one."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from simtier.traces.dataset import Dataset
from simtier.traces.datasets.azure_llm_2023 import AZURE_LLM_2023
from simtier.traces.datasets.fcc import FCC
from simtier.traces.datasets.norway_hsdpa import NORWAY_HSDPA
from simtier.traces.datasets.oboe import OBOE

DATASETS: Mapping[str, Dataset] = MappingProxyType(
    {dataset.name: dataset for dataset in (AZURE_LLM_2023, FCC, NORWAY_HSDPA, OBOE)}
)
