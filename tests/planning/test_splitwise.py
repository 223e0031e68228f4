"""Splitwise's provisioning: the cheapest machines that keep a promise, the most requests for a budget."""

from __future__ import annotations

import pytest
from planning import readme

from simtier.errors import PlanError
from simtier.planning import Plan, Pool, Question, planned, question, splitwise
from simtier.planning.cluster import serve
from simtier.planning.engines import Division
from simtier.planning.goodput import climb
from simtier.planning.search import Search
from simtier.planning.splitwise import Provisioning
from simtier.scenario import Scenario

TWO_KINDS = {
    "nodes.gpus.accelerators": "[a100_80g, h100]",
    "services.chat.llm.cost": "closed_form",
    "services.chat.llm.model": "llama-2-7b",
    "services.chat.policies.batching": "vllm_v1",
}


def asked(rate: float | None = None) -> Question:
    return question(readme(TWO_KINDS), rate=rate, number=100)


def test_no_cheaper_fleet_of_those_tried_keeps_the_promise() -> None:
    plan, search = splitwise(asked(30.0)), Provisioning(asked(30.0), "cost")
    assert plan.price is not None
    assert plan.attained >= 0.9
    cheaper = [fleet for fleet in search.at_rate(30.0) if fleet.price < plan.price * 0.999]
    assert all(search.within(fleet, 30.0) < 0.9 for fleet in cheaper)


def test_a_budget_is_kept_and_more_of_it_takes_no_lower_rate() -> None:
    small, large = (splitwise(asked(), budget=watts, unit="power") for watts in (1200.0, 2000.0))
    assert small.price is not None
    assert large.price is not None
    assert small.price <= 1200 < large.price <= 2000
    assert small.goodput < large.goodput
    assert {pool.role for pool in small.pools} == {"prompts", "tokens"}


def test_dollars_and_watts_are_those_of_the_catalogue() -> None:
    kinds = {unit: Provisioning(asked(), unit).kinds for unit in ("cost", "power")}  # type: ignore[arg-type]
    for stock, by_cost, by_power in zip(asked().stocks, kinds["cost"], kinds["power"], strict=True):
        assert (by_cost.price, by_power.price) == (stock.device.dollars_per_s, stock.device.peak_w)


@pytest.mark.parametrize(
    ("rate", "budget", "message"),
    [
        (None, 1e-6, "a budget of 1e-06 dollars per second buys no machines"),
        (None, None, "no numbers of machines that were tried keep 90% of requests within 0.001 s"),
    ],
)
def test_too_little_money_and_too_much_promised_are_refused(
    rate: float | None, budget: float | None, message: str
) -> None:
    changes = TWO_KINDS | ({"apps.chat.slo.ttft": "1 ms"} if budget is None else {})
    with pytest.raises(PlanError, match=message):
        splitwise(question(readme(changes), rate=rate, number=50), budget=budget)


@pytest.mark.parametrize(("rate", "budget"), [(1e5, None), (None, 1e4)])
def test_fleets_that_nobody_would_wait_for_are_refused(rate: float | None, budget: float | None) -> None:
    with pytest.raises(PlanError, match="machines, and fleets of 200 at most are simulated"):
        splitwise(question(readme(TWO_KINDS), rate=rate, number=50), budget=budget)


def test_a_model_that_fits_no_machine_is_refused() -> None:
    changes = TWO_KINDS | {"nodes.gpus.accelerators": "[a100_80g]"}
    scenario = readme(changes)
    llm = scenario.services["chat"].llm
    assert llm is not None
    service = scenario.services["chat"].model_copy(update={"llm": llm.model_copy(update={"tensor": 2})})
    wide = Question(
        scenario.model_copy(update={"services": {"chat": service}}), "chat", "answer", "chat", asked().promise
    )
    with pytest.raises(PlanError, match="tensor 2, pipeline 1 fits on no kind of accelerator"):
        splitwise(wide)


def test_the_best_ratio_of_pools_is_where_they_are_balanced() -> None:
    """P/D-Serve, section 3: n_p b_p / T_p = n_d b_d / T_d; here with what a machine of each phase takes alone, six machines in all."""
    search = Search(question(readme({"apps.chat.slo.ttft": "1 s"}), number=150))
    one = Division(1)
    prompts, tokens = search.prompts([one]), search.tokens([one])
    assert prompts is not None
    assert tokens is not None
    machines = 6
    balanced = max(range(1, machines), key=lambda first: min(first * prompts[1], (machines - first) * tokens[1]))
    load = search._question.load_of(1, 150 * 3)
    maker = search._maker(one)

    def goodput(first: int) -> float:
        pools = {"prompts": [maker] * first, "tokens": [maker] * (machines - first)}
        return climb(lambda rate: serve(load.at_rate(rate), **pools).sustained(1.0, 0.1), 0.9, 4.0)

    best = max(range(1, machines), key=goodput)
    assert abs(best - balanced) <= 1


def bought(scenario: Scenario) -> Plan:
    """Return a plan for one H100 for prompts and two A100 for tokens."""
    pools = (
        Pool(role="prompts", hardware="h100", division=Division(), replicas=1),
        Pool(role="tokens", hardware="a100_80g", division=Division(), replicas=2),
    )
    return Plan(
        method="splitwise, by cost",
        question=question(scenario),
        pools=pools,
        goodput=1.0,
        simulations=0,
        checked_at=1.0,
        attained=1.0,
        half_width=0.0,
    )


def test_machines_of_two_kinds_are_written_on_nodes_of_their_own() -> None:
    data = readme(TWO_KINDS | {"nodes.gpus.accelerators": "[a100_80g, a100_80g]"}).model_dump(
        mode="json", by_alias=True
    )
    data["nodes"]["news"] = {"tier": "cloud", "hardware": "cloud_gpu_host", "accelerators": ["h100", "h100"]}
    data["links"]["more"] = {"from": "people", "to": "news", "latency": "1 us"}
    data["links"]["between"] = {"from": "gpus", "to": "news", "latency": "5 us", "bandwidth": "400 Gbit/s"}
    data["services"]["chat"]["on"] = ["gpus", "news"]
    services = planned(bought(Scenario.from_dict(data))).services
    assert {name: (each.on, each.replicas) for name, each in services.items()} == {
        "chat_prompts": (("news",), 1),
        "chat_tokens": (("gpus",), 2),
    }


def test_machines_of_two_kinds_on_one_node_are_not_written() -> None:
    with pytest.raises(PlanError, match="a service cannot choose among those of a node"):
        planned(bought(readme(TWO_KINDS)))
