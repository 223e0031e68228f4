"""NanoFlow: operations of nano-batches side by side."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

from playing import play

from llm_claims.claim import Claim, once, over
from simtier.catalogue.llm import language_model
from simtier.models.llm.closed_form import ClosedForm
from simtier.models.llm.efficiency import Devices, Efficiency
from simtier.models.llm.links import Link
from simtier.models.llm.overlap import Overlap, Overlapped

PAPER = "NanoFlow (Zhu et al., OSDI 2025)"
CUTLASS = 260e12
"""What NanoFlow takes for the peak of matrix products on an A100."""
SETTING = "Llama-2-70B on 8 A100s, batch of 2,048: 1,024 tokens of prompts, 1,024 decodes at 768"
ASSUMED = "shares of an accelerator to speed by P(R) = R, R^0.72, R^0.5, near the paper's measured map; its search is left out"
ORDER: tuple[Overlap, ...] = ("nano", "network", "all")


@cache
def iteration_s(overlap: Overlap | None) -> float:
    """Return what an iteration takes; None for one operation after the other."""
    shape, at = language_model("llama-2-70b"), Efficiency(compute=CUTLASS / 312e12)
    eight = Devices(peak_flop_per_s=312e12, bandwidth_bytes_per_s=2.039e12, number=8, link=Link(300e9, 1.9e-6))
    cost = ClosedForm(shape, eight, at) if overlap is None else Overlapped(shape, eight, at, overlap)
    return cost.seconds([(512, 0), (512, 0)], 1024, 1024 * 768.0)


def gain(overlap: Overlap) -> float:
    """Return the speed over that of one operation after the other."""
    return iteration_s(None) / iteration_s(overlap)


def utilisation() -> float:
    """Return the compute used with everything overlapped, in % of the optimum."""
    return 100 * 2048 * 2 * 70e9 / (8 * CUTLASS) / iteration_s("all")


def served(overlap: str, replication: int) -> float:
    """Return the tokens that a saturated replica computes in a minute."""
    data: dict[str, Any] = {
        "name": "nanoflow",
        "run": {"duration": "60 s", "drain": "0 s", "seed": 1},
        "nodes": {"gpus": {"tier": "cloud", "cores": 64, "accelerators": ["a100_80g"] * 8}},
        "services": {
            "chat": {
                "on": "gpus",
                "llm": {"model": "llama-2-70b", "tensor": 8, "overlap": overlap},
                "policies": {"batching": "nanoflow"},
            }
        },
        "apps": {"ask": {"stages": {"answer": {"service": "chat", "tokens": {"input": 512, "output": 512}}}}},
        "workloads": {"asks": {"app": "ask", "from": "gpus", "arrivals": {"process": "poisson", "rate": "30 /s"}}},
    }
    rows = play(data, replication).table("iterations")
    return float((rows["prompt_tokens"] + rows["decodes"] * rows["iterations"]).sum())


def saturated(replication: int) -> float:
    """Return the tokens computed with overlap over those without."""
    return served("all", replication) / served("none", replication)


def _ablation(overlap: Overlap, words: str, paper: float, within: float) -> Claim:
    return Claim(
        name=f"nanoflow_{overlap}",
        says=words,
        source=f"{PAPER}, ablation",
        setting=SETTING,
        paper=f"{paper:.3g} times",
        figure="speed over one operation after the other",
        low=paper - within,
        high=paper + within,
        tolerance=f"± {within:g}",
        kind="analytic",
        surrogate="the factor is an input" if overlap == "nano" else ASSUMED,
        measure=once(partial(gain, overlap)),
    )


CLAIMS = (
    _ablation("nano", "nano-batches alone are slower", 0.868, 0.01),
    _ablation("network", "overlapping the network makes up for it", 1.07, 0.05),
    _ablation("all", "overlapping memory, too, gains more", 1.17, 0.10),
    Claim(
        name="nanoflow_order",
        says="in this order",
        source=f"{PAPER}, ablation",
        setting=SETTING,
        paper="nano-batches < serial < with network < with memory",
        figure="the smallest of the three ratios of one to the one before it",
        low=1.0,
        tolerance="above 1",
        kind="analytic",
        surrogate=ASSUMED,
        measure=once(lambda: min(1 / gain("nano"), gain("network"), gain("all") / gain("network"))),
    ),
    Claim(
        name="nanoflow_utilisation",
        says="compute is used to two thirds",
        source=f"{PAPER}, evaluation",
        setting=SETTING,
        paper="68.5 % of the optimum",
        figure="compute used, % of 260 TFLOP/s",
        low=60,
        high=75,
        tolerance="60 to 75 %",
        kind="analytic",
        surrogate=ASSUMED,
        measure=once(utilisation),
    ),
    Claim(
        name="nanoflow_saturated",
        says="a saturated replica computes more, not much",
        source=f"{PAPER}, ablation",
        setting="30 requests/s of 512 and 512 tokens, `nanoflow`, `overlap: all` against `none`",
        paper="1.17 times; 1.91 times and more are against other systems",
        figure="tokens computed, over those without overlap",
        low=1.07,
        high=1.27,
        tolerance="1.17 ± 0.1",
        kind="replications",
        surrogate=ASSUMED,
        measure=over(3, saturated),
    ),
)
