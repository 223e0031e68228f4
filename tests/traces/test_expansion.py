"""From counts to invocations: worked examples, what is known of durations, what is refused, and three real functions."""

from __future__ import annotations

import itertools
import os
import re
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from expanding import EVEN, EXACT, GAMMA, KEY, POISSON, UNIFORM, Row, expanded, functions_table, rates, times_of

from simtier.errors import TraceError
from simtier.traces.durations import Durations
from simtier.traces.expansion import MOST_IN_ONE, Expansion, expand
from simtier.traces.ledger import Ledger


def test_even_is_equally_spaced_from_a_phase() -> None:
    times = times_of(expanded([(120.0, 60.0, "f", 4.0)], EVEN))
    assert np.diff(times) == pytest.approx([15.0, 15.0, 15.0], rel=1e-12)
    assert 120.0 <= times[0] < 135.0


def test_another_key_another_name_another_start_other_times() -> None:
    first = times_of(expanded([(0.0, 60.0, "f", 5.0)], UNIFORM))
    others = [
        times_of(expanded([(0.0, 60.0, "f", 5.0)], UNIFORM, key=KEY + 1)),
        times_of(expanded([(0.0, 60.0, "g", 5.0)], UNIFORM)),
        times_of(expanded([(60.0, 60.0, "f", 5.0)], UNIFORM)) - 60.0,
    ]
    assert all(np.abs(first[:, None] - other).min() > 1e-6 for other in others)


def test_a_quantile_function_is_straight_in_the_logarithm_between_its_points() -> None:
    durations = Durations(
        functions_table({"f": [1.0, 1.0, 1.0, 100.0, 100.0, 100.0, 100.0], "g": [0.0, 0.0, 0.0, 8.0, 8.0, 8.0, 8.0]}),
        None,
    )
    durations.add(["f", "g"])
    assert durations.draw(np.array([0, 0, 0, 1, 1]), np.array([0.1, 0.375, 0.6, 0.375, 0.0])) == pytest.approx(
        [1.0, 10.0, 100.0, 4.0, 0.0]
    )


def test_constant_durations_and_what_is_known_of_a_function_come_along() -> None:
    (row,) = expanded([(0.0, 60.0, "f", 1.0)], Expansion("uniform"), functions=functions_table({"f": [2.5] * 7}))
    assert row["duration_s"] == 2.5
    assert (row["app"], row["trigger"], row["memory_bytes"], row["pod"]) == ("app of f", "timer", 128e6, None)


def test_functions_without_durations_are_left_out_and_counted() -> None:
    rows = [(0.0, 60.0, "f", 2.0), (0.0, 60.0, "stranger", 5.0), (60.0, 60.0, "untold", 1.0)]
    functions = functions_table({"f": [2.5] * 7, "untold": None})
    ledger = Ledger()
    out = expanded(rows, Expansion("uniform"), functions=functions, ledger=ledger)
    assert [row["function"] for row in out] == ["f", "f"]
    assert ledger.dropped == {"function without known durations": 6}
    assert ledger.notes == ["counts became arrivals by `uniform`, a choice of the model"]


def test_those_left_out_are_counted_even_if_nobody_reads_on() -> None:
    ledger = Ledger()
    rows = [(60.0 * minute, 60.0, name, 3.0) for minute in range(4) for name in ("f", "stranger")]
    batches = (rates(rows[first : first + 2]) for first in range(0, len(rows), 2))
    next(expand(batches, Expansion("even"), KEY, functions_table({"f": [1.0] * 7}), ledger))
    assert ledger.dropped == {"function without known durations": 6}


def test_a_default_duration_and_a_mean_fill_in() -> None:
    rows = [(0.0, 60.0, "untold", 1.0), (60.0, 60.0, "stranger", 1.0)]
    out = expanded(rows, Expansion("uniform", None, 7.0), functions=functions_table({"untold": None}, mean=3.0))
    assert [(row["duration_s"], row["app"]) for row in out] == [(3.0, "app of untold"), (7.0, None)]


def test_an_endless_stream_is_expanded_as_it_comes() -> None:
    taken = itertools.count(1)
    batches = (rates([(60.0 * (next(taken) - 1), 60.0, "f", 3.0)]) for _ in itertools.repeat(None))
    out = expand(batches, UNIFORM, KEY, None)
    assert [next(out).num_rows for _ in range(5)] == [3] * 5
    assert next(taken) == 7


