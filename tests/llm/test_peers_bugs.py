"""Mistakes that other simulators of language models made, each as a test; those of routers and tables are tested beside these."""

from __future__ import annotations

from typing import Any

import pytest
from llm_driving import closed_form, small_profile
from llm_pools import TOKEN_BYTES, apart, played, rate, service

from simtier.catalogue.llm import language_model
from simtier.models.llm.work import IterationCost

approx = pytest.approx


@pytest.mark.parametrize("cost", [closed_form(), small_profile()], ids=["closed form", "profiled"])
def test_decode_time_blind_to_the_size_of_the_batch(cost: IterationCost) -> None:
    times = [cost.seconds([], decodes, 0.0 + 100 * decodes) for decodes in (1, 8, 32, 128)]
    assert times == sorted(times)
    assert times[-1] > 1.1 * times[0]


def test_bytes_of_keys_and_values_that_ignore_grouped_queries() -> None:
    model = language_model("llama-3-70b")  # 80 layers, 64 heads of queries and 8 of keys and values, of 128
    assert model.kv_bytes() == 2 * 80 * 8 * 128 * 2
    run = played(apart([(0, 100, 4)], prompts=service("a"), tokens=service("b")))
    assert run.transfers.bytes.iloc[0] == 100 * TOKEN_BYTES  # Llama-3-8B: 8 of 32 heads


def test_keys_and_values_that_move_for_nothing() -> None:
    for where in ("a", "b"):
        port = {"bandwidth": rate(10)}
        run = played(
            apart(
                [(0, 100, 4)],
                prompts=service("a", interconnect=port),
                tokens=service(where),
                link={"bandwidth": rate(10)},
            )
        )
        sequence = run.table("sequences").iloc[0]
        assert sequence.delivered_s - sequence.first_s >= 10 * (1 - 1e-9)
        assert sequence.last_s - sequence.delivered_s == approx(3)


def test_prompt_and_decode_pools_whose_transfers_do_not_share_the_link() -> None:
    asked: list[Any] = [(0, 100, 4), (0, 100, 4)]
    alone, both = (played(apart(requests)).table("sequences").delivered_s.max() for requests in (asked[:1], asked))
    assert both - 1.25 == approx(2 * (alone - 1.25))


def test_a_scale_out_that_forgets_requests_that_came_in_the_meantime() -> None:
    """No engine decodes while prompts end: all of them are served once there is one."""
    starting = service("b", replicas=0, policies={"autoscaling": "on_demand"}) | {"startup": "20 s", "least": 0}
    run = played(apart([(float(at), 100, 3) for at in range(5)], tokens=starting))
    assert list(run.requests.outcome) == ["ok"] * 5
    assert run.table("sequences").delivered_s.min() >= 21
