"""Platforms with a batching policy in front of their functions, and policies that tests put there."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st
from numpy.typing import NDArray
from platform_playing import at_once, faas
from platform_systems import platform_systems
from playing import Played

from simtier.contract import Batching, FunctionView, Hold, Limits, RequestView
from simtier.models.serverless.function import Function

PER_BYTE_S = 1.66667e-5 / 2**30
"""Dollars for a byte and second."""
PER_REQUEST = 2e-7
WHOLE_CORE = 1792 * 2.0**20
"""Memory that comes with a core, in bytes."""


class Resizing(Batching):
    """Two at a time; `answers` says the memory before each `form`, the last one from then on."""

    answers: tuple[Any, ...] = ()

    def start(self, site: Any, rng: np.random.Generator) -> None:
        self._asked = 0

    def memory(self, function: FunctionView) -> float | None:
        answer: float | None = self.answers[min(self._asked, len(self.answers) - 1)]
        self._asked += 1
        return answer

    def form(self, queue: Sequence[RequestView], limits: Limits) -> Sequence[RequestView] | Hold:
        return queue[:2]


class Latest(Batching):
    """Every other request, from the last on, once three wait or the first has waited for 0.2 s."""

    def form(self, queue: Sequence[RequestView], limits: Limits) -> Sequence[RequestView] | Hold:
        if len(queue) < 3 and limits.now_s < limits.oldest_s + 0.2:
            return Hold(min(limits.now_s + 0.05, limits.oldest_s + 0.2))
        return queue[::-2][: limits.max_batch]


class AnswersForm(Batching):
    """Whatever the test says."""

    answer: str = "all"

    def form(self, queue: Sequence[RequestView], limits: Limits) -> Sequence[RequestView] | Hold:
        answers: Mapping[str, Any] = {
            "all": queue,
            "none": (),
            "twice": (queue[0], queue[0]),
            "number": 3,
            "past": Hold(limits.now_s),
            "nan": Hold(float("nan")),
        }
        found: Sequence[RequestView] | Hold = answers[self.answer]
        return found


def batched(
    arrivals: Any, time: Any, policy: Any, *, batch_cost: float = 0.25, padded: bool = False, **more: Any
) -> dict[str, Any]:
    """Return a platform of one function `f` behind a batching policy; see `platform_playing.faas`."""
    policies = {"batching": policy, **more.pop("policies", {})}
    data = faas(arrivals, time, policies=policies, **more)
    data["apps"]["ask"]["stages"]["serve"] |= {"batch_cost": batch_cost, "padded": padded}
    return data


def size_or_timeout(size: int, timeout_s: float) -> dict[str, Any]:
    """Return the policy."""
    return {"use": "size_or_timeout", "size": size, "timeout": f"{timeout_s} s"}


FOUR = size_or_timeout(4, 0.5)


def crowd(number: int, policy: Any = FOUR, time: Any = "400 ms", **more: Any) -> dict[str, Any]:
    """Return `number` requests that all come at time 0."""
    return at_once(batched("1 /s", time, policy, duration="10 s", **more), number)


def function(played: Played) -> Function:
    """Return the function of the first cell."""
    return played.world.platforms["faas"].cells[0].functions["f"]


def executed(played: Played) -> pd.DataFrame:
    """Return the visits that began, each with `execution`, which tells the batches apart."""
    rows = played.stages[played.stages["started_s"].notna()].copy()
    keys = ["replica", "part", "started_s", "finished_s", "batch"]
    together = rows.groupby(keys, dropna=False)
    # Several batches of a size may begin at once on one instance: they are as many as there are requests for.
    rows["execution"] = together.ngroup() * 1000 + together.cumcount() // rows["batch"]
    return rows


def mean_batch(rows: pd.DataFrame) -> float:
    """Return requests for each execution."""
    return len(rows) / float((1 / rows["batch"]).sum())


def dollars(rows: pd.DataFrame, memory_bytes: float = WHOLE_CORE, granularity_s: float = 0.1) -> float:
    """Return what a request costs on average at the prices of AWS Lambda."""
    units: NDArray[Any] = np.ceil((rows["finished_s"] - rows["started_s"]).to_numpy() / granularity_s - 1e-9)
    each = units * granularity_s * memory_bytes * PER_BYTE_S + PER_REQUEST
    return float((each / rows["batch"].to_numpy()).sum() / len(rows))


POLICIES = st.sampled_from(
    [
        size_or_timeout(1, 0.0),
        size_or_timeout(3, 0.05),
        size_or_timeout(8, 0.2),
        size_or_timeout(64, 0.5),
        {"use": "batching:Latest"},
        {"use": "batch_slo", "slo": "500 ms", "every": "500 ms", "least": 2},
        {"use": "batch_slo", "slo": "1 s", "every": "1 s", "least": 1, "memories": ["100 MB", "200 MB", "300 MB"]},
        {
            "use": "mbs",
            "slo": "500 ms",
            "every": "500 ms",
            "least": 2,
            "sizes": [1, 4],
            "timeouts": ["50 ms", "200 ms"],
        },
    ]
)


@st.composite
def batched_systems(draw: Any) -> str:
    """Return a generated platform, as `platform_systems` does, with a batching policy in front of its functions."""
    data = json.loads(draw(platform_systems()))
    platform, policy = data["platforms"]["faas"], draw(POLICIES)
    platform["policies"]["batching"] = policy
    listed = [*platform["functions"].values(), *([platform["traced"]] if "traced" in platform else [])]
    for function in listed:
        function["max_batch"] = draw(st.sampled_from([32, 32, 2]))
        if "memories" in policy:
            function.pop("provisioned", None)
    for app in data["apps"].values():
        for stage in app["stages"].values():
            stage["batch_cost"] = draw(st.sampled_from([0.0, 0.25, 1.0]))
            stage["padded"] = draw(st.booleans())
            if stage.get("after") is None and draw(st.integers(0, 3)) == 0:
                stage["copies"] = 3
    if draw(st.integers(0, 2)) == 0:
        data["links"]["access"]["loss"] = 0.1
    return json.dumps(data)
