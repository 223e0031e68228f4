"""The datasets simtier reads, by name: one line for each module that declares one."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from simtier.traces.dataset import Dataset
from simtier.traces.datasets.aws_spot import AWS_SPOT
from simtier.traces.datasets.azure_functions_2019 import AZURE_FUNCTIONS_2019
from simtier.traces.datasets.azure_functions_2021 import AZURE_FUNCTIONS_2021
from simtier.traces.datasets.azure_llm_2023 import AZURE_LLM_2023
from simtier.traces.datasets.azure_llm_2024 import AZURE_LLM_2024
from simtier.traces.datasets.azure_lmm_2025 import AZURE_LMM_2025
from simtier.traces.datasets.burstgpt import BURSTGPT
from simtier.traces.datasets.fcc import FCC
from simtier.traces.datasets.huawei_2023 import HUAWEI_2023
from simtier.traces.datasets.huawei_2025 import HUAWEI_2025
from simtier.traces.datasets.mahimahi import MAHIMAHI
from simtier.traces.datasets.mooncake import MOONCAKE
from simtier.traces.datasets.norway_hsdpa import NORWAY_HSDPA
from simtier.traces.datasets.oboe import OBOE
from simtier.traces.datasets.own import OWN

DATASETS: Mapping[str, Dataset] = MappingProxyType(
    {
        dataset.name: dataset
        for dataset in (
            AZURE_LLM_2023,
            AWS_SPOT,
            AZURE_LLM_2024,
            AZURE_LMM_2025,
            BURSTGPT,
            MAHIMAHI,
            MOONCAKE,
            AZURE_FUNCTIONS_2019,
            AZURE_FUNCTIONS_2021,
            HUAWEI_2023,
            HUAWEI_2025,
            FCC,
            NORWAY_HSDPA,
            OBOE,
            OWN,
        )
    }
)
