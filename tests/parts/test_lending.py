"""The engine beneath lending: what policies see, when they are asked, and which answers are refused."""

from __future__ import annotations

from typing import Any

import pytest
from lending import SEEN, sharing
from playing import play

from simtier.errors import PolicyError, ScenarioError

ONCE = {"process": "periodic", "rate": "0.01 /s", "phase": "1 s"}
HALVING = {"use": "lending:Halving"}


def test_a_policy_sees_what_was_had_and_used_up_to_now() -> None:
    """3 core-seconds at 2 cores of 4, halved each second after the first answer: 2 x 1 + 1 x 1."""
    SEEN.clear()
    data = sharing({"f": {"cores": 4, "uses": 3}}, {"f": ("1 s", ONCE)}, HALVING, duration="50 s")
    rows = play(data).stages
    assert list(rows["finished_s"]) == [3.0]
    assert list(rows["busy_s"]) == [3.0]
    assert SEEN == [
        (1.0, [("f", 4.0, 0.0, 1.0, 0.0)]),
        (2.0, [("f", 2.0, 2.0, 1.0, 1.0)]),
        (3.0, [("finished", 1.0, 1.0)]),
    ]


def test_those_that_begin_at_one_instant_are_seen_in_one_call() -> None:
    SEEN.clear()
    calls = dict.fromkeys("abc", ("1 s", ONCE))
    play(sharing({name: {"cores": 1} for name in "abc"}, calls, HALVING, duration="50 s"))
    assert [len(shown) for _, shown in SEEN][:2] == [3, 3]


def test_asked_twice_at_one_instant_a_policy_sees_the_same_of_those_that_ran() -> None:
    """What it gave an execution at this very instant has not been had yet, so nothing can be seen of it.

    At 10 s `b` begins on the instance of its call at 0 s; `c` waits for one that starts in no time, so it begins, and is asked about, later.
    """
    SEEN.clear()
    often, late = (
        {"process": "periodic", "rate": f"{rate} /s", "phase": phase} for rate, phase in ((0.1, "0 s"), (0.01, "10 s"))
    )
    calls = {"a": ("100 s", {**late, "phase": "9.5 s"}), "b": ("1 ms", often), "c": ("1 s", late)}
    play(sharing({"a": {"cores": 4}, "b": {}, "c": {}}, calls, HALVING, duration="11 s"))
    first, second = (shown for now_s, shown in SEEN if now_s == 10.0)
    assert [name for name, *_ in first] == ["a", "b"]
    assert [name for name, *_ in second] == ["a", "b", "c"]
    assert first == second[:2]
    assert first[0] == ("a", 2.0, 2.0, 9.5, 0.5)


def test_an_execution_that_is_given_nothing_waits() -> None:
    calls = {"f": ("1 s", ONCE)}
    data = sharing({"f": {"cores": 1}}, calls, {"use": "lending:Always", "answer": [0.0]}, duration="50 s")
    played = play(data)
    assert list(played.requests["outcome"]) == ["unfinished"]
    assert list(played.stages["busy_s"]) == [0.0]


@pytest.mark.parametrize(
    "answer", [None, 3, "", [], [1.0, 1.0], [-0.5], [float("nan")], [float("inf")], [True], ["1"], [2.1], {1.0: 1.0}]
)
def test_shares_that_make_no_sense_are_refused_with_the_policy_s_name_and_the_limit(answer: Any) -> None:
    data = sharing({"f": {"cores": 2}}, {"f": ("1 s", ONCE)}, {"use": "lending:Always", "answer": answer})
    expected = "expected 1 numbers of cores, one for each execution, 0 or more, together at most 2"
    with pytest.raises(
        PolicyError, match=f"^rebalancing policy 'lending:Always' of 'faas' answered .* at 1 s; {expected}$"
    ):
        play(data)


@pytest.mark.parametrize("again", [0.0, -1.0, float("nan"), "soon", True])
def test_a_time_to_look_again_that_makes_no_sense_is_refused(again: Any) -> None:
    policy = {"use": "lending:Always", "answer": [1.0], "again": again}
    data = sharing({"f": {"cores": 2}}, {"f": ("1 s", ONCE)}, policy)
    with pytest.raises(PolicyError, match=r"answered .* at 1 s; expected seconds, more than 0, or None$"):
        play(data)


@pytest.mark.parametrize(
    ("uses", "mean"),
    [
        (1.5, 1.5),
        ({"distribution": "uniform", "low": 1, "high": 3}, 2.0),
        ({"distribution": "gamma", "mean": 2, "cv": 0.5}, 2.0),
    ],
)
def test_uses_may_be_a_number_or_a_distribution(uses: Any, mean: float) -> None:
    data = sharing({"f": {"cores": 100, "uses": uses}}, {"f": ("1 s", {"process": "poisson", "rate": "20 /s"})})
    busy_s = play(data).stages["busy_s"].to_numpy()
    assert len(busy_s) > 1500
    assert busy_s.mean() == pytest.approx(mean, rel=0.05)


def test_copies_of_a_stage_draw_for_themselves() -> None:
    """A request that calls a function several times could use something else each time."""
    data = sharing(
        {"f": {"cores": 8, "uses": {"distribution": "uniform", "low": 1, "high": 8}}},
        {"f": ("1 s", ONCE)},
        duration="50 s",
    )
    data["apps"]["f"]["stages"]["f"]["copies"] = 20
    assert play(data).stages["busy_s"].nunique() == 20


def test_uses_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ScenarioError, match="uses"):
        play(sharing({"f": {"uses": "1 s"}}, {"f": ("1 s", ONCE)}))
