"""CloudMatrix384: DeepSeek-V3 on Ascend 910C, its table of decoding."""

from __future__ import annotations

from llm_driving import Linear, Row, drive

from llm_claims.claim import Claim, once
from simtier.catalogue.hardware import accelerator
from simtier.catalogue.llm import language_model
from simtier.models.llm.closed_form import ClosedForm
from simtier.models.llm.efficiency import Devices, Efficiency
from simtier.models.llm.experts import even_loads
from simtier.models.llm.links import Link
from simtier.models.llm.work import IterationCost
from simtier.policies.batching.vllm_v1 import VllmV1

PAPER = "CloudMatrix-Infer (Zuo et al., 2025, arXiv 2506.12708), table of decoding"
ROWS = ((96, 49.4e-3, 1943.0), (24, 24.6e-3, 974.0), (8, 14.9e-3, 538.0))
"""Batch on one accelerator, time per token, tokens a second; prompts of 4,096 and answers of 256 tokens."""


def closed_form_s(batch: int) -> float:
    """Return an iteration of DeepSeek-V3 on 160 Ascend 910C with so many sequences on each, in INT8."""
    spec, shape = accelerator("ascend_910c"), language_model("deepseek-v3")
    assert shape.experts is not None
    assert spec.link_bytes_per_s is not None
    on = Devices(
        peak_flop_per_s=spec.peak_flop_per_s["int8"],
        bandwidth_bytes_per_s=spec.bandwidth_bytes_per_s,
        data=160,
        link=Link(spec.link_bytes_per_s, spec.link_latency_s),
        weight_bytes=1.0,
        activation_bytes=1.0,
        kv_bytes=2.0,
    )
    cost = ClosedForm(shape, on, Efficiency(), even_loads(shape.experts, 160, 64))
    return cost.seconds((), 160 * batch, 160 * batch * 4224.0)


def decoded(batch: int, cost: IterationCost) -> tuple[float, float]:
    """Return time per token and tokens a second of an engine that decodes so many sequences to their ends."""
    done = drive([Row(prompt=4096, output=256) for _ in range(batch)], VllmV1(tokens=1 << 20), cost).done
    begin_s, end_s = max(each.first_s for each in done), max(each.last_s for each in done)
    tpot_s = sum((each.last_s - each.first_s) / 255 for each in done) / batch
    return tpot_s, batch * 255 / (end_s - begin_s)


def identity() -> float:
    """Return the largest difference of tokens a second from the table's, in %, with its times per token."""
    return 100 * max(abs(decoded(batch, Linear(tpot_s))[1] / per_s - 1) for batch, tpot_s, per_s in ROWS)


def third_row() -> float:
    """Return the row of batch 24 over the table's, with times linear in the batch through the other two."""
    (a, tpot_a, _), (b, tpot_b, _), (c, tpot_c, _) = ROWS
    slope = (tpot_a - tpot_c) / (a - c)
    return decoded(b, Linear(tpot_c - slope * c, decode_s=slope))[0] / tpot_b


def stretched() -> float:
    """Return the same with the closed form, stretched and lifted to meet these two."""
    (a, tpot_a, _), (b, tpot_b, _), (c, tpot_c, _) = ROWS
    slope = (tpot_a - tpot_c) / (closed_form_s(a) - closed_form_s(c))
    return (tpot_c + slope * (closed_form_s(b) - closed_form_s(c))) / tpot_b


def unfitted() -> float:
    """Return the time per token at batch 96 by the closed form with nothing fitted, over the table's."""
    batch, tpot_s, _ = ROWS[0]
    return closed_form_s(batch) / tpot_s


CLAIMS = (
    Claim(
        name="cloudmatrix_identity",
        says="tokens a second are the batch over the time per token",
        source=PAPER,
        setting="engines that decode 96, 24 and 8 sequences with the paper's times per token",
        paper="1,943, 974 and 538 tokens/s",
        figure="largest difference, %",
        high=5,
        tolerance="5 %",
        kind="analytic",
        measure=once(identity),
    ),
    Claim(
        name="cloudmatrix_third_row",
        says="a time per token fitted to two rows predicts the third",
        source=PAPER,
        setting="times linear in the batch through 96 and 8, an engine that decodes 24",
        paper="24.6 ms",
        figure="predicted over measured",
        low=0.85,
        high=1.15,
        tolerance="15 %",
        kind="analytic",
        remark="Added after the row below was seen.",
        measure=once(third_row),
    ),
    Claim(
        name="cloudmatrix_third_row_closed_form",
        says="the same by the closed form of iterations",
        source=PAPER,
        setting="DeepSeek-V3 in INT8 on 160 Ascend 910C, a factor and an offset fitted to 96 and 8, batch 24",
        paper="24.6 ms",
        figure="predicted over measured",
        low=0.85,
        high=1.15,
        tolerance="15 %",
        kind="analytic",
        surrogate="two numbers fitted; links at their nominal rate, no multi-token prediction, even experts",
        remark="The table's times rise steeply at first and less later; the closed form's rise evenly. What of the decoding that comes from is not modelled.",
        measure=once(stretched),
    ),
    Claim(
        name="cloudmatrix_unfitted",
        says="the same without fitting anything",
        source=PAPER,
        setting="the same, with an A100's efficiencies, batch 96",
        paper="49.4 ms",
        figure="predicted over measured",
        low=0.85,
        high=1.15,
        tolerance="15 %",
        kind="analytic",
        surrogate="efficiencies of another accelerator, links at their nominal rate, no multi-token prediction, even experts",
        remark="Nobody measured this accelerator's efficiencies for simtier, and its exchanges of tokens take longer than links at their rate.",
        measure=once(unfitted),
    ),
)
