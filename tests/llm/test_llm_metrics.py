"""Metrics of language models: figures by hand, against tokens watched one by one, and objectives for tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llm_driving import ONE_SECOND

import simtier
from simtier.catalogue.hardware import accelerator
from simtier.errors import ScenarioError
from simtier.metrics import answers, latencies, reading
from simtier.metrics.weighted import Weighted
from simtier.models.llm.engine import Engine
from simtier.policies.batching.vllm_v1 import VllmV1


def scenario(apps: dict[str, Any], arrivals: dict[str, Any], llm: dict[str, Any] | None = None, **run: Any) -> Any:
    """Return a scenario with one engine on an A100; each application has the arrivals of its name."""
    return simtier.Scenario.from_dict(
        {
            "name": "engine",
            "run": {"duration": "10 s", **run},
            "nodes": {"gpu": {"tier": "cloud", "cores": 8, "accelerators": ["a100_80g"], "memory": "64 GiB"}},
            "services": {"chat": {"on": "gpu", "llm": {"model": "llama-3-8b", "blocks": 10, **(llm or {})}}},
            "apps": apps,
            "workloads": {name: {"app": name, "from": "gpu", **each} for name, each in arrivals.items()},
        }
    )


def app(prompt: Any, output: Any, slo: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Return an application with one stage."""
    stage = {"service": "chat", "tokens": {"input": prompt, "output": output}}
    return {"stages": {"answer": stage}, **({"slo": slo} if slo else {}), **more}


def once(at: str) -> dict[str, Any]:
    """Return arrivals of which only the first falls into the run."""
    return {"arrivals": {"process": "periodic", "rate": "0.01 /s", "phase": at}}


