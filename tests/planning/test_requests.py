"""The requests that plans are tried with are those that a run would send."""

from __future__ import annotations

import pytest
from planning import readme

from simtier import runner
from simtier.planning import question


def test_they_are_the_requests_of_a_run_with_their_tokens() -> None:
    scenario = readme()
    load = question(scenario, number=50).load
    rows = runner.run(scenario).table("sequences").sort_values("arrival_s").head(50)
    arrivals = rows["arrival_s"].to_numpy()
    assert [each.at_s for each in load.requests] == pytest.approx((arrivals - arrivals[0]).tolist())
    assert [each.prompt for each in load.requests] == rows["input_tokens"].tolist()
    served = (rows["outcome"] == "served").tolist()
    answers = zip(load.requests, rows["output_tokens"].tolist(), served, strict=True)
    assert sum(served) > 40
    assert all(each.output == tokens for each, tokens, done in answers if done)


def test_another_rate_multiplies_all_gaps_alike() -> None:
    load = question(readme(), number=20).load
    fast = load.at_rate(10 * load.per_s)
    assert [each.at_s * 10 for each in fast] == pytest.approx([each.at_s for each in load.requests])
    assert 19 / fast[-1].at_s == pytest.approx(10 * load.per_s)


def test_the_rate_of_the_scenario_is_that_of_all_its_requests() -> None:
    assert question(readme(), number=20).rate == pytest.approx(4.0, rel=0.15)
    assert question(readme({"run.duration": "1 hour"}), number=20).rate == pytest.approx(4.0, rel=0.03)


def test_requests_of_several_nodes_come_in_order() -> None:
    load = question(readme({"nodes.people.count": "3"}), number=200).load
    times = [each.at_s for each in load.requests]
    assert times == sorted(times)
    assert load.per_s == pytest.approx(12, rel=0.25)
