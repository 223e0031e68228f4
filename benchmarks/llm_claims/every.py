"""All claims, in the order of the table."""

from __future__ import annotations

from llm_claims import (
    batching,
    distserve,
    experts,
    measured,
    memory,
    pools,
    power,
    queues,
    side_by_side,
    splitwise,
    starts,
    within_a_gpu,
    workloads,
)
from llm_claims.claim import Claim

GROUPS: dict[str, tuple[Claim, ...]] = {
    "Against a real server and another simulator": measured.CLAIMS,
    "Batching": batching.CLAIMS,
    "Queues of prompts": queues.CLAIMS,
    "Pools for prompts and for tokens": (*distserve.CLAIMS, *splitwise.CLAIMS, *pools.CLAIMS),
    "Within an accelerator": (*side_by_side.CLAIMS, *within_a_gpu.CLAIMS),
    "Memory and migration": memory.CLAIMS,
    "Experts, starts and switches": (*experts.CLAIMS, *starts.CLAIMS),
    "Power": power.CLAIMS,
    "Workloads": workloads.CLAIMS,
}