POISSON = {"arrivals": {"process": "poisson", "rate": "3 /s"}}
SPREAD = {"distribution": "lognormal", "mean": 150, "cv": 1}


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every iteration take a second."""
    monkeypatch.setattr("simtier.world.llm_costs.ClosedForm", lambda *_: ONE_SECOND)


def two(slo_a: dict[str, Any] | None = None, slo_b: dict[str, Any] | None = None, **run: Any) -> Any:
    """Return the summary of two requests: `a`, 10 + 4 tokens, comes at 0 s, and `b`, 20 + 2 tokens, at 1.5 s.

    Iterations take a second: a's prompt from 0 s, a alone from 1 s, a and b's prompt from 2 s, both from 3 s to 4 s.
    """
    apps = {"a": app(10, 4, slo_a), "b": app(20, 2, slo_b)}
    return simtier.run(scenario(apps, {"a": once("0 s"), "b": once("1500 ms")}, **run)).summary


@pytest.mark.usefixtures("seconds")
def test_figures_by_hand() -> None:
    summary = two({"ttft": "1 s"}, {"ttft": "1 s"})
    got = summary["llm"]["chat"]
    assert [got[name] for name in ("served", "in_vain", "left", "rejected", "unfinished")] == [2, 0, 0, 0, 0]
    assert [got["ttft_s"][key] for key in ("mean", "p50", "max")] == pytest.approx([1.25, 1.25, 1.5])
    assert got["ttft_s"]["p90"] == pytest.approx(1.45)
    assert set(got["tpot_s"].values()) == {1.0}
    assert set(got["itl_s"].values()) == {1.0}
    assert [got["latency_s"][key] for key in ("mean", "max")] == pytest.approx([3.25, 4.0])
    assert [got["normalised_latency_s"][key] for key in ("mean", "max")] == pytest.approx([1.125, 1.25])
    assert (got["input_tokens_per_s"], got["output_tokens_per_s"]) == pytest.approx((3.0, 0.6))
    quantiles = {"p50": 1.0, "p90": 1.7, "p95": 1.85, "p99": 1.97, "max": 2.0}  # of 0, 1, 1 and 2 decodes
    assert got["batch"] == pytest.approx({"per_iteration": 1.0, "over_time": 1.0, **quantiles})
    assert got["kv_use"] == pytest.approx({"mean": 0.08, "max": 0.3})  # 1, 1, 3 and 3 of 10 blocks, in 4 of 10 s
    assert got["utilisation"] == summary["services"]["chat"]["utilisation"] == pytest.approx(0.4)
    assert (got["preemptions"], got["cached_share"], got["accelerators"]) == (0, 0.0, pytest.approx(1.0))
    assert got["goodput_per_s"] == got["goodput_per_accelerator_per_s"] == pytest.approx(0.1)
    device = accelerator("a100_80g")
    ridge = 312e12 * 2 / (2 * 2.039e12)  # tokens at which operations take as long as reading weights of two bytes
    works = [tokens / ridge for tokens in (10, 1, 1 + 20, 2)]  # of the four iterations
    watts = [device.peak_w * (0.5 + 0.5 * work / (1 + work * work) ** 0.5) for work in works]
    joules = 6 * device.idle_w + sum(watts)
    assert (got["energy_j"], got["joules_per_output_token"]) == pytest.approx((joules, joules / 6))
    dollars = 10 * device.dollars_per_s
    assert (got["cost_usd"], got["usd_per_million_output_tokens"]) == pytest.approx((dollars, dollars / 6e-6))
    assert (summary["energy_j"], summary["cost_usd"]) == pytest.approx((joules, dollars))  # nothing counts twice


@pytest.mark.usefixtures("seconds")
def test_a_run_without_objectives_or_requests_has_no_such_numbers() -> None:
    summary = simtier.run(scenario({"a": app(10, 4)}, {"a": once("9500 ms")}, warmup="9 s")).summary
    got = summary["llm"]["chat"]
    assert (got["served"], got["unfinished"]) == (0, 1)
    for key in ("goodput_per_s", "goodput_per_accelerator_per_s", "joules_per_output_token", "cached_share"):
        assert got[key] is None or (key == "cached_share" and got[key] == 0.0)
    assert set(got["ttft_s"].values()) == set(got["itl_s"].values()) == {None}
    assert got["utilisation"] == got["output_tokens_per_s"] == 0.0


@pytest.mark.usefixtures("seconds")
def test_only_what_comes_after_the_warm_up_counts() -> None:
    got = two(warmup="1 s")["llm"]["chat"]
    assert got["served"] == 1
    assert got["ttft_s"]["mean"] == pytest.approx(1.5)
    assert got["output_tokens_per_s"] == pytest.approx(5 / 9)  # a's first came at 1 s: its iteration was before
    assert got["utilisation"] == pytest.approx(3 / 9)
    assert got["kv_use"]["mean"] == pytest.approx(0.7 / 9)


@pytest.mark.usefixtures("seconds")
@pytest.mark.parametrize(
    ("slo", "attained"),
    [
        ({"ttft": "1 s"}, 1.0),
        ({"ttft": "999 ms"}, 0.0),
        ({"tpot": "1 s"}, 1.0),
        ({"tpot": "999 ms"}, 0.0),
        ({"latency": "4 s", "ttft": "1 s", "tpot": "1 s"}, 1.0),
        ({"latency": "3999 ms", "ttft": "1 s", "tpot": "1 s"}, 0.0),
        ({"latency": "4 s", "ttft": "1 s", "tpot": "999 ms"}, 0.0),
    ],
)
def test_a_request_meets_all_targets_or_misses(slo: dict[str, str], attained: float) -> None:
    summary = two(slo)
    assert summary["apps"]["a"]["slo"]["attainment"] == attained
    assert summary["apps"]["a"]["slo"]["met"] is (attained == 1.0)
    assert summary["llm"]["chat"]["goodput_per_s"] == attained / 10


@pytest.mark.usefixtures("seconds")
@pytest.mark.parametrize(
    ("until", "slo_a", "slo_b", "attained"),
    [
        ("3500 ms", {"ttft": "1 s"}, {"ttft": "2 s"}, (None, None)),  # both have their first token in time, and go on
        ("3500 ms", {"ttft": "500 ms"}, {"ttft": "1 s"}, (0.0, 0.0)),  # both had it late
        ("2500 ms", {"tpot": "1 ms"}, {"ttft": "2 s"}, (None, None)),  # b may still get its first in time
        ("2500 ms", {"latency": "3 s"}, {"ttft": "500 ms"}, (None, 0.0)),  # b's was due at 2 s
        ("2500 ms", {"latency": "2 s", "ttft": "1 s"}, {"latency": "1100 ms", "tpot": "9 s"}, (0.0, None)),
    ],
)
def test_unfinished_requests_count_once_they_have_missed_a_target(
    until: str, slo_a: dict[str, str], slo_b: dict[str, str], attained: tuple[float | None, ...]
) -> None:
    apps = two(slo_a, slo_b, duration=until)["apps"]
    assert tuple(apps[name]["slo"]["attainment"] for name in ("a", "b")) == attained


@pytest.mark.usefixtures("seconds")
def test_those_that_are_rejected_leave_or_run_in_vain_miss() -> None:
    slo = {"ttft": "9 s"}
    apps = {
        "runs": app(10, 4, slo, timeout="1500 ms"),
        "waits": app(20, 2, slo, timeout="200 ms"),
        "long": app(10, 200, slo),  # 210 tokens, and blocks for 160
    }
    arrivals = {"runs": once("0 s"), "waits": once("1200 ms"), "long": once("0 s")}
    result = simtier.run(scenario(apps, arrivals))
    assert {name: each["slo"]["attainment"] for name, each in result.summary["apps"].items()} == dict.fromkeys(apps, 0)
    got = result.summary["llm"]["chat"]
    assert [got[name] for name in ("served", "in_vain", "left", "rejected", "unfinished")] == [0, 1, 1, 1, 0]
    assert got["goodput_per_s"] == 0.0
    assert dict(zip(result.sequences["app"], result.sequences["outcome"], strict=True)) == {
        "runs": "in_vain",
        "waits": "left",
        "long": "rejected",
    }


@pytest.mark.usefixtures("seconds")
@pytest.mark.parametrize(
    ("slo", "attained"),
    [({"ttft": "4 s"}, 1.0), ({"ttft": "3 s"}, 0.0), ({"tpot": "1 s"}, 1.0), ({"latency": "5 s"}, 1.0)],
)
def test_every_stage_has_to_meet_the_targets(slo: dict[str, str], attained: float) -> None:
    """The first stage has its tokens after 1, 2 and 3 s, the second after 4 and 5 s, both counted from the arrival."""
    stages = {
        "think": {"service": "chat", "tokens": {"input": 10, "output": 3}},
        "say": {"service": "chat", "tokens": {"input": 10, "output": 2}},
    }
    summary = simtier.run(scenario({"a": {"stages": stages, "slo": slo}}, {"a": once("0 s")})).summary
    assert summary["apps"]["a"]["slo"]["attainment"] == attained
    got = summary["llm"]["chat"]
    assert got["served"] == 2
    assert got["goodput_per_s"] == attained / 10  # one request, though it came twice


@pytest.mark.usefixtures("seconds")
def test_a_stage_that_was_not_reached_in_time_is_a_miss() -> None:
    stages = {
        "think": {"service": "chat", "tokens": {"input": 10, "output": 9}},
        "say": {"service": "chat", "tokens": {"input": 10, "output": 2}},
    }
    for ttft, attained in (("4 s", 0.0), ("6 s", None)):
        found = scenario({"a": {"stages": stages, "slo": {"ttft": ttft}}}, {"a": once("0 s")}, duration="5 s")
        assert simtier.run(found).summary["apps"]["a"]["slo"]["attainment"] == attained


BUSY: dict[str, Any] = {
    "apps": {"a": app(SPREAD, SPREAD, {"ttft": "300 ms", "tpot": "14 ms"})},
    "arrivals": {"a": POISSON},
    "llm": {"blocks": 120},
    "duration": "40 s",
    "drain": "10 min",
}


def watch_tokens(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Have iterations taken one by one; return a list that fills with the time of every token since the one before."""
    gaps: list[float] = []
    end = Engine._end  # what no table tells one by one

    def watched(engine: Engine, event: object) -> None:
        before = {each: (each.generated, each.last_s) for each in engine.running}
        end(engine, event)
        for sequence, (generated, last_s) in before.items():
            assert sequence.generated - generated in (0, 1)
            if generated and sequence.generated > generated:
                gaps.append(sequence.last_s - last_s)

    monkeypatch.setattr(Engine, "_end", watched)
    monkeypatch.setattr(VllmV1, "steady", False)
    return gaps


