"""The functions, calls and platforms on which `benchmarks/policies.py` compares policies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simtier.traces.synthesis.invocations import Invocations
from simtier.traces.synthesis.quantiles import Quantiles
from simtier.traces.synthesis.rhythm import FLAT_DAY


@dataclass(frozen=True)
class Workload:
    """Functions, their calls, and the platform they run on.

    Attributes:
        calls: makes the calls.
        memory_mib: sizes that functions have, drawn with `weights`.
        cold_start: of the platform.
        scarce_mib: memory of the platform where it is scarce: about a third of what `forever` holds.
        slo: latency that 95 % of the calls are to keep.
    """

    calls: Invocations
    memory_mib: tuple[int, ...]
    weights: tuple[float, ...]
    cold_start: Mapping[str, Any]
    scarce_mib: int
    slo: str


def _lognormal(mean: str) -> dict[str, Any]:
    return {"distribution": "lognormal", "mean": mean, "cv": 1}


RUNTIMES, RUNTIME_SHARES = ("Python3", "Node.js", "Java", "Custom"), (0.6, 0.2, 0.16, 0.04)
WORKLOADS = {
    "azure-like": Workload(
        Invocations(
            functions=120,
            apps=60,
            rate_per_s=0.4,
            skew=1.2,
            timer_share=0.5,
            periods_s=(60.0, 300.0, 900.0, 1800.0),
            cluster_mean=2.5,
            cluster_s=4.0,
            hours=FLAT_DAY,
            duration_s=Quantiles.of("0:0.01 25:0.1 50:0.5 75:1.5 90:4 99:15 100:30"),
        ),
        memory_mib=(128, 192, 256, 512, 1024),
        weights=(0.4, 0.3, 0.15, 0.1, 0.05),
        cold_start={
            "model": "given",
            "allocating": _lognormal("400 ms"),
            "starting_runtime": _lognormal("350 ms"),
            "deploying_code": _lognormal("250 ms"),
            "deploying_dependencies": _lognormal("300 ms"),
            "initialising": _lognormal("200 ms"),
        },
        scarce_mib=20480,
        slo="5 s",
    ),
    "huawei-like": Workload(
        Invocations(
            functions=120,
            apps=60,
            rate_per_s=0.5,
            skew=0.6,
            timer_share=0.65,
            periods_s=(60.0, 120.0, 300.0, 600.0, 900.0, 1800.0),
            cluster_mean=1.5,
            cluster_s=2.0,
            hours=FLAT_DAY,
            duration_s=Quantiles.of("0:0.002 25:0.01 50:0.03 75:0.2 90:1 99:6 100:20"),
        ),
        memory_mib=(128, 256, 512, 1024),
        weights=(0.86, 0.07, 0.05, 0.02),
        cold_start={
            "model": "pools",
            "pools": {"1 GiB": {"size": 3, "refill": "5 s"}},
            "from_pool": "13 ms",
            "from_scratch": "10.2 s",
            "no_pool": ["Custom"],
            "scheduling": _lognormal("680 ms"),
            "starting_runtime": _lognormal("100 ms"),
            "initialising": _lognormal("260 ms"),
        },
        scarce_mib=8192,
        slo="2 s",
    ),
}
