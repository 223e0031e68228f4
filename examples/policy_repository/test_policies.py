"""The policy keeps its promises, is no worse than it was, and better than what simtier has already."""

from pathlib import Path

from my_rules import NearUnlessBusy

from simtier.statistics import paired
from simtier.testing import assert_no_regression, check_policy
from simtier.testing.plugin import PolicyMetrics

HERE = Path(__file__).parent
SCENARIO = HERE / "scenario.yaml"


def test_the_policy_keeps_the_promises_of_its_kind() -> None:
    check_policy(NearUnlessBusy())


def test_the_policy_is_no_worse_than_its_baseline() -> None:
    assert_no_regression(SCENARIO, HERE / "baseline.json", margins={"latency_s.mean": "0.5 %"})


def test_the_policy_is_quicker_than_the_idlest_replica(policy_metrics: PolicyMetrics) -> None:
    mine = policy_metrics(SCENARIO, replications=6)
    other = policy_metrics(SCENARIO, {"services.web.policies.routing": "least_in_flight"}, replications=6)
    found = paired(other["apps.ask.latency_s.mean"], mine["apps.ask.latency_s.mean"])
    assert found.high < 0, "shown to be quicker: the whole 95 % interval of the difference is below zero"
