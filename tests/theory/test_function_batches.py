"""Batches in front of functions: the closed form against worked examples and runs, and what policies make of it."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from batching import PER_BYTE_S, PER_REQUEST, WHOLE_CORE, batched, dollars, executed, mean_batch, size_or_timeout
from hypothesis import given
from hypothesis import strategies as st
from intervals import holds, over
from playing import Played, play

from simtier.policies.batching.grouping import Choices, cheapest, cost
from simtier.policies.batching.oracle import Batches, Price
from simtier.policies.batching.planning import Setting

PRICE = Price(PER_BYTE_S, PER_REQUEST, 0.1)
WARM_S = 20.0
EXAMPLES = [(5.0, 8, 0.5, 3.494, 0.46), (20.0, 8, 0.5, 7.760, 0.34), (100.0, 16, 0.2, 15.75, 0.29)]
"""Rate, size and timeout; mean batch and cost of a request over that of one alone, worked out by hand for s(b) = 0.3 s + 0.1 s b."""


def service(size: int) -> Any:
    return 0.3 + 0.1 * np.arange(1, size + 1)


def told(rate: float, size: int, timeout_s: float) -> Batches:
    return Batches(rate, size, timeout_s, service(size))


ALONE = told(1.0, 1, 0.0).cost(PRICE, WHOLE_CORE)


@pytest.mark.parametrize(("rate", "size", "timeout_s", "mean", "ratio"), EXAMPLES)
def test_the_closed_form_gives_the_worked_examples(
    rate: float, size: int, timeout_s: float, mean: float, ratio: float
) -> None:
    batches = told(rate, size, timeout_s)
    assert batches.mean_size == pytest.approx(mean, abs=0.005)
    assert batches.cost(PRICE, WHOLE_CORE) / ALONE == pytest.approx(ratio, abs=0.005)


@pytest.mark.parametrize(("rate", "size", "timeout_s"), [case[:3] for case in EXAMPLES] + [(2.0, 3, 1.0)])
def test_runs_have_the_batches_the_latency_and_the_cost_of_the_closed_form(
    rate: float, size: int, timeout_s: float
) -> None:
    batches = told(rate, size, timeout_s)
    points = [batches.percentile_s(level) + 1e-6 for level in (0.1, 0.5, 0.95)]

    def measures(played: Played) -> list[float]:
        rows = played.stages[played.stages["sent_s"] >= WARM_S]
        latency = rows["finished_s"] - rows["sent_s"]
        return [
            mean_batch(rows),
            dollars(rows),
            latency.quantile(0.95),
            *((latency <= point).mean() for point in points),
        ]

    data = batched(f"{rate} /s", "0.4 s", size_or_timeout(size, timeout_s), duration=f"{20 + 4000 / rate} s")
    found = over(data, measures)
    holds(batches.mean_size, found[:, 0], 0.02)
    holds(batches.cost(PRICE, WHOLE_CORE), found[:, 1], 0.02)
    assert found[:, 2].mean() == pytest.approx(batches.percentile_s(0.95), rel=0.005)
    for column, point in zip(found.T[3:], points, strict=True):
        holds(batches.within(point), column, 0.1)


@given(
    rate=st.floats(0.1, 100),
    size=st.integers(1, 12),
    timeout_s=st.sampled_from([0.0, 0.01, 0.3, 2.0]),
    latency_s=st.floats(0, 5),
)
def test_the_closed_form_is_a_distribution(rate: float, size: int, timeout_s: float, latency_s: float) -> None:
    batches = told(rate, size, timeout_s)
    assert batches.probabilities.sum() == pytest.approx(1.0)
    assert 1 - 1e-12 <= batches.mean_size <= size + 1e-12
    assert -1e-9 <= batches.within(latency_s) <= batches.within(latency_s + 0.1) + 1e-9 <= 1 + 2e-9
    assert batches.within(0.399) == 0.0  # the shortest execution takes 0.4 s
    assert batches.within(timeout_s + 0.3 + 0.1 * size) == pytest.approx(1.0)


def test_times_that_are_not_certain_are_those_of_each_mixed() -> None:
    """The wait does not depend on how long executions take: the share in time is the mean over equally likely times."""
    short, long = service(8), 2 * service(8)
    mixed = Batches(20.0, 8, 0.5, np.column_stack([short, long]))
    parts = [Batches(20.0, 8, 0.5, each) for each in (short, long)]
    for latency_s in (0.9, 1.3, 2.0):
        assert mixed.within(latency_s) == pytest.approx(np.mean([part.within(latency_s) for part in parts]))
    assert mixed.cost(PRICE, 1e9) == pytest.approx(np.mean([part.cost(PRICE, 1e9) for part in parts]))


# -- BATCH


def planned(rate: float, slo_s: float, **more: Any) -> dict[str, Any]:
    policy = {"use": "batch_slo", "slo": f"{slo_s} s", **more}
    function = {"memory": "1792 MiB"}
    return batched(f"{rate} /s", "0.4 s", policy, function=function, memory_per_core="1792 MiB", duration="600 s")


@pytest.mark.parametrize(("rate", "slo_s", "most"), [(5.0, 1.5, 0.46), (20.0, 1.5, 0.36), (100.0, 2.2, 0.30)])
def test_batch_keeps_its_slo_at_a_third_of_the_cost_of_no_batching(rate: float, slo_s: float, most: float) -> None:
    rows = play(planned(rate, slo_s)).stages
    rows = rows[rows["sent_s"] >= 120.0]
    assert ((rows["finished_s"] - rows["sent_s"]) <= slo_s).mean() >= 0.95 - 3 * np.sqrt(0.05 * 0.95 / len(rows) * 8)
    assert 0.28 < dollars(rows) / ALONE <= most


def test_batch_lets_requests_run_alone_until_a_window_is_over_and_if_nothing_else_keeps_the_slo() -> None:
    rows = play(planned(20.0, 1.5)).stages
    assert (rows.loc[rows["sent_s"] < 60.0, "batch"] == 1).all()
    assert rows.loc[rows["sent_s"] > 61.0, "batch"].max() == 8
    assert set(play(planned(20.0, 0.45)).stages["batch"]) == {1}


def test_batch_chooses_the_memory_that_costs_least() -> None:
    """Half a core takes twice as long for the same price of work: with time to spare either will do, without only the larger."""
    memories = ["896 MiB", "1792 MiB", "3584 MiB"]
    hurried = play(planned(20.0, 1.0, memories=memories)).stages
    relaxed = planned(20.0, 8.0, memories=memories)
    relaxed["platforms"]["faas"]["policies"]["batching"]["granularity"] = "1 s"
    slow = play(relaxed).stages
    took = (hurried["finished_s"] - hurried["started_s"]) / (0.3 + 0.1 * hurried["batch"])
    assert took.to_numpy() == pytest.approx(1.0)
    late = slow[slow["sent_s"] > 70.0]
    took = (late["finished_s"] - late["started_s"]) / (0.3 + 0.1 * late["batch"])
    assert took.to_numpy() == pytest.approx(2.0)


# -- MBS


def test_the_cheapest_groups_are_those_of_trying_all() -> None:
    """Against every division into at most three groups and every setting, without a limit on who is late."""
    rng = np.random.default_rng(5)
    costs = {(low, high): rng.uniform(1, 2, 3) for low in range(6) for high in range(low + 1, 7)}

    def choices(low: int, high: int) -> Choices:
        return Choices(low, high, (high - low) / 6, [Setting(1, 0.0, float(each)) for each in costs[low, high]])

    found = cheapest(6, 3, choices, 0.95)
    bounds = [
        (0, *inner, 6)
        for inner in [(), *((a,) for a in range(1, 6)), *((a, b) for a in range(1, 6) for b in range(a + 1, 6))]
    ]
    least = min(
        sum((high - low) / 6 * costs[low, high].min() for low, high in itertools.pairwise(cut)) for cut in bounds
    )
    assert cost(found) == pytest.approx(least)
    assert [group.low for group in found] == [0, *(group.high for group in found[:-1])]


def test_groups_are_in_time_as_far_as_can_be() -> None:
    settings = [Setting(1, 0.0, 3.0, 1.0), Setting(2, 0.0, 2.0, 0.9), Setting(4, 0.0, 1.0, 0.5)]

    def chosen(in_time: float) -> list[int]:
        groups = cheapest(1, 2, lambda low, high: Choices(low, high, 1.0, settings), in_time)
        return [group.setting.size for group in groups]

    assert (chosen(0.4), chosen(0.9), chosen(0.95)) == ([4], [2], [1])


HEAVY = {"distribution": "lognormal", "mean": "100 ms", "cv": 3}


def sized(policy: Any) -> dict[str, Any]:
    function = {"memory": "1792 MiB", "max_batch": 64}
    return batched(
        "100 /s", HEAVY, policy, padded=True, function=function, memory_per_core="1792 MiB", duration="400 s"
    )


def padding(played: Played, alone: Any) -> float:
    """Return the padding of requests over what they take alone."""
    rows = played.stages[played.stages["sent_s"] >= 310.0]
    own = rows["request"].map(alone)
    longest = (rows["finished_s"] - rows["started_s"]) / (1 + 0.25 * (rows["batch"] - 1))
    return float((longest - own).sum() / own.sum())


def test_mbs_pads_a_fifth_and_costs_less_at_heavy_tailed_sizes() -> None:
    """Against one buffer that does not know sizes (BATCH), and against one that does; what was found is told in the policy."""
    choice = {"slo": "2 s", "sizes": [1, 2, 4, 8, 16, 32, 64]}
    runs = {
        "alone": play(sized("none")),
        "batch": play(sized({"use": "batch_slo", **choice})),
        "one": play(sized({"use": "mbs", "groups": 1, **choice})),
        "four": play(sized({"use": "mbs", **choice})),
    }
    alone = runs["alone"].stages.set_index("request").eval("finished_s - started_s")
    rows = {name: run.stages[run.stages["sent_s"] >= 310.0] for name, run in runs.items()}
    paid = {name: dollars(each) for name, each in rows.items()}
    padded = {name: padding(run, alone) for name, run in runs.items()}
    late = {name: float((each["finished_s"] - each["sent_s"] > 2.0).mean()) for name, each in rows.items()}
    assert late["four"] < 0.06
    assert late["one"] < 0.06
    assert padded["four"] < 0.2 * padded["batch"]
    assert 2 < paid["batch"] / paid["four"] < 8
    assert paid["alone"] / paid["four"] > 2
    assert paid["one"] / paid["four"] > 1.5
    assert mean_batch(rows["four"]) > 3 * mean_batch(rows["one"])


def test_mbs_sends_short_and_long_requests_apart() -> None:
    """As if the sizes that each batch spans were those of at most four groups."""
    alone = play(sized("none")).stages.set_index("request").eval("finished_s - started_s")
    rows = executed(play(sized({"use": "mbs", "slo": "2 s"})))
    rows["own"] = rows["request"].map(alone)
    spans = rows[rows["sent_s"] > 310.0].groupby("execution")["own"].agg(["min", "max", "size"])
    spans = spans[spans["size"] > 1].sort_values("min")
    reach = spans["max"].cummax()
    apart = int((spans["min"].to_numpy()[1:] > reach.to_numpy()[:-1]).sum())
    assert 1 <= apart <= 3
