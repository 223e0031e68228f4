"""Experts spread over accelerators: loads by hand, placement by load, and the exchange of tokens against what was measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simtier.catalogue.hardware import accelerator
from simtier.catalogue.llm import language_model
from simtier.models.llm.closed_form import COMBINED_BYTES, ClosedForm
from simtier.models.llm.efficiency import Devices, Efficiency
from simtier.models.llm.experts import Loads, even_loads, placed, probabilities, skewed_loads
from simtier.models.llm.links import Link
from simtier.models.llm.shape import Experts
from simtier.streams import Streams

FOUR = Experts(number=4, active=2, width=1)
MIXTRAL = language_model("mixtral-8x7b")


def test_the_busiest_accelerator_gets_its_experts_visits_and_meets_them_as_tokens_come() -> None:
    """Two accelerators with two experts each; of two tokens nobody visits an expert of probability 0.9 with 0.01."""
    loads = Loads(placed(np.array([[0.9, 0.5, 0.4, 0.2]]), 2, 0, balanced=False))
    assert loads.visits == pytest.approx(1.4)
    assert loads.imbalance == pytest.approx(1.4)
    assert loads.met(1) == pytest.approx(1.4)
    assert loads.met(2) == pytest.approx(0.99 + 0.75)
    assert loads.met(10**6) == pytest.approx(2.0)


def test_placing_by_load_puts_heavy_beside_light() -> None:
    shares = placed(np.array([[0.9, 0.5, 0.4, 0.2]]), 2, 0, balanced=True)
    assert shares.sum(axis=2).tolist() == [[pytest.approx(1.1), pytest.approx(0.9)]]


def test_a_copy_halves_the_load_of_the_most_popular_expert() -> None:
    """0.9 becomes twice 0.45; then 0.5, 0.4 and 0.2 lie on one of two accelerators, both copies on the other."""
    shares = placed(np.array([[0.9, 0.5, 0.4, 0.2]]), 2, 1, balanced=True)
    assert sorted(shares.ravel().tolist(), reverse=True) == pytest.approx([0.5, 0.45, 0.45, 0.4, 0.2, 0.0])
    assert shares.sum(axis=2).tolist() == [[pytest.approx(1.1), pytest.approx(0.9)]]


def test_experts_in_order_lie_side_by_side_also_if_they_do_not_come_out_even() -> None:
    shares = placed(np.array([[0.5, 0.4, 0.3, 0.2, 0.1]]), 2, 0, balanced=False)
    assert shares.tolist() == [[[0.5, 0.4, 0.3], [0.2, 0.1, 0.0]]]


def test_too_few_experts_for_the_accelerators_are_told() -> None:
    with pytest.raises(ValueError, match="4 experts and 1 copies are too few for 6 accelerators"):
        even_loads(FOUR, 6, 1)


def test_probabilities_follow_popularity_but_no_expert_is_visited_twice() -> None:
    found = probabilities(np.array([[10.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0]]), 2)
    assert found.tolist() == [pytest.approx([1.0, 1 / 3, 1 / 3, 1 / 3]), pytest.approx([0.5] * 4)]


@given(
    cv=st.floats(0.1, 3.0),
    devices=st.sampled_from([1, 2, 4, 8, 16]),
    redundant=st.sampled_from([0, 8, 24]),
    seed=st.integers(0, 5),
    tokens=st.integers(1, 5000),
)
def test_loads_of_any_popularity_are_conserved_and_no_lighter_than_the_mean(
    cv: float, devices: int, redundant: int, seed: int, tokens: int
) -> None:
    experts = Experts(number=16, active=3, width=1)
    rng = Streams(seed).stream("popularity")
    chances = probabilities(rng.lognormal(0.0, cv, (3, 16)), 3)
    assert chances.sum(axis=1) == pytest.approx(3.0)
    assert ((chances >= 0) & (chances <= 1)).all()
    for balanced in (False, True):
        shares = placed(chances, devices, redundant, balanced=balanced)
        loads = Loads(shares)
        assert shares.sum(axis=(1, 2)) == pytest.approx(3.0)
        assert loads.visits >= 3 / devices * (1 - 1e-9)
        assert loads.met(tokens) <= loads.met(tokens + 1) <= -(-(16 + redundant) // devices) + 1e-9
    even = even_loads(experts, devices)
    assert even.visits == pytest.approx(3 / devices)
    assert even.imbalance == pytest.approx(1.0)


def test_balanced_placement_with_copies_takes_nearly_all_imbalance_of_a_skewed_model() -> None:
    """DeepSeek-V3 with 32 copies over 32 accelerators, popularity with CV 1: in order the busiest has about 1.7 times the mean."""
    experts = language_model("deepseek-v3").experts
    assert experts is not None
    drawn = {
        (redundant, balanced): skewed_loads(
            experts, 32, 1.0, 58, Streams(1).stream("experts"), redundant=redundant, balanced=balanced
        )
        for redundant in (0, 32)
        for balanced in (False, True)
    }
    assert 1.5 < drawn[0, False].imbalance < 2.5
    assert drawn[0, True].imbalance < drawn[0, False].imbalance
    assert drawn[32, True].imbalance < 1.05


def test_popularity_is_the_same_for_the_same_seed_and_differs_for_another() -> None:
    first, again, other = (
        skewed_loads(FOUR, 2, 1.0, 3, Streams(seed).stream("service/chat/experts")).visits for seed in (1, 1, 2)
    )
    assert first == again != other


def test_spread_experts_cost_the_busiest_device_and_two_exchanges() -> None:
    """By hand: Mixtral on four devices that compute at once, read nothing twice, and have links of 100 GB/s."""
    experts = MIXTRAL.experts
    assert experts is not None
    slow = Efficiency(compute=1, weights=1, corner=float("inf"), prefill_attention=1, passes=0, call_s=0, layer_s=0)
    on = Devices(peak_flop_per_s=1e14, bandwidth_bytes_per_s=1e30, data=4)
    loads = Loads(placed(np.array([[0.55, 0.35, 0.3, 0.3, 0.2, 0.1, 0.1, 0.1]]), 4, 0, balanced=False))
    tokens, each = 1000, MIXTRAL.feed_forward_parameters(experts.width)
    free = ClosedForm(MIXTRAL, on, slow, loads).seconds([(tokens, 0)], 0, 0.0)
    even = ClosedForm(MIXTRAL, on, slow, even_loads(experts, 4)).seconds([(tokens, 0)], 0, 0.0)
    assert free - even == pytest.approx(32 * (0.9 - 0.5) * tokens * 2 * each / 1e14)
    linked = ClosedForm(MIXTRAL, replace(on, link=Link(100e9, 5e-6)), slow, loads).seconds([(tokens, 0)], 0, 0.0)
    bytes_moved = 0.9 * tokens * 3 / 4 * 4096 * (2 + COMBINED_BYTES)
    assert linked - free == pytest.approx(32 * (2 * 5e-6 + bytes_moved / 100e9))


def test_one_group_reduces_once_a_layer_what_it_did_twice() -> None:
    """Experts spread over the devices of one group answer by an exchange; attention is still reduced."""
    on = Devices(peak_flop_per_s=1e14, bandwidth_bytes_per_s=1e12, number=4, link=Link(1e12, 1e-3))
    experts = MIXTRAL.experts
    assert experts is not None
    together = ClosedForm(MIXTRAL, on, Efficiency()).seconds((), 1, 0.0)
    spread = ClosedForm(MIXTRAL, on, Efficiency(), even_loads(experts, 4)).seconds((), 1, 0.0)
    alone = ClosedForm(MIXTRAL, replace(on, link=None), Efficiency()).seconds((), 1, 0.0)
    assert together - alone == pytest.approx(32 * 2 * 6e-3, rel=1e-3)
    # a millisecond a message: six for the reduction that is left, and one for each of two exchanges
    assert spread - ClosedForm(MIXTRAL, replace(on, link=None), Efficiency(), even_loads(experts, 4)).seconds(
        (), 1, 0.0
    ) == pytest.approx(32 * 8e-3, rel=1e-3)


def exchange_s(link: Link, devices: int, element_bytes: float) -> float:
    """Return what it takes to send 128 tokens of 7,168 elements from each device to eight experts."""
    fixed_s, byte_s = link.all_to_all(devices)
    return fixed_s + byte_s * 128 * 8 * 7168 * element_bytes


@pytest.mark.parametrize(
    ("devices", "dispatch_us", "combine_us"), [(8, 163.0, 318.0), (256, 194.0, 360.0)], ids=["8", "256"]
)
def test_exchanges_are_within_a_quarter_of_deepep_on_400_gbit_s(
    devices: int, dispatch_us: float, combine_us: float
) -> None:
    """DeepEP's low-latency kernels on H800 with ConnectX-7: 128 tokens of 7,168 to eight experts, there in 8 bits, back in 16."""
    link = Link(50e9, 5e-6)
    assert exchange_s(link, devices, 1.0) * 1e6 == pytest.approx(dispatch_us, rel=0.25)
    assert exchange_s(link, devices, 2.0) * 1e6 == pytest.approx(combine_us, rel=0.25)


