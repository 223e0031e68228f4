"""What the summary says of services that compute prompts for others, and of the applications they answer together."""

from __future__ import annotations

from typing import Any

import pytest
from llm_driving import ONE_SECOND
from llm_pools import apart, service

import simtier

WHOLE = ("goodput_per_s", "goodput_per_accelerator_per_s", "joules_per_output_token", "usd_per_million_output_tokens")
SLO = {"ttft": "1500 ms", "tpot": "2 s"}


@pytest.fixture(autouse=True)
def _seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every iteration take a second."""
    monkeypatch.setattr("simtier.world.llm_costs.ClosedForm", lambda *_: ONE_SECOND)


def summary(data: dict[str, Any], **changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = simtier.run(simtier.Scenario.from_dict({**data, **changes})).summary
    return found


def test_a_request_of_two_services_by_hand() -> None:
    """First token after 1 s; 100 tokens' keys and values take 1 s and 250 ms; two tokens more at 3.25 s and 4.25 s."""
    found = summary(apart([(0.0, 100, 3)], app={"slo": SLO}))
    prompts, tokens, app = found["llm"]["prompts"], found["llm"]["tokens"], found["apps"]["k0"]
    assert prompts["pool"] == prompts["pool"] | {"handed_over": 1, "taken_over": 0}
    assert prompts["pool"]["hand_over_s"]["mean"] is None
    assert tokens["pool"] == tokens["pool"] | {"handed_over": 0, "taken_over": 1}
    assert tokens["pool"]["hand_over_s"]["max"] == pytest.approx(1.25)
    assert (prompts["served"], tokens["served"]) == (0, 1)
    assert app["tokens"]["ttft_s"]["mean"] == pytest.approx(1.0)
    assert app["tokens"]["tpot_s"]["mean"] == pytest.approx(3.25 / 2)
    assert app["goodput"]["attainment"] == 1.0


def test_what_is_known_of_both_together_is_not_said_of_one() -> None:
    found = summary(apart([(0.0, 100, 3)], app={"slo": SLO}))
    services, app = found["llm"], found["apps"]["k0"]["tokens"]
    for each in services.values():
        assert [each[name] for name in WHOLE] == [None] * len(WHOLE)
    joules, dollars = (sum(each[key] for each in services.values()) for key in ("energy_j", "cost_usd"))
    assert app["energy_j"] == pytest.approx(joules)
    assert app["joules_per_output_token"] == pytest.approx(joules / 3)  # one token here, two there
    assert app["usd_per_million_output_tokens"] == pytest.approx(1e6 * dollars / 3)


def test_what_was_found_of_a_prompt_is_the_services_that_computed_it() -> None:
    data = apart([], prompts=service("a", prefix_caching=True))
    shared = {"input": 64, "output": 2, "shared": {"tokens": 32}}
    data["apps"] = {
        "ask": {
            "stages": {"answer": {"split": ["prompts", "tokens"], "tokens": shared}},
            "policies": {"disaggregation": "apart"},
        }
    }
    arrivals = {"process": "periodic", "rate": "0.02 /s", "phase": "0 s"}
    data["workloads"] = {"asks": {"app": "ask", "from": "a", "arrivals": arrivals}}
    found = summary(data)["llm"]
    assert found["tokens"]["pool"]["taken_over"] == 2
    assert found["prompts"]["cached_share"] == pytest.approx(32 / 128)
    assert found["tokens"]["cached_share"] is None


def test_services_that_answer_whole_requests_keep_what_they_took_and_cost() -> None:
    data = apart([(0.0, 100, 3), (0.0, 10, 3)])
    for app in data["apps"].values():
        app |= {"slo": {"ttft": "3 s"}, "policies": {"disaggregation": {"use": "by_length", "limits": [50]}}}
    found = summary(data)
    for name in ("prompts", "tokens"):
        each = found["llm"][name]
        assert each["pool"] == each["pool"] | {"handed_over": 0, "taken_over": 0}
        assert each["served"] == 1
        assert None not in [each[key] for key in WHOLE]


def test_services_of_no_split_have_no_pool() -> None:
    data = apart([])
    stage = {"service": "prompts", "tokens": {"input": 10, "output": 2}}
    data["apps"] = {"ask": {"stages": {"answer": stage}}}
    data["workloads"] = {
        "asks": {"app": "ask", "from": "a", "arrivals": {"process": "periodic", "rate": "0.01 /s", "phase": "0 s"}}
    }
    found = summary(data)
    assert "pool" not in found["llm"]["prompts"]
    assert found["apps"]["ask"]["tokens"]["ttft_s"] == found["llm"]["prompts"]["ttft_s"]
    assert found["apps"]["ask"]["tokens"]["energy_j"] == found["llm"]["prompts"]["energy_j"]


def test_times_of_an_application_are_those_of_all_its_services_and_no_others() -> None:
    """The first is served here and the second there; the third is of another application."""
    data = apart([(0.0, 100, 3), (20.0, 10, 3), (40.0, 10, 1)])
    policy = {"disaggregation": {"use": "by_length", "limits": [50]}}
    for app in data["apps"].values():
        app["policies"] = policy
    data["workloads"]["w1"]["app"] = "k0"
    data["apps"]["k0"]["stages"]["answer"]["tokens"] = {
        "input": {"distribution": "uniform", "low": 1, "high": 99},
        "output": 3,
    }
    data["run"]["seed"] = 3
    found = summary(data)
    ends = {name: each["served"] for name, each in found["llm"].items()}
    assert sum(ends.values()) == 3
    assert found["apps"]["k0"]["ok"] == 2
    assert found["apps"]["k0"]["tokens"]["tpot_s"]["mean"] == pytest.approx(1.0)
    assert found["apps"]["k2"]["tokens"]["tpot_s"]["mean"] is None
    assert found["apps"]["k2"]["tokens"]["ttft_s"]["mean"] is not None
