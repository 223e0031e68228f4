"""Azure LLM inference 2024: a week of two production services, `code` and `conv`, 44 million requests.

Source: Stojkovic et al., "DynamoLLM: Designing LLM Inference Clusters for Performance and Energy Efficiency", HPCA 2025. The columns of
2023, but stamps have six digits of fraction and an offset from UTC (`2024-05-10 00:00:00.009930+00:00`); one without a fraction is
taken for a whole second.
"""

from __future__ import annotations

from simtier.traces.dataset import About, Dataset, Place
from simtier.traces.datasets.azure_llm_2023 import read

AZURE_LLM_2024 = Dataset(
    name="azure-llm-2024",
    about=About(
        title="arrivals and lengths at two language-model services, a week each",
        licence="CC-BY 4.0",
        cite='Stojkovic et al., "DynamoLLM: Designing LLM Inference Clusters for Performance and Energy Efficiency", HPCA 2025',
        obtain="GitHub Azure/AzurePublicDataset, release dataset-llm-2024",
    ),
    folders=("azure-llm-2024",),
    places=(
        Place("AzureLLMInferenceTrace_*", r"AzureLLMInferenceTrace_([a-z]+)_1week\.csv", read, "llm_requests"),
        Place("*.csv*", r"(?!Azure)(.+)\.csv", read, "llm_requests"),
    ),
)
