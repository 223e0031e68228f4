"""The capacity of systems whose capacity is known by theory, and what a search for it must notice."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from formulas import erlang_c
from hypothesis import given
from hypothesis import strategies as st
from playing import exponential, queue
from scipy.optimize import brentq

from simtier.errors import StudyError
from simtier.report.capacity import as_document
from simtier.study.capacity.found import Capacity, Sought
from simtier.study.capacity.search import capacity, unskewed
from simtier.study.processes import LocalProcesses
from simtier.study.task import Base

SERVICE_S = 0.01
TARGET_S = 0.1


def single(duration: str = "40 s", *, slots: int = 1, seed: int = 1) -> dict[str, Any]:
    """Return M/M/c with an objective of 100 ms for 95 % of the requests."""
    data = queue(
        "50 /s", exponential("10 ms"), slots=slots, duration=duration, app={"slo": {"latency": "100 ms"}}, seed=seed
    )
    return data | {"run": data["run"] | {"warmup": "2 s", "drain": "10 s"}}


def in_time(rate: float, servers: int) -> float:
    """Return P(T <= target) of M/M/c by Erlang C. Gross et al., Fundamentals of Queueing Theory, 4th ed., 2.3.

    The wait is 0 with probability 1 - C, else exponential with rate c mu - lambda, and independent of the service.
    """
    mu, waits = 1 / SERVICE_S, erlang_c(servers, rate * SERVICE_S)
    beyond = servers * mu - rate
    both = (mu * math.exp(-beyond * TARGET_S) - beyond * math.exp(-mu * TARGET_S)) / (mu - beyond)
    return 1 - (1 - waits) * math.exp(-mu * TARGET_S) - waits * both


def holds(found: Capacity, exact: float) -> bool:
    assert found.kept is not None
    assert found.missed is not None
    return found.kept <= exact <= found.missed


def test_the_capacity_of_m_m_1_lies_in_the_interval() -> None:
    """P(T > t) = exp(-(mu - lambda) t): the largest rate with 5 % late is mu + ln(0.05) / t."""
    exact = 1 / SERVICE_S + math.log(0.05) / TARGET_S
    assert in_time(exact, 1) == pytest.approx(0.95)
    found = capacity(Base(single()), Sought(30, 120, precision=0.1, replications=12))
    assert holds(found, exact)
    assert found.missed is not None
    assert found.kept is not None
    assert found.missed < 1.3 * found.kept
    assert all(each.low <= each.mean <= each.high for each in found.rates)


@pytest.mark.slow
def test_the_capacity_of_m_m_4_lies_in_the_interval() -> None:
    exact = brentq(lambda rate: in_time(rate, 4) - 0.95, 10, 399)
    found = capacity(Base(single("60 s", slots=4)), Sought(100, 500, precision=0.03, replications=30))
    assert holds(found, exact)


@pytest.mark.slow
def test_the_interval_misses_the_capacity_no_more_often_than_stated() -> None:
    """Of 60 seeds, at an error rate of 20 %, 20 misses or more come with a probability of 1 % if the rate holds."""
    exact = 1 / SERVICE_S + math.log(0.05) / TARGET_S
    with LocalProcesses(2) as workers:
        found = [
            capacity(
                Base(single(seed=seed)), Sought(40, 110, precision=0.2, alpha=0.2, replications=12), workers=workers
            )
            for seed in range(60)
        ]
    assert sum(not holds(each, exact) for each in found) < 20
    assert sum(each.kept is not None and each.missed is not None for each in found) == 60


def periodic(rate: str = "50 /s", target: str = "15 ms") -> dict[str, Any]:
    arrivals = {"process": "periodic", "rate": rate, "phase": "0 s"}
    return queue(arrivals, "10 ms", duration="10 s", app={"slo": {"latency": target}})


def test_without_chance_the_capacity_is_found_to_the_precision() -> None:
    """D/D/1 keeps every promise up to 100 requests/s, and breaks this one soon beyond."""
    found = capacity(Base(periodic()), Sought(80, 130, precision=0.005))
    assert found.kept is not None
    assert found.missed is not None
    assert 99.5 <= found.kept <= 100 < found.missed <= 1.005 * found.kept * (1 + 1e-9)
    assert not found.undecided
    assert {len(each.attainments) for each in found.rates} == {2}
    assert all(each.low == each.mean == each.high for each in found.rates)


def test_the_whole_range_may_keep_the_objective_or_miss_it() -> None:
    above = capacity(Base(periodic()), Sought(10, 50))
    assert (above.kept, above.missed) == (50, None)
    assert above.notes == ("the highest rate asked keeps the objective: look further up than 50 requests/s",)
    below = capacity(Base(periodic(target="9 ms")), Sought(10, 50))
    assert (below.kept, below.missed) == (None, 10)
    assert "look further down than 10 requests/s" in below.notes[0]


def test_an_objective_that_is_missed_at_low_rates_too_is_noticed() -> None:
    """Batches of four wait for their fourth request: at low rates until the timeout, which is later than was promised."""
    data = queue(
        "50 /s",
        "5 ms",
        duration="5 s",
        policies={"batching": {"use": "size_or_timeout", "size": 4, "timeout": "300 ms"}},
        stage={"batch_cost": 0.0},
        app={"slo": {"latency": "200 ms"}},
    )
    found = capacity(Base(data), Sought(2, 1200, precision=0.9, replications=8))
    assert found.rates[0].verdict == "missed"
    assert found.kept is not None
    assert 400 < found.kept < 900
    assert any("the objective is missed at 2" in note for note in found.notes)


def test_a_run_too_short_for_its_queue_to_show_is_told() -> None:
    """At 101 % load the wait grows by 10 ms a second: within 20 s to no more than 0.2 s of the 2 s that are promised."""
    data = queue("50 /s", "10 ms", duration="20 s", app={"slo": {"latency": "2 s"}})
    found = capacity(Base(data), Sought(90, 103, precision=0.1))
    assert found.kept == 103
    assert any("latencies still grow" in note for note in found.notes)


def test_what_cannot_be_decided_is_told() -> None:
    found = capacity(Base(single("10 s")), Sought(60, 80, precision=0.1, replications=5))
    assert found.undecided
    assert any("nothing is shown by 5 replications" in note for note in found.notes)
    assert all(each.low <= found.share <= each.high for each in found.undecided)


def test_a_promise_to_all_is_broken_by_one_late_request() -> None:
    data = single("10 s")
    data["apps"]["ask"]["slo"]["percentile"] = 100
    found = capacity(Base(data), Sought(1, 90, precision=0.5, replications=5))
    for each in found.rates:
        assert (each.verdict == "kept") == (min(each.attainments) == 1)


def test_attainments_without_one_late_request_show_no_more_than_their_number() -> None:
    """Some 20 requests in each of five replications: none late says little about one in a hundred."""
    data = single("4 s")
    data["apps"]["ask"]["slo"]["percentile"] = 99
    found = capacity(Base(data), Sought(9, 10, replications=5))
    assert all(set(each.attainments) == {1.0} for each in found.rates)
    assert {each.verdict for each in found.rates} == {"undecided"}


@pytest.mark.slow
def test_the_answer_is_the_same_from_any_number_of_workers() -> None:
    sought = Sought(50, 90, precision=0.2, replications=6)
    here = as_document(capacity(Base(single("5 s")), sought))
    with LocalProcesses(2) as workers:
        beside = as_document(capacity(Base(single("5 s")), sought, workers=workers))
    assert json.dumps(here) == json.dumps(beside)


def test_the_rate_is_counted_for_each_accelerator() -> None:
    data = {
        "name": "pool",
        "run": {"duration": "10 s", "drain": "5 s", "warmup": "1 s"},
        "nodes": {"gpus": {"tier": "cloud", "hardware": "cloud_gpu_host", "accelerators": ["a100_80g", "a100_80g"]}},
        "services": {"chat": {"on": "gpus", "llm": {"model": "llama-3-8b"}, "replicas": 2}},
        "apps": {
            "talk": {
                "stages": {"answer": {"service": "chat", "tokens": {"input": 300, "output": 20}}},
                "slo": {"ttft": "200 ms", "percentile": 90},
            }
        },
        "workloads": {"people": {"app": "talk", "from": "gpus", "arrivals": {"process": "poisson", "rate": "10 /s"}}},
    }
    found = capacity(Base(data), Sought(2, 6, precision=0.5, replications=5))
    assert found.kept is not None
    assert found.per_accelerator == found.kept / 2


@given(st.floats(-3, 3), st.integers(5, 100), st.floats(-20, 20))
def test_quantiles_are_moved_by_the_inverse_of_halls_cubic(skewness: float, number: int, quantile: float) -> None:
    """g(t) = t + b t^2 / 3 + b^2 t^3 / 27 + b / 6 with b the skewness over the root of the number. Hall 1992, section 2."""
    bend, t = skewness / math.sqrt(number), unskewed(quantile, skewness, number)
    assert t + bend * t**2 / 3 + bend**2 * t**3 / 27 + bend / 6 == pytest.approx(quantile, abs=1e-4)


@pytest.mark.parametrize(
    ("sought", "told"),
    [
        (Sought(200, 1), "the rates go from 200 to 1 requests/s"),
        (Sought(0, 1), "the first must be above 0"),
        (Sought(1, math.inf), "from 1 to inf"),
        (Sought(1, 2, precision=0.0), "a precision of 0 is not"),
        (Sought(1, 2, alpha=1.5), "an error rate of 1.5"),
        (Sought(1, 2, replications=1), "allow at least 2 at each rate"),
        (Sought(1, 2, workload="ask"), r"no workload 'ask' \(did you mean 'asks'\?\)"),
    ],
)
def test_what_cannot_be_asked_is_refused(sought: Sought, told: str) -> None:
    with pytest.raises(StudyError, match=told):
        capacity(Base(single()), sought)


def test_an_application_that_promises_nothing_is_refused() -> None:
    with pytest.raises(StudyError, match=r"apps\.ask has no `slo` to keep: say what is promised, such as --slo"):
        capacity(Base(queue("5 /s", "10 ms")), Sought(1, 2))


def test_a_rate_at_which_the_scenario_fails_is_named() -> None:
    data = periodic()
    data["workloads"]["asks"]["arrivals"]["jitter"] = "15 ms"
    with pytest.raises(StudyError, match=r"at 100 requests/s replication 0 failed: .*jitter"):
        capacity(Base(data), Sought(10, 100))


def test_a_search_that_is_stopped_says_so() -> None:
    seen: list[int] = []
    with pytest.raises(StudyError, match=r"stopped before anything was shown of 1[0-9.]+ requests/s"):
        capacity(
            Base(single("5 s")),
            Sought(10, 20),
            watch=lambda done, total, text: seen.append(done),
            stop=lambda: len(seen) >= 3,
        )
    assert seen == [1, 2, 3]