def test_inter_token_latency_is_that_of_the_tokens_watched_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = simtier.run(scenario(**BUSY))
    fast = quick.summary["llm"]["chat"]
    assert fast["preemptions"] > 20
    assert quick.iterations["iterations"].max() > 20
    gaps = watch_tokens(monkeypatch)
    slow = simtier.run(scenario(**BUSY)).summary["llm"]["chat"]
    assert len(gaps) == quick.sequences["output_tokens"].sum() - len(quick.sequences)
    for found in (fast["itl_s"], slow["itl_s"]):
        assert found["mean"] == pytest.approx(np.mean(gaps), rel=1e-9)
        assert found["max"] == pytest.approx(max(gaps), rel=1e-9)
        for key, share in (("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99)):
            assert found[key] == pytest.approx(np.quantile(gaps, share), rel=0.004)
    for key in ("ttft_s", "tpot_s", "latency_s", "batch"):
        assert fast[key] == pytest.approx(slow[key], rel=1e-6), key
    # Within a stretch blocks are taken as growing evenly.
    assert fast["kv_use"] == pytest.approx(slow["kv_use"], rel=0.005)


@pytest.mark.parametrize("policy", ["vllm_v1", "vllm", "orca", "sarathi", "static", "fastserve"])
def test_tokens_of_sequences_are_those_of_iterations(policy: str) -> None:
    found = scenario(**{**BUSY, "duration": "15 s"})
    document = found.model_dump(mode="json", by_alias=True)
    document["services"]["chat"]["policies"]["batching"] = {"use": policy}
    result = simtier.run(simtier.Scenario.from_dict(document))
    sequences, rows = result.sequences, result.iterations
    assert set(sequences["outcome"]) == {"served"}
    tokens = rows["decodes"] * rows["iterations"] + rows["firsts"] + rows["again"]
    assert tokens.sum() == sequences["output_tokens"].sum()
    assert rows["firsts"].sum() == len(sequences)
    got, summary = result.summary["llm"]["chat"], result.summary
    assert got["energy_j"] == pytest.approx(summary["energy_j"], rel=1e-9)  # the only accelerator is the engine's
    assert got["cost_usd"] == pytest.approx(summary["cost_usd"], rel=1e-9)
    busy = (rows["end_s"] - rows["begin_s"]).sum() / summary["window_s"]
    assert got["utilisation"] == pytest.approx(busy)
    assert summary["nodes"]["gpu"]["accelerator_utilisation"] == pytest.approx(busy)
    gaps = tokens.sum() - len(sequences)
    assert got["itl_s"]["mean"] * gaps == pytest.approx((sequences["last_s"] - sequences["first_s"]).sum(), rel=1e-9)
    assert 0 < got["kv_use"]["mean"] <= got["kv_use"]["max"] <= 1
    met = (sequences["first_s"] - sequences["arrival_s"] <= 0.3) & (
        (sequences["last_s"] - sequences["first_s"]) <= 0.014 * (sequences["output_tokens"] - 1)
    )
    assert summary["apps"]["a"]["slo"]["attainment"] == pytest.approx(met.mean())
    assert got["goodput_per_s"] == pytest.approx(met.sum() / 15)


def test_accelerators_of_a_replica_share_its_work() -> None:
    document = scenario(**{**BUSY, "duration": "5 s"}).model_dump(mode="json", by_alias=True)
    document["nodes"]["gpu"]["accelerators"] = ["a100_80g"] * 4
    document["services"]["chat"]["llm"]["tensor"] = 2
    result = simtier.run(simtier.Scenario.from_dict(document))
    got, node = result.summary["llm"]["chat"], result.summary["nodes"]["gpu"]
    assert got["accelerators"] == pytest.approx(2.0)
    assert node["accelerator_utilisation"] == pytest.approx(got["utilisation"] / 2)  # two of four
    unused_j = 2 * accelerator("a100_80g").idle_w * result.summary["window_s"]
    assert node["energy_j"] - got["energy_j"] == pytest.approx(unused_j)


def test_metrics_do_not_depend_on_how_the_tables_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiny pieces, few values held, two passes: the same numbers, and few sequences kept waiting for their requests."""
    stages = {name: {"service": "chat", "tokens": {"input": SPREAD, "output": 40}} for name in ("think", "say")}
    apps = {
        "a": BUSY["apps"]["a"] | {"timeout": "3 s"},
        "two": {"stages": stages, "slo": {"ttft": "2 s", "latency_slowdown": 4}},
    }
    sc = scenario(apps, {"a": POISSON, "two": POISSON}, {"blocks": 120}, duration="40 s", warmup="5 s", replications=2)
    whole = simtier.run(sc).summary
    assert whole["llm"]["chat"]["in_vain"] > 0 < whole["llm"]["chat"]["left"]
    assert 1 < whole["llm"]["chat"]["latency_slowdown"]["p50"] < whole["llm"]["chat"]["latency_slowdown"]["p99"]
    monkeypatch.setattr("simtier.journal.FLUSH_ROWS", 10)
    monkeypatch.setattr(reading, "BATCH_ROWS", 7)
    monkeypatch.setattr(latencies, "HELD", 20)
    kept = watch_waiting(monkeypatch)
    cut = simtier.run(sc).summary
    assert flat(cut) == pytest.approx(flat(whole), rel=1e-12, nan_ok=True)
    assert len(kept) > 30
    assert max(kept) < 200  # of more than 300; those alive, and a piece


def watch_waiting(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that fills with how many sequences wait for their requests' rows."""
    kept: list[int] = []
    of = answers.Answers.of

    def watched(self: answers.Answers, *question: Any) -> answers.Answered:
        found = of(self, *question)
        kept.append(len(self._waiting["request"]))  # memory is what is tested
        return found

    monkeypatch.setattr(answers.Answers, "of", watched)
    return kept


def flat(summary: dict[str, Any], path: str = "") -> dict[str, float]:
    """Return all numbers by their path."""
    found: dict[str, float] = {}
    for key, value in summary.items():
        if isinstance(value, dict):
            found |= flat(value, f"{path}.{key}")
        elif not isinstance(value, str):
            found[f"{path}.{key}"] = float("nan") if value is None else float(value)
    return found


@given(
    st.lists(st.tuples(st.floats(0, 1e6, allow_subnormal=False), st.integers(0, 30)), min_size=1, max_size=40),
    st.sampled_from([0.0, 0.1, 0.5, 0.9, 0.99, 1.0]),
)
@settings(derandomize=True, deadline=None, database=None)
def test_weighted_quantiles_are_those_of_repeated_values(pairs: list[tuple[float, int]], share: float) -> None:
    weighted = Weighted()
    for part in (pairs[: len(pairs) // 2], pairs[len(pairs) // 2 :]):
        weighted.add(np.array([value for value, _ in part]), np.array([float(times) for _, times in part]))
    found = weighted.describe({"q": share})
    values = np.repeat([value for value, _ in pairs], [times for _, times in pairs])
    if not len(values):
        assert set(found.values()) == {None}
        return
    assert found["mean"] == pytest.approx(values.mean(), rel=1e-9)
    assert found["max"] == values.max()
    assert found["q"] == pytest.approx(np.quantile(values, share), rel=0.004)


def refused(slo: dict[str, str], tokens: dict[str, Any] | None) -> str:
    stage: dict[str, Any] = {"service": "chat", "tokens": tokens}
    if tokens is None:
        stage = {"service": "plain", "time": "10 ms"}
    document = scenario({"a": app(1, 1)}, {"a": POISSON}).model_dump(mode="json", by_alias=True)
    document["services"]["plain"] = {"on": "gpu"}
    document["apps"] = {"a": {"stages": {"s": stage}, "slo": slo}}
    with pytest.raises(ScenarioError) as error:
        simtier.run(simtier.Scenario.from_dict(document))
    return str(error.value)


@pytest.mark.parametrize(
    ("check", "said"),
    [
        (
            lambda: refused({}, {"input": 1, "output": 1}),
            "apps.a.slo: promises nothing: give `latency`, or `ttft` or `tpot`",
        ),
        (lambda: refused({"ttft": "1 s"}, None), "apps.a.slo.ttft: is for answers of language models, and no stage"),
        (lambda: refused({"tpot": "0 s"}, {"input": 1, "output": 1}), "apps.a.slo.tpot"),
    ],
)
def test_objectives_that_make_no_sense_are_refused(check: Callable[[], str], said: str) -> None:
    assert said in check()
