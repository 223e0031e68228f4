"""Every built-in policy keeps every promise of its kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from simtier.catalogue.policies import load_policy
from simtier.contract import KINDS
from simtier.policies import BUILT_IN
from simtier.testing import PROMISES, check_policy, promises_of
from simtier.testing.legal import EXPECTED
from simtier.testing.world import World

SUBJECTS: dict[str, list[dict[str, object]]] = {
    "all_on_tier": [{"tier": "edge"}],
    "fixed_cut": [{"cuts": [2, 4]}],
    "neurosurgeon": [{}, {"objective": "energy"}, {"load_factor": 0.5}],
    "power_of_two": [{}, {"d": 1}, {"d": 3}],
    "size_or_timeout": [{}, {"size": 4, "timeout": "0 s"}, {"timeout": "100 s"}],
    "static": [{}, {"size": 2, "timeout": "100 s", "untold": 10}],
    "orca": [{}, {"sequences": 2, "untold": 10}],
    "vllm": [{}, {"tokens": 512, "swap": True}, {"padded": True, "watermark": 0.2}],
    "vllm_v1": [{}, {"tokens": 64, "piece": 10}, {"chunked": False, "tokens": 512, "whole": False}],
    "sarathi": [{}, {"tokens": 4, "sequences": 3}],
    "nanoflow": [{}, {"tokens": 4, "sequences": 3, "answer": 20}],
    "fastserve": [{}, {"sequences": 2, "quantum": "1 s", "starvation": "10 ms"}],
    "batch_slo": [
        {"slo": "1 s", "every": "20 s", "least": 3},
        {"slo": "500 ms", "every": "1 s", "least": 1, "memories": ["512 MB", "3 GB"], "timeouts": ["20 ms", "200 ms"]},
    ],
    "mbs": [
        {"slo": "1 s", "every": "20 s", "least": 3},
        {"slo": "1 s", "every": "1 s", "least": 1, "groups": 2, "memories": ["512 MB", "3 GB"], "sizes": [1, 6]},
    ],
    "bounded_queue": [{"limit": 3}],
    "early_rejection": [{}, {"decode": "detect", "stay": "10 s"}],
    "prefix_aware": [{}, {"match": 0.0, "apart": 2, "ratio": 1.0}],
    "kv_aware": [{}, {"weight": 0.0}],
    "mooncake": [{}, {"by": "token"}, {"fetch_above": 1.0, "reject": False}],
    "on_demand_forwarding": [{}, {"prompts": 3}],
    "knative_kpa": [{}, {"per_replica": 5.0, "initial_scale": 3}],
    "kubernetes_hpa": [{}, {"metric": "in_flight", "wanted": 10.0}],
    "newsvendor": [{}, {"forecast": "changes"}],
    "queue_length": [{}, {"count": "in_flight"}],
    "on_demand": [{}, {"waits_for_starting": True}],
    "elastic_moe": [{}, {"step": 2, "window": "1 s", "scale_down_after": "5 s"}],
    "pd_ratio": [{"partner": "detect"}, {"partner": "detect", "role": "decode", "enough": 1, "adjust": "balance"}],
    "hash_affinity": [{}, {"key": "function", "over": "node"}],
    "bounded_load_hash": [{}, {"over": "node"}],
    "cross_region": [{}, {"round_trip": True}],
    "hybrid_histogram": [{}, {"range": "10 min", "bin": "1 s"}],
    "harvest": [{}, {"profile": 1, "threshold": 0.5}],
    "by_length": [{}, {"limits": [100, 1000]}],
    "splitwise": [{}, {"prompt_limit": 100, "token_share": 0.5}],
    "balancing llumnix": [{}, {"low": 200.0, "high": 210.0, "most": 1}],
    "infinite_llm": [{}, {"batch": 2, "full": 0.5, "idle": 0.5, "spare": 0.4}],
    "semi_pd": [{}, {"percentile": 50.0, "least": 0.3, "step": 0.05}],
    "timer_prewarm": [{}, {"gaps": 2, "spread": 0.5}],
}
CASES = [
    pytest.param(kind, name, parameters, promise, id=f"{kind} {name}{sorted(parameters.items()) or ''}:{promise}")
    for kind, names in BUILT_IN.items()
    for name in names
    for parameters in SUBJECTS.get(f"{kind} {name}", SUBJECTS.get(name, [{}]))
    for promise in promises_of(load_policy(kind, name, parameters, Path()))
]


@pytest.mark.parametrize(("kind", "name", "parameters", "promise"), CASES)
def test_every_built_in_policy_keeps_every_promise(
    kind: str, name: str, parameters: dict[str, object], promise: str
) -> None:
    PROMISES[promise](load_policy(kind, name, parameters, Path()))


def test_every_promise_applies_to_some_built_in_policy() -> None:
    assert {case.values[3] for case in CASES} == set(PROMISES)


def test_every_kind_has_built_in_policies_and_every_question_is_asked_in_the_checks() -> None:
    from simtier.catalogue.policies import questions

    assert list(BUILT_IN) == list(KINDS)
    for kind in KINDS:
        for question in questions(kind):
            assert hasattr(World, question)
            assert question in EXPECTED


def test_a_class_with_defaults_can_be_checked_as_it_is() -> None:
    from simtier.policies.routing.power_of_two import PowerOfTwo

    check_policy(PowerOfTwo, kind="routing")