@pytest.mark.parametrize(
    ("devices", "dispatch_us", "combine_us"), [(8, 116.0, 118.0), (256, 152.0, 149.0)], ids=["8", "256"]
)
def test_exchanges_on_cloudmatrix_take_longer_than_its_links_at_their_rate(
    devices: int, dispatch_us: float, combine_us: float
) -> None:
    """CloudMatrix384 (arXiv 2506.12708) measured, on one die of two with half the links each: our exchange at the nominal rate is a lower bound
    there, between a quarter and two thirds of what was measured."""
    spec = accelerator("ascend_910c")
    assert spec.link_bytes_per_s is not None
    link = Link(spec.link_bytes_per_s / 2, spec.link_latency_s)
    assert 0.22 < exchange_s(link, devices, 1.0) * 1e6 / dispatch_us < 1
    assert 0.4 < exchange_s(link, devices, 2.0) * 1e6 / combine_us < 1


ROWS = [(96, 49.4e-3, 1943), (24, 24.6e-3, 974), (8, 14.9e-3, 538)]
"""Batch on one accelerator, time per token and tokens/s with prompts of 4,096 and answers of 256 tokens (CloudMatrix384, table of decoding)."""


def test_throughput_of_decoding_is_the_batch_over_the_time_per_token() -> None:
    for batch, tpot_s, per_s in ROWS:
        assert batch / tpot_s == pytest.approx(per_s, rel=0.005)
    (a, tpot_a, _), (b, tpot_b, _), (c, tpot_c, _) = ROWS
    slope = (tpot_a - tpot_c) / (a - c)
    assert tpot_c + slope * (b - c) == pytest.approx(tpot_b, rel=0.15)


def test_deepseek_v3_on_160_ascend_910c_decodes_in_three_fifths_of_the_measured_time_and_up() -> None:
    """The closed form with an A100's efficiencies, in INT8, links at their nominal rate and no multi-token prediction: 29.4, 15.5 and 12.8 ms a token
    for batches of 96, 24 and 8; measured 49.4, 24.6 and 14.9. Surrogate: nobody fitted it to this accelerator."""
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
    found = {batch: cost.seconds((), 160 * batch, 160 * batch * 4224.0) for batch, _, _ in ROWS}
    assert [found[batch] / tpot_s for batch, tpot_s, _ in ROWS] == pytest.approx([0.595, 0.63, 0.86], abs=0.02)
