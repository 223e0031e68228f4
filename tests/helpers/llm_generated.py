"""Generated requests for engines, and every batching policy with limits so small that they reach them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from llm_driving import Row

from simtier.contract import IterationBatching
from simtier.models.llm.sequence import NEVER_TOLD
from simtier.policies.batching.fastserve import FastServe
from simtier.policies.batching.orca import Orca
from simtier.policies.batching.priority_batching import Priority
from simtier.policies.batching.sarathi import Sarathi
from simtier.policies.batching.static import Static
from simtier.policies.batching.vllm import Vllm
from simtier.policies.batching.vllm_v1 import VllmV1

laws = settings(
    derandomize=True, deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow], database=None
)
TOKENS, SEQUENCES = 24, 4
CONTEXT = 128
TIMEOUT = 0.0371
POLICIES: dict[str, Callable[[], IterationBatching]] = {
    "static": lambda: Static(size=SEQUENCES, timeout=TIMEOUT, untold=20),
    "orca": lambda: Orca(sequences=SEQUENCES, untold=20),
    "vllm": lambda: Vllm(tokens=TOKENS, sequences=SEQUENCES),
    "vllm, swapping, padded": lambda: Vllm(tokens=TOKENS, sequences=SEQUENCES, swap=True, padded=True, watermark=0.1),
    "vllm_v1": lambda: VllmV1(tokens=TOKENS, sequences=SEQUENCES, whole=False),
    "vllm_v1, whole": lambda: VllmV1(tokens=TOKENS, sequences=SEQUENCES, piece=7),
    "vllm_v1, not chunked": lambda: VllmV1(tokens=TOKENS, sequences=SEQUENCES, chunked=False),
    "sarathi": lambda: Sarathi(tokens=TOKENS, sequences=SEQUENCES),
    "fastserve": lambda: FastServe(tokens=TOKENS, sequences=SEQUENCES, quantum=0.003, starvation=0.2),
    "priority": lambda: Priority(tokens=TOKENS, sequences=SEQUENCES),
    "priority, patient": lambda: Priority(tokens=TOKENS, sequences=SEQUENCES, preempts=False),
}


@st.composite
def requests(draw: Any) -> list[Row]:
    """Up to a dozen requests, some at once, some alike at the begin of their prompts."""
    number = draw(st.integers(1, 12))
    gaps = draw(st.lists(st.sampled_from([0.0, 0.0, 0.00071, 0.0233, 0.311]), min_size=number, max_size=number))
    return [
        Row(
            at=float(at),
            prompt=draw(st.integers(1, 60)),
            output=(output := draw(st.sampled_from([1, 2, 5, 16, 17, 60]))),
            priority=draw(st.sampled_from([0.0, 0.0, 1.0, 2.0])),
            most=draw(st.sampled_from([output, output + 7, NEVER_TOLD])),
            prefix=draw(st.sampled_from([(), (1, 2, 3), (1, 2, 4), (5,)])),
        )
        for at in np.cumsum(gaps)
    ]


@st.composite
def memories(draw: Any) -> tuple[list[Row], int]:
    """Requests, and blocks of 4 tokens that hold at least each of them alone."""
    rows = draw(requests())
    least = max(-(-(row.prompt + row.output) // 4) for row in rows)
    return rows, least + draw(st.sampled_from([0, 1, 3, 10, 1000]))