@pytest.mark.parametrize(
    ("row", "how", "message"),
    [
        ((60.0, 60.0, "f", -1.0), UNIFORM, "'f', interval at 60 s: the count is -1"),
        ((60.0, 60.0, "f", -1.0), POISSON, "'f', interval at 60 s: the count is -1"),
        ((60.0, 60.0, "f", float("inf")), POISSON, "the count is inf"),
        ((60.0, 60.0, "f", float("nan")), UNIFORM, "the count is nan"),
        ((60.0, 0.0, "f", 1.0), UNIFORM, "the interval has a length of 0 s"),
        ((60.0, 60.0, "f", 2.5), UNIFORM, r"the count 2\.5 is not whole: only `poisson`"),
        ((60.0, 60.0, "f", 2.5), EVEN, r"the count 2\.5 is not whole"),
        ((60.0, 60.0, "f", 2.5), GAMMA, r"the count 2\.5 is not whole"),
    ],
)
def test_what_is_no_count_of_an_interval_is_refused_with_its_place(row: Row, how: Expansion, message: str) -> None:
    with pytest.raises(TraceError, match=message):
        expanded([(0.0, 60.0, "e", 1.0), row], how)


@pytest.mark.parametrize("how", [*EXACT, POISSON])
def test_a_count_too_large_to_be_made_is_refused_with_its_trace_and_not_rounded(how: Expansion) -> None:
    for count, shown in ((MOST_IN_ONE + 1.0, "10,000,001"), (1e18, "1e+18")):
        message = (
            f"own/web, 'f', interval at 1000000 s: the count is {shown}, and at most 10,000,000 of one interval are made: "
            "divide the counts in a copy of the file"
        )
        with pytest.raises(TraceError, match=f"^{re.escape(message)}$"):
            expanded([(0.0, 60.0, "f", 1.0), (1e6, 60.0, "f", count)], how, trace="own/web")


@pytest.mark.parametrize("how", EXACT)
def test_the_largest_count_itself_is_made(monkeypatch: pytest.MonkeyPatch, how: Expansion) -> None:
    monkeypatch.setattr("simtier.traces.expansion.MOST_IN_ONE", 700)
    assert len(expanded([(0.0, 60.0, "f", 700.0)], how)) == 700
    with pytest.raises(TraceError, match="the count is 701, and at most 700"):
        expanded([(0.0, 60.0, "f", 701.0)], how)


def test_large_counts_are_not_made_before_somebody_reads_so_far() -> None:
    rows = [(0.0, 60.0, "f", 3.0), (60.0, 60.0, "f", 1.0), (120.0, 60.0, "f", float(MOST_IN_ONE))]
    tracemalloc.start()
    first = next(expand(iter([rates(rows)]), UNIFORM, KEY, None))
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert first.num_rows == 3
    assert peak_bytes < 8 * MOST_IN_ONE / 10


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"process": "weibull"}, "no expansion 'weibull': there are uniform, even, poisson, gamma"),
        ({"process": "gamma"}, "`cv` belongs to gamma"),
        ({"process": "uniform", "cv": 2.0}, "`cv` belongs to gamma"),
        ({"process": "gamma", "cv": 0.0}, "cv 0 must be above 0"),
        ({"process": "even", "default_duration_s": -1.0}, "default duration -1 s"),
    ],
)
def test_choices_that_make_no_sense_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(TraceError, match=message):
        Expansion(**wrong)


def test_counts_without_any_duration_are_refused_at_once() -> None:
    with pytest.raises(TraceError, match="give `default_duration`"):
        expand(iter([]), Expansion("uniform"), KEY, None)


@pytest.mark.parametrize("how", EXACT)
def test_three_real_functions_keep_their_counts_minute_by_minute(how: Expansion) -> None:
    frame = pd.read_csv(_real_counts()).set_index("HashFunction").drop(columns=["HashOwner", "HashApp", "Trigger"])
    rows = [
        (60.0 * place, 60.0, function, float(frame.loc[function, minute]))
        for place, minute in enumerate(frame.columns)
        for function in frame.index
    ]
    out = expanded(rows, how)
    assert [Counter(row["function"] for row in out)[function] for function in frame.index] == [1, 1, 46]
    by_minute = Counter((row["function"], int(row["arrival_s"] // 60)) for row in out)
    assert by_minute == Counter({(row[2], int(row[0] // 60)): int(row[3]) for row in rows if row[3]})


def _real_counts() -> Path:
    for part in os.environ.get("SIMTIER_TRACES", "").split(os.pathsep):
        path = Path(part) / "azure-functions-2019" / "invitro_extremes" / "invocations.csv"
        if part and path.is_file():
            return path
    pytest.skip("SIMTIER_TRACES names no directory with azure-functions-2019/invitro_extremes")
