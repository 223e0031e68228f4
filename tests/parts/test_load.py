"""Scenario files: what YAML may say, what --set changes, what is written out, and that nothing but ScenarioError ever comes back."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simtier.errors import ScenarioError
from simtier.scenario import Scenario
from simtier.scenario.check import check, require_valid
from simtier.scenario.document import parse
from simtier.scenario.load import dump, from_dict, load

SHIPPED = sorted((Path(__file__).parents[2] / "scenarios").glob("*.yaml"))
MM4 = Path(__file__).parents[2] / "scenarios" / "mm4.yaml"


def base() -> dict[str, Any]:
    return {
        "name": "small",
        "run": {"duration": "10 s"},
        "nodes": {"phone": {"tier": "device", "count": 3, "cores": 2}, "edge": {"tier": "edge", "cores": 8}},
        "links": {"radio": {"from": "phone", "to": "edge", "latency": "5 ms"}},
        "services": {"see": {"on": "edge"}},
        "apps": {"look": {"stages": {"find": {"service": "see", "time": "10 ms"}}}},
        "workloads": {"frames": {"app": "look", "from": "phone", "arrivals": {"process": "poisson", "rate": "1 /s"}}},
    }


def wrong(data: Any, changes: Any = ()) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        from_dict(data, changes)
    return [str(problem) for problem in caught.value.problems]


def refusal(action: Callable[[], object]) -> ScenarioError | None:
    try:
        action()
    except ScenarioError as error:
        return error
    return None


def found(data: dict[str, Any]) -> list[str]:
    return [str(problem) for problem in check(from_dict(data))]


def with_(path: str, value: Any) -> dict[str, Any]:
    data = base()
    *around, last = path.split(".")
    here = data
    for step in around:
        here = here.setdefault(step, {})
    here[last] = value
    return data


# --- YAML


def test_scalars_are_read_as_yaml_1_2_says() -> None:
    data, _ = parse("a: on\nb: 1e6\nc: 012\nd: 0x1F\ne: ~\nf: true\ng: .inf\nh: 2024-01-01\ni: '5'\nj: 1_000", "f")
    expected = {"a": "on", "b": 1e6, "c": 12, "d": 31, "e": None, "f": True}
    assert data == {**expected, "g": float("inf"), "h": "2024-01-01", "i": "5", "j": 1000}


def test_merge_keys_bring_in_what_the_mapping_does_not_say_itself() -> None:
    data, lines = parse("x: &x {a: 1, b: 2}\ny: &y {b: 3}\nz:\n  c: 5\n  b: 4\n  <<: [*y, *x]\n", "f")
    assert data["z"] == {"c": 5, "b": 4, "a": 1}
    assert lines["z", "b"] == 5
    assert lines["z", "a"] == 1


def test_every_value_has_its_line() -> None:
    _, lines = parse("a:\n  b:\n    - 1\n    - c: 2\n", "f")
    assert lines == {(): 1, ("a",): 1, ("a", "b"): 2, ("a", "b", 0): 3, ("a", "b", 1): 4, ("a", "b", 1, "c"): 4}


@pytest.mark.parametrize(
    "text", ["x: &x {<<: *x}", "x: &x [*x]", "[" * 500, "{" * 500, "a: " + "- " * 500, "!!set {a}"]
)
def test_text_made_to_harm_is_refused(text: str) -> None:
    with pytest.raises(ScenarioError):
        parse(text, "f")


@settings(max_examples=300)
@given(st.text(st.sampled_from("ab:-[]{},&*!<>|'\"#? \n\t\\%@~1.e"), max_size=40))
def test_any_text_is_either_read_or_refused(text: str) -> None:
    error = refusal(lambda: parse(text, "f"))
    assert error is None or error.problems[0].file == "f"


# --- problems


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("links.radio.bandwidth", 20, "links.radio.bandwidth: 20 has no unit: expected data rate, such as '20 Mbit/s'"),
        ("links.radio.bandwidth", {"trace": 1}, "links.radio.bandwidth.trace: 1 must be text; write it in quotes"),
        ("links.radio.back", {"loss": 2}, "links.radio.back.loss: 2 must be 1 or less"),
        (
            "links.radio.back",
            "both",
            "links.radio.back: 'both' must be a mapping of keys to values or 'same' or 'none'",
        ),
        ("links.radio.sharing", "fare", "links.radio.sharing: 'fare' must be 'none', 'fifo' or 'fair'"),
        ("services.see.replicas", 1.5, "services.see.replicas: 1.5 must be a whole number or 'each'"),
        ("services.see.on", [], "services.see.on: has 0 entries; at least 1 needed"),
        ("services.see.startup", {"distribution": "uniform", "low": "1 s"}, "services.see.startup.high: is missing"),
        (
            "workloads.frames",
            {"app": "look", "from": "phone", "trace": "a/b", "scale_time": 0},
            "workloads.frames.scale_time: 0 must be more than 0",
        ),
        (
            "workloads.frames",
            {"app": "look", "from": "phone", "trace": [3]},
            "workloads.frames.trace.0: 3 must be text; write it in quotes",
        ),
        ("policies.routing", 7, "policies.routing: 7 must be a mapping of keys to values"),
        ("question", None, "question: has no value"),
        ("run.seed", -1, "run.seed: -1 must be 0 or more"),
    ],
)
def test_a_mistake_is_told_once_whatever_the_value_might_have_been(path: str, value: Any, message: str) -> None:
    assert wrong(with_(path, value)) == [message]


def test_problems_of_a_file_come_in_its_order_with_lines(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(
        MM4.read_text(encoding="utf-8").replace("40 ms", "40").replace("cores: 1}", "corse: 1}"), encoding="utf-8"
    )
    with pytest.raises(ScenarioError) as caught:
        load(file)
    assert [(problem.line, problem.place) for problem in caught.value.problems] == [
        (13, "nodes.client"),
        (25, "apps.ask.stages.serve.time.mean"),
    ]
    assert {problem.file for problem in caught.value.problems} == {str(file)}


leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["", "5 ms", "x", "each", "random"])
junk = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
)


def paths(data: Any, here: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    inside = (
        [path for key, value in data.items() for path in paths(value, (*here, key))] if isinstance(data, dict) else []
    )
    return [*inside, *([here] if here else [])]


@settings(max_examples=300)
@given(st.sampled_from(paths(base())), junk)
def test_any_value_in_any_place_is_either_taken_or_refused(path: tuple[str, ...], value: Any) -> None:
    data = base()
    here: Any = data
    for step in path[:-1]:
        here = here[step]
    here[path[-1]] = value
    error = refusal(lambda: check(from_dict(data)))
    told = [] if error is None else [str(problem) for problem in error.problems]
    assert error is None or told
    assert not [text for text in told if "pydantic" in text or "Input should" in text]


# --- changes


@pytest.mark.parametrize(
    ("change", "look"),
    [
        ("links.radio.latency=50 ms", lambda s: s.links["radio"].latency == 0.05),
        ("links.radio.bandwidth={trace: oboe/trace-1}", lambda s: s.links["radio"].bandwidth.trace == "oboe/trace-1"),
        ("links.radio.back.latency=1 s", lambda s: s.links["radio"].back.latency == 1),
        ("nodes.phone.count=40", lambda s: s.nodes["phone"].count == 40),
        ("policies.routing=random", lambda s: s.policies.routing.use == "random"),
        ("policies.routing.use=power_of_two", lambda s: s.policies.routing.use == "power_of_two"),
        ("policies.autoscaling.every=5 s", lambda s: s.policies.autoscaling.given == {"every": "5 s"}),
        ("services.see.policies.admission.use=x", lambda s: s.services["see"].policies.admission.use == "x"),
        ("services.see.on=[edge, phone]", lambda s: s.services["see"].on == ("edge", "phone")),
        ("apps.look.slo={latency: 1 s}", lambda s: s.apps["look"].slo.latency == 1),
        ("run.seed=0x10", lambda s: s.run.seed == 16),
        ("question=a = b", lambda s: s.question == "a = b"),
    ],
)
def test_a_change_reaches_its_value(change: str, look: Any) -> None:
    assert look(from_dict(base(), [change]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("links.radio.latensy=5 ms", "--set links.radio.latensy: there is no 'latensy' in 'links.radio' (did you mean 'latency'?)"),
        ("link.radio.latency=5 ms", "--set link.radio.latency: there is no 'link' (did you mean 'links'?)"),
        ("links.rodio.latency=5 ms", "--set links.rodio.latency: there is no 'rodio' in 'links' (did you mean 'radio'?)"),
        ("links.radio.latency=5", "--set links.radio.latency: 5 has no unit: expected time, such as '20 ms'"),
        ("links.radio={from: phone}", "--set links.radio.to: is missing"),
        ("links.radio.latency.mean=5 s", "--set links.radio.latency.mean: 'links.radio.latency' is '5 ms', with nothing inside it to set; set it as a whole"),
        ("run.seed", "--set run.seed: is not of the form path=value, as in run.seed=2"),
        ("=3", "--set =3: is not of the form path=value, as in run.seed=2"),
        ("run.seed=[1", "--set run.seed: not YAML: expected ',' or ']', but got '<stream end>'"),
        ("run.seed=!!int 5", None),
        ("run.seed=!x 5", "--set run.seed: the tag !x is not allowed; write the value plainly"),
        ("workloads.frames.from=", "--set workloads.frames.from: has no value"),
    ],
)  # fmt: skip
def test_a_wrong_change_is_told_apart_from_the_file(change: str, message: str | None) -> None:
    if message is None:
        assert from_dict(base(), [change]).run.seed == 5
    else:
        assert wrong(base(), [change]) == [message]


def test_a_list_is_changed_by_place_and_not_beyond_its_end() -> None:
    data = with_("services.see.on", ["edge", "edge"])
    assert from_dict(data, ["services.see.on.1=phone"]).services["see"].on == ("edge", "phone")
    assert wrong(data, ["services.see.on.2=phone"]) == [
        "--set services.see.on.2: '2' is not a place in the list 'services.see.on': it has 0 to 1"
    ]


def test_names_with_dots_can_be_changed() -> None:
    data = base()
    data["nodes"]["edge.v2"] = data["nodes"].pop("edge")
    assert from_dict(data, ["nodes.edge.v2.cores=4"]).nodes["edge.v2"].cores == 4


def test_changes_may_be_a_mapping_and_leave_the_data_alone() -> None:
    data = base()
    before = copy.deepcopy(data)
    assert from_dict(data, {"run.seed": "7", "policies.routing": "random"}).run.seed == 7
    assert data == before


def test_wrong_references_in_a_change_are_told_as_such() -> None:
    scenario = from_dict(base(), ["links.radio.to=egde"])
    assert [str(problem) for problem in check(scenario)] == [
        "--set links.radio.to: there is no group or node 'egde' (did you mean 'edge'?)"
    ]


# --- writing out

times = st.sampled_from(
    ["0 s", "17 us", "0.1 s", "{distribution: exponential, mean: 3 ms}", "{distribution: gamma, mean: 0.3 s, cv: 1.7}"]
)
changes = st.fixed_dictionaries(
    {},
    optional={
        "links.radio.jitter": times,
        "services.see.startup": times,
        "links.radio.bandwidth": st.sampled_from(["unlimited", "17 Mbit/s", "{trace: a/b, offset: random}"]),
        "links.radio.back": st.sampled_from(["same", "none", "{latency: 0.7 ms, bandwidth: unlimited}"]),
        "policies.routing": st.sampled_from(["random", "{use: ./a.py:B, k: 3, none: null, text: '5', list: [1, a]}"]),
        "services.see.replicas": st.sampled_from(["0", "3", "each"]),
        "workloads.frames.arrivals": st.sampled_from(
            [
                "{process: periodic, rate: 30 /s, phase: random}",
                "{process: periodic, rate: 3 /min, phase: 0.1 ms}",
                "{process: markov, rates: [0 /s, 7 /s], stay: [1 s, 0.3 min]}",
                "{process: varying, points: [[0 s, 1 /s], [1 h, 3 /s]]}",
                "{process: closed, clients: 3, think: 0.1 s}",
            ]
        ),
        "question": st.sampled_from(["''", "on", "'1.5'", "'null'", "'a: b # c'", '"two\\n\\nlines"', "'  spaces '"]),
        "run.seed": st.integers(0, 2**63 - 1).map(str),
        "apps.look.slo": st.sampled_from(["{latency: 1 ms}", "{latency: 1 h, percentile: 99.9}"]),
        "nodes.phone.memory": st.floats(0, 1e15).map(lambda gigabytes: f"{gigabytes!r} GB"),
    },
)


@pytest.mark.parametrize(
    "written",
    [
        "{app: look, from: phone, trace: a/b, share: 0.1, window: [10 min, 40 min]}",
        "{app: look, from: phone, trace: [a/b, 'own:./c.yaml'], scale_rate: 2, scale_time: 0.5, on_error: drop}",
        "{app: look, from: phone, trace: a/*, expand: poisson, share_by: function}",
        "{app: look, from: phone, trace: a/b, expand: {process: gamma, cv: 3, default_duration: 1 s}}",
    ],
)
def test_a_replay_is_written_out_and_loads_again(written: str) -> None:
    scenario = from_dict(base(), {"workloads.frames": written})
    assert from_dict(parse(dump(scenario), "f")[0]) == scenario


@settings(deadline=None)
@given(changes)
def test_what_is_written_out_loads_as_the_same_scenario(changed: dict[str, str]) -> None:
    scenario = from_dict(base(), changed)
    text = dump(scenario)
    again = from_dict(parse(text, "f")[0])
    assert again == scenario
    assert dump(again) == text


def test_what_is_written_out_has_every_default() -> None:
    data, _ = parse(dump(from_dict(base())), "f")
    assert data["policies"]["routing"] == {"use": "round_robin"}
    assert data["run"]["samples"] == 240
    assert data["links"]["radio"]["bandwidth"] == "inf B/s"


def test_scenarios_are_equal_by_what_they_say_and_travel_between_processes() -> None:
    scenario = Scenario.load(MM4)
    assert Scenario.from_dict(parse(MM4.read_text(encoding="utf-8"), "f")[0]) == scenario
    assert Scenario.load(MM4, {"run.seed": "2"}) != scenario
    assert scenario != "mm4"
    again = pickle.loads(pickle.dumps(scenario))
    assert (again, again.folder, again.source) == (scenario, scenario.folder, scenario.source)


# --- checks


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_scenario_is_valid(path: Path) -> None:
    require_valid(load(path))


def test_a_policy_file_is_looked_for_beside_the_scenario(tmp_path: Path) -> None:
    rule = "from simtier.contract import Routing\nclass First(Routing):\n    def choose(self, request, replicas): return replicas[0]\n"
    (tmp_path / "rules.py").write_text(rule, encoding="utf-8")
    scenario = load(MM4, ["policies.routing=./rules.py:First"])
    assert "there is no file './rules.py'" in str(check(scenario)[0])
    (tmp_path / "mm4.yaml").write_bytes(MM4.read_bytes())
    assert check(load(tmp_path / "mm4.yaml", ["policies.routing=./rules.py:First"])) == []


def test_a_tier_may_have_the_name_of_its_only_group() -> None:
    assert found(base()) == []
    data = base()
    data["nodes"]["other"] = {"tier": "edge", "cores": 1}
    assert found(data) == [
        "nodes.edge.tier: the tier 'edge' has the name of a group but is not that group alone; rename one of them"
    ]


def test_nodes_named_alone_need_a_way_of_their_own() -> None:
    data = with_("links.radio.from", "phone-1")
    assert len(found(data)) == 1
    assert "no links lead from 'phone'" in found(data)[0]
    data["workloads"]["frames"]["from"] = "phone-1"
    assert found(data) == []
    data["workloads"]["frames"]["from"] = ["phone-1", "phone-2"]
    assert ["phone-2" in problem for problem in found(data)] == [True]


def test_a_way_may_lead_over_other_nodes() -> None:
    data = base()
    data["nodes"]["cloud"] = {"tier": "cloud", "cores": 1}
    data["services"]["see"]["on"] = "cloud"
    data["links"]["backbone"] = {"from": "cloud", "to": "edge"}
    assert found(data) == []
    data["links"]["backbone"]["back"] = "none"
    assert found(data) == [
        "workloads.frames.from.0: no links lead from 'phone' to 'see', where stage 'find' runs; add a link, or its `back`"
    ]


def test_a_service_may_bear_the_name_of_a_place() -> None:
    data = base()
    data["services"]["phone"] = {"on": "edge"}
    data["apps"]["look"]["stages"]["more"] = {"service": "phone", "time": "1 ms"}
    assert found(data) == []


def test_fair_nodes_share_their_cores_so_only_memory_limits_replicas() -> None:
    data = with_("services.see.replicas", 20)
    assert found(data) == ["services.see.replicas: 20 replicas do not fit: 'edge' has room for 8"]
    data["nodes"]["edge"]["cpu"] = "fair"
    assert found(data) == []
    data["nodes"]["edge"]["memory"] = "10 GB"
    data["services"]["see"]["memory"] = "1 GB"
    assert found(data) == ["services.see.replicas: 20 replicas do not fit: 'edge' has room for 10"]


def test_ten_replicas_of_a_tenth_fit_on_one_core() -> None:
    data = with_("nodes.edge.cores", 1)
    data["services"]["see"] |= {"cores": 0.1, "replicas": 10}
    assert found(data) == []


def test_a_replica_on_each_node_must_fit_on_each() -> None:
    data = with_("services.see.on", ["phone", "edge"])
    data["services"]["see"] |= {"cores": 4, "replicas": "each"}
    assert found(data) == ["services.see.cores: a replica takes 4 cores, but a node of 'phone' has 2"]
    data["services"]["see"]["replicas"] = 1
    assert found(data) == []


def test_a_model_lies_in_the_nodes_memory_where_there_is_no_accelerator() -> None:
    data = base()
    data["nodes"]["edge"] = {"tier": "edge", "hardware": "raspberry_pi_4", "memory": "500 MB"}
    data["apps"]["look"]["stages"]["find"] = {"service": "see", "model": "vgg16", "precision": "fp32"}
    assert found(data) == [
        "services.see.memory: a replica takes 0.553 GB with its models, but a node of 'edge' has 0.5 GB"
    ]
    data["apps"]["look"]["stages"]["find"]["precision"] = "fp16"
    assert found(data) == []


def test_accelerators_hold_as_many_replicas_as_their_memory_does() -> None:
    data = base()
    data["nodes"]["edge"] = {"tier": "edge", "cores": 100, "accelerators": ["t4", "t4"]}
    data["services"]["see"] |= {"accelerator": True, "replicas": 57}
    data["apps"]["look"]["stages"]["find"] = {"service": "see", "model": "vgg16", "precision": "fp32"}
    assert found(data) == ["services.see.replicas: 57 replicas do not fit: 'edge' has room for 56"]
