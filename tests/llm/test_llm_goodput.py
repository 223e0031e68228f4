"""Goodput of applications: who counts, over which accelerators, and the rate at which an attainment is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from llm_driving import ONE_SECOND, Linear

import simtier

APP = {"stages": {"answer": {"service": "chat", "tokens": {"input": 10, "output": 2}}}}


def run(
    arrivals: dict[str, Any],
    slo: dict[str, Any] | None,
    *,
    replicas: int = 1,
    tokens: dict[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """Return the summary of an application on engines with an A100 each; each of `arrivals` is a workload."""
    stages = {"answer": {"service": "chat", "tokens": tokens or {"input": 10, "output": 2}}}
    data = {
        "name": "goodput",
        "run": {"duration": "10 s", **more},
        "nodes": {"gpu": {"tier": "cloud", "cores": 8, "accelerators": ["a100_80g"] * 2, "memory": "64 GiB"}},
        "services": {
            "chat": {"on": "gpu", "replicas": replicas, "llm": {"model": "llama-3-8b", "blocks": 10}},
        },
        "apps": {"ask": {"stages": stages, **({"slo": slo} if slo else {})}},
        "workloads": {name: {"app": "ask", "from": "gpu", "arrivals": each} for name, each in arrivals.items()},
    }
    summary: dict[str, Any] = simtier.run(simtier.Scenario.from_dict(data)).summary
    return summary


def once(at: str) -> dict[str, Any]:
    return {"process": "periodic", "rate": "0.01 /s", "phase": at}


def cost(monkeypatch: pytest.MonkeyPatch, found: Linear) -> None:
    monkeypatch.setattr("simtier.world.llm_costs.ClosedForm", lambda *_: found)


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every iteration take a second."""
    cost(monkeypatch, ONE_SECOND)


@pytest.mark.usefixtures("seconds")
def test_goodput_by_hand() -> None:
    """Two in time, one late, and one that is still in time when the run ends: of four sent, two did as promised."""
    arrivals = {"a": once("0 s"), "b": once("3 s"), "c": once("4500 ms"), "d": once("9500 ms")}
    ask = run(arrivals, {"ttft": "1200 ms", "percentile": 60}, replicas=2)["apps"]["ask"]
    assert (ask["ok"], ask["unfinished"]) == (3, 1)
    assert ask["slo"] == ask["slo"] | {"attainment": 1.0, "met": True}  # nothing is known yet of the fourth
    assert ask["goodput"] == pytest.approx(
        {
            "attainment": 0.75,
            "per_s": 0.3,
            "accelerators": 2.0,
            "per_accelerator_per_s": 0.15,
            "kept_per_accelerator_per_s": 0.2,
        }
    )


@pytest.mark.usefixtures("seconds")
@pytest.mark.parametrize(("percentile", "kept"), [(75, 0.2), (76, 0.0)])
def test_a_rate_is_kept_if_so_many_of_all_that_were_sent_do_as_promised(percentile: int, kept: float) -> None:
    arrivals = {"a": once("0 s"), "b": once("3 s"), "c": once("4500 ms"), "d": once("9500 ms")}
    ask = run(arrivals, {"ttft": "1200 ms", "percentile": percentile}, replicas=2)["apps"]["ask"]
    assert ask["goodput"]["kept_per_accelerator_per_s"] == pytest.approx(kept)


@pytest.mark.usefixtures("seconds")
def test_rejected_requests_were_sent_too() -> None:
    tokens = {"input": 150, "output": 11}  # 161 tokens, and blocks for 160
    ask = run({"a": once("0 s")}, {"ttft": "5 s"}, tokens=tokens)["apps"]["ask"]
    assert ask["rejected"] == 1
    assert (ask["goodput"]["attainment"], ask["goodput"]["per_s"]) == (0.0, 0.0)


@pytest.mark.usefixtures("seconds")
def test_what_arrives_in_the_warm_up_does_not_count() -> None:
    found = run({"a": once("0 s"), "b": once("3 s")}, {"ttft": "1200 ms"}, warmup="2 s")["apps"]["ask"]["goodput"]
    assert found["attainment"] == 1.0
    assert found["per_s"] == pytest.approx(1 / 8)


@pytest.mark.usefixtures("seconds")
def test_without_an_objective_or_requests_there_is_none() -> None:
    assert "goodput" not in run({"a": once("0 s")}, None)["apps"]["ask"]
    found = run({"a": once("9 s")}, {"ttft": "1 s"}, duration="5 s")["apps"]["ask"]["goodput"]
    assert (found["attainment"], found["per_s"], found["kept_per_accelerator_per_s"]) == (None, 0.0, 0.0)


@pytest.mark.usefixtures("seconds")
def test_time_per_token_is_over_the_gaps_and_not_over_the_tokens() -> None:
    """Tokens after 1, 2, 3 and 4 s: three gaps of a second; over four tokens it would be 0.75 s."""
    tokens = {"input": 10, "output": 4}
    summary = run({"a": once("0 s")}, {"tpot": "900 ms"}, tokens=tokens)
    assert summary["llm"]["chat"]["tpot_s"]["mean"] == pytest.approx(1.0)
    assert summary["apps"]["ask"]["slo"]["attainment"] == 0.0


def highest(kept: Callable[[float], float], low: float, high: float, precision: float) -> float:
    """Return the highest value of `kept` over rates, by bisection: it is 0 from some rate between the two on."""
    best = kept(low)
    assert best > 0 == kept(high)
    while high - low > precision * high:
        middle = (low + high) / 2
        found = kept(middle)
        low, high, best = (middle, high, found) if found else (low, middle, best)
    return best


@pytest.mark.parametrize("replicas", [1, 2])
def test_goodput_is_the_highest_rate_that_keeps_the_promise(replicas: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A prompt of 10 tokens takes 0.1 s of an engine: ten a second, and no more, have it in time for good; answers have one token."""
    cost(monkeypatch, Linear(0.0, prompt_s=0.01))
    slo = {"ttft": "150 ms", "percentile": 90}

    def kept(rate: float) -> float:
        arrivals = {"a": {"process": "periodic", "rate": f"{rate} /s"}}
        summary = run(arrivals, slo, replicas=replicas, tokens={"input": 10, "output": 1}, duration="100 s")
        return float(summary["apps"]["ask"]["goodput"]["kept_per_accelerator_per_s"])

    assert highest(kept, replicas, 30.0 * replicas, 0.005) == pytest.approx(10.0, rel=0.02)
