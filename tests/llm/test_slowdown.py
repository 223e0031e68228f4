"""Objectives relative to the request alone: worked by hand, against an idle engine, and that others do not pay for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llm_driving import ONE_SECOND, Linear, Row, closed_form, drive, small_profile

import simtier
from simtier.errors import ScenarioError
from simtier.models.llm import replica
from simtier.models.llm.estimates import alone_s, alone_times
from simtier.models.llm.work import IterationCost
from simtier.policies.batching.vllm_v1 import VllmV1

SLOWDOWNS = ("ttft_slowdown", "tpot_slowdown", "latency_slowdown")


def app(prompt: Any, output: Any, slo: dict[str, Any] | None) -> dict[str, Any]:
    stage = {"service": "chat", "tokens": {"input": prompt, "output": output}}
    return {"stages": {"answer": stage}, **({"slo": slo} if slo else {})}


def scenario(apps: dict[str, Any], arrivals: dict[str, Any], **run: Any) -> simtier.Scenario:
    return simtier.Scenario.from_dict(
        {
            "name": "alone",
            "run": {"duration": "10 s", **run},
            "nodes": {"gpu": {"tier": "cloud", "cores": 8, "accelerators": ["a100_80g"], "memory": "64 GiB"}},
            "services": {"chat": {"on": "gpu", "llm": {"model": "llama-3-8b", "blocks": 400}}},
            "apps": apps,
            "workloads": {name: {"app": name, "from": "gpu", "arrivals": each} for name, each in arrivals.items()},
        }
    )


def once(at: str) -> dict[str, Any]:
    return {"process": "periodic", "rate": "0.01 /s", "phase": at}


def two(slo: dict[str, Any] | None, **run: Any) -> simtier.Result:
    """Run two requests, of which only `b`, 20 + 3 tokens at 0.5 s, may promise something; `a`, 10 + 2 tokens, comes at 0 s.

    Each token of a prompt takes 0.1 s and a decode 0.5 s: a's prompt 1 s from 0 s, then a's token and b's prompt 2.5 s, b's tokens 0.5 s each,
    to 3.5, 4.0 and 4.5 s. Alone b takes 2 s, 2.5 s and 3 s.
    """
    return simtier.run(
        scenario({"a": app(10, 2, None), "b": app(20, 3, slo)}, {"a": once("0 s"), "b": once("500 ms")}, **run)
    )


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> None:
    cost = Linear(0.0, prompt_s=0.1, decode_s=0.5)
    monkeypatch.setattr("simtier.world.llm_costs.ClosedForm", lambda *_: cost)


@pytest.mark.usefixtures("counted")
def test_slowdowns_by_hand() -> None:
    result = two({"ttft_slowdown": 6})
    got = result.summary["llm"]["chat"]
    assert [got[name]["p50"] for name in SLOWDOWNS] == pytest.approx([3.0 / 2.0, 0.5 / 0.5, 4.0 / 3.0])
    table = result.sequences.set_index("app")
    assert table.loc["b", ["alone_first_s", "alone_last_s"]].tolist() == pytest.approx([2.0, 3.0])
    assert table.loc["a", ["alone_first_s", "alone_last_s"]].isna().all()  # promises nothing


@pytest.mark.usefixtures("counted")
@pytest.mark.parametrize(
    ("slo", "attained"),
    [
        ({"ttft_slowdown": 1.51}, 1.0),
        ({"ttft_slowdown": 1.49}, 0.0),
        ({"tpot_slowdown": 1.0}, 1.0),
        ({"latency_slowdown": 1.34}, 1.0),
        ({"latency_slowdown": 1.33}, 0.0),
        ({"ttft_slowdown": 2, "tpot_slowdown": 1.25, "latency_slowdown": 1.5}, 1.0),
        ({"ttft_slowdown": 2, "tpot_slowdown": 1.25, "latency_slowdown": 1.5, "ttft": "2900 ms"}, 0.0),
        ({"ttft_slowdown": 2, "tpot_slowdown": 1.25, "latency_slowdown": 1.5, "latency": "3900 ms"}, 0.0),
    ],
)
def test_a_request_keeps_within_all_its_multiples_or_misses(slo: dict[str, Any], attained: float) -> None:
    summary = two(slo).summary
    told = summary["apps"]["b"]["slo"]
    assert told["attainment"] == summary["apps"]["b"]["goodput"]["attainment"] == attained
    assert told["met"] is (attained == 1.0)
    assert all(told[name] == slo.get(name) for name in SLOWDOWNS)


@pytest.mark.usefixtures("counted")
def test_a_slower_token_than_alone_is_a_slowdown_of_time_per_token() -> None:
    """Each decode takes 0.5 s, so two that decode together take 1 s an iteration: twice as long as alone."""
    apps = {"a": app(10, 9, None), "b": app(10, 3, {"tpot_slowdown": 1.9})}
    summary = simtier.run(scenario(apps, {"a": once("0 s"), "b": once("500 ms")})).summary
    assert summary["llm"]["chat"]["tpot_slowdown"]["p50"] == pytest.approx(2.0)
    assert summary["apps"]["b"]["slo"]["attainment"] == 0.0


@pytest.mark.usefixtures("counted")
@pytest.mark.parametrize(
    ("until", "slo", "attained"),
    [
        ("3 s", {"ttft_slowdown": 1.5}, None),  # due at 3.5 s
        ("3 s", {"ttft_slowdown": 1.2}, 0.0),  # was due at 2.9 s
        ("3800 ms", {"ttft_slowdown": 1.6}, None),  # has its first token, and goes on
        ("3800 ms", {"ttft_slowdown": 1.4}, 0.0),
        ("4200 ms", {"latency_slowdown": 1.2}, 0.0),  # was due at 4.1 s
        ("4200 ms", {"latency_slowdown": 1.3}, None),
    ],
)
def test_unfinished_requests_miss_once_they_are_overdue(
    until: str, slo: dict[str, Any], attained: float | None
) -> None:
    told = two(slo, duration=until).summary["apps"]["b"]
    assert told["slo"]["attainment"] == attained
    assert told["goodput"]["attainment"] == 0.0  # of all that were sent


@pytest.mark.usefixtures("counted")
def test_an_answer_of_one_token_has_no_time_per_token_to_be_slow_in() -> None:
    slo = {"tpot_slowdown": 1, "latency_slowdown": 1}
    summary = simtier.run(scenario({"a": app(10, 1, slo)}, {"a": once("0 s")})).summary
    assert summary["apps"]["a"]["slo"]["attainment"] == 1.0
    assert summary["llm"]["chat"]["tpot_slowdown"]["mean"] is None


@given(st.integers(1, 400), st.integers(1, 200), st.sampled_from(["form", "profile"]))
@settings(derandomize=True, deadline=None, database=None, max_examples=40)
def test_alone_is_what_an_idle_engine_takes(prompt: int, output: int, kind: str) -> None:
    cost: IterationCost = closed_form() if kind == "form" else small_profile()
    driven = drive([Row(prompt=prompt, output=output)], VllmV1(), cost)
    first_s, last_s = alone_times(cost, prompt, output)
    assert driven.times()[0] == pytest.approx((first_s, last_s), rel=1e-9)
    assert last_s == pytest.approx(alone_s(cost, prompt, output), rel=1e-9)


def test_requests_that_never_meet_take_as_long_as_alone() -> None:
    slo = dict.fromkeys(SLOWDOWNS, 1.000001)
    result = simtier.run(scenario({"a": app(300, 50, slo)}, {"a": {"process": "periodic", "rate": "0.5 /s"}}))
    assert result.summary["apps"]["a"]["slo"]["attainment"] == 1.0
    got = result.summary["llm"]["chat"]
    assert [got[name]["max"] for name in SLOWDOWNS] == pytest.approx([1.0] * 3, rel=1e-9)


def test_slowdowns_are_those_of_the_table() -> None:
    spread = {"distribution": "lognormal", "mean": 150, "cv": 1}
    arrivals = {"process": "poisson", "rate": "4 /s"}
    result = simtier.run(
        scenario({"a": app(spread, spread, {"ttft_slowdown": 2})}, {"a": arrivals}, duration="60 s", drain="5 min")
    )
    table = result.sequences
    ratio = (table["first_s"] - table["arrival_s"]) / table["alone_first_s"]
    got = result.summary["llm"]["chat"]["ttft_slowdown"]
    assert [got["mean"], got["p50"], got["p99"]] == pytest.approx([ratio.mean(), *np.quantile(ratio, [0.5, 0.99])])
    assert 1 - 1e-9 <= ratio.min() < 1.1 < ratio.max()
    assert 0.1 < (ratio <= 2).mean() < 0.99
    assert result.summary["apps"]["a"]["slo"]["attainment"] == pytest.approx((ratio <= 2).mean())


def test_nothing_is_computed_for_those_that_promise_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> tuple[float, float]:
        raise AssertionError

    monkeypatch.setattr(replica, "alone_times", never)
    summary = simtier.run(scenario({"a": app(10, 2, {"ttft": "1 s"})}, {"a": once("0 s")})).summary
    assert [summary["llm"]["chat"][name]["mean"] for name in SLOWDOWNS] == [None] * 3
    assert summary["apps"]["a"]["slo"]["attainment"] == 1.0


@pytest.mark.parametrize("name", SLOWDOWNS)
def test_less_than_alone_and_objectives_without_tokens_are_refused(name: str) -> None:
    with pytest.raises(ScenarioError, match=f"apps.a.slo.{name}: 0.9 must be 1 or more"):
        scenario({"a": app(1, 1, {name: 0.9})}, {"a": once("0 s")})
    document = scenario({"a": app(1, 1, {name: 2})}, {"a": once("0 s")}).model_dump(mode="json", by_alias=True)
    document["services"]["plain"] = {"on": "gpu"}
    document["apps"]["a"]["stages"] = {"s": {"service": "plain", "time": "10 ms"}}
    with pytest.raises(ScenarioError, match=f"apps.a.slo.{name}: is for answers of language models"):
        simtier.run(simtier.Scenario.from_dict(document))


def test_a_second_an_iteration_is_as_long_with_others_as_alone() -> None:
    assert alone_times(ONE_SECOND, 10, 4) == (1.0, 4.0)
    assert alone_times(ONE_SECOND, 10, 1) == (1.0, 1.0)
