"""Environments keep Gymnasium's promises, over shipped scenarios and any other."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import weakref
from typing import Any

import gymnasium
import learning
import numpy as np
import pytest
from greenlet import greenlet
from gymnasium.utils.env_checker import check_env
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from systems import systems

from simtier.errors import PolicyError, ScenarioError, SimtierError
from simtier.learning import Reward, make
from simtier.learning.environment import PolicyEnv
from simtier.learning.making import IDS
from simtier.scenario import Scenario
from simtier.world import World


@pytest.mark.parametrize("kind", learning.PLACES)
def test_gymnasium_finds_nothing_wrong(kind: str) -> None:
    file, decide, changes = learning.PLACES[kind]
    env = gymnasium.make(f"simtier.learning:{IDS[kind]}", scenario=file, decide=decide, changes=changes)
    check_env(env.unwrapped)
    assert len(env.unwrapped.names) == env.observation_space.shape[0]  # type: ignore[index, attr-defined]
    env.close()


@settings(max_examples=8, deadline=None)
@given(text=systems(), kind=st.sampled_from(["autoscaling", "routing"]))
def test_gymnasium_finds_nothing_wrong_with_any_system(text: str, kind: str) -> None:
    data = json.loads(text)
    data["services"]["v0"]["policies"]["autoscaling"] = {"use": "target_utilization", "every": "500 ms"}
    scenario, name = Scenario.from_dict(data), f"simtier.learning:{IDS[kind]}"
    try:
        env = gymnasium.make(name, scenario=scenario, decide=f"services.v0.policies.{kind}").unwrapped
        assert isinstance(env, PolicyEnv)
    except ScenarioError:  # no room for it
        assume(False)
    assume(len(learning.play_episode(env, lambda _: 0, seed=123).actions) > 2)  # the checker refuses shorter ones
    check_env(env)
    for replication in range(3):
        played = learning.play_episode(env, lambda _: env.action_space.sample(), options={"replication": replication})
        assert all(env.observation_space.contains(each) for each in played.seen)


def test_an_episode_is_a_replication_and_the_seed_says_of_which_runs() -> None:
    env = make(learning.system(), kind="autoscaling")
    first = [learning.play_episode(env, lambda _: 3).fingerprint for _ in range(3)]
    again = [learning.play_episode(env, lambda _: 3, options={"replication": k}).fingerprint for k in (2, 0, 1)]
    own = [learning.play_episode(env, lambda _: 3, **each).fingerprint for each in ({"seed": 5}, {}, {})]
    other = learning.play_episode(env, lambda _: 3, seed=6).fingerprint
    assert len({*first, other}) == 4
    assert [again[1], again[2], again[0]] == first == own


def test_time_passes_from_question_to_question_and_the_end_truncates() -> None:
    env = make(learning.system(), kind="autoscaling")
    played = learning.play_episode(env, lambda _: 1)
    assert [info["time_s"] for info in played.infos] == [*(5.0 * k for k in range(2, 25)), 125.0]
    assert played.earned.seconds == 125.0
    with pytest.raises(gymnasium.error.ResetNeeded, match="call `reset` first"):
        env.step(0)


def test_the_observation_shows_the_service() -> None:
    env = make(learning.system(), kind="autoscaling")
    observation, _ = env.reset()
    seen = dict(zip(env.names, observation.tolist(), strict=True))
    assert seen["ready"] == pytest.approx(2 / 6)
    assert 0 < seen["busy"] == pytest.approx(seen["utilisation"] * 2 / 6)
    after = dict(zip(env.names, env.step(5)[0].tolist(), strict=True))
    assert after["ready"] == 1.0, "six replicas are ready five seconds after they were asked for"


def test_an_action_that_is_none_is_refused_and_the_episode_goes_on() -> None:
    env = make(learning.system(), kind="autoscaling")
    env.reset()
    for wrong in (6, -1, 1.5, [1, 1], None, True):
        with pytest.raises(PolicyError, match="is none of this autoscaling decision: expected 0 to 5"):
            env.step(wrong)
    assert env.step(np.int64(5))[4]["time_s"] == 10.0


def test_where_a_replica_is_missing_the_last_one_is_taken() -> None:
    file, decide, changes = learning.PLACES["routing"]
    short = (*changes, "services.front.policies.autoscaling=fixed", "run.duration=21 s")
    env = make(file, decide, changes=short)
    assert env.action_space.n == 2  # type: ignore[attr-defined]
    wide = make(file, decide, changes=(*short[:-2], "services.front.policies.autoscaling.every=1000 s", short[-1]))
    assert wide.action_space.n == 24  # type: ignore[attr-defined]
    _, info = wide.reset()
    assert info["action_mask"].tolist() == [1, 1] + [0] * 22
    assert wide.action_masks().tolist() == [True, True] + [False] * 22
    last = [
        learning.play_episode(each, lambda _, k=k: k, options={"replication": 0}).fingerprint
        for each, k in ((env, 1), (wide, 1), (wide, 23))
    ]
    assert last[0] == last[1] == last[2]
    assert learning.play_episode(env, lambda _: 0, options={"replication": 0}).fingerprint != last[0]


TWO_TIERS = "apps.detect.stages.detector.split=[on_site, on_gpu]"


@pytest.mark.parametrize(
    ("kind", "more", "numbers"),
    [("autoscaling", (), 1), ("routing", (), 1), ("partitioning", (), 2), ("partitioning", (TWO_TIERS,), 1)],
)
def test_a_mask_is_what_the_action_space_draws_with(kind: str, more: tuple[str, ...], numbers: int) -> None:
    file, decide, changes = learning.PLACES[kind]
    env = make(file, decide, changes=(*changes, *more))
    assert isinstance(env.action_space, gymnasium.spaces.MultiDiscrete) == (numbers > 1)
    _, info = env.reset(seed=1)
    flat = np.concatenate(np.atleast_2d(info["action_mask"]))
    for _ in range(3):
        action = env.action_space.sample(info["action_mask"])
        assert env.action_space.contains(action)
        info = env.step(action)[4]
    assert flat.dtype == np.int8
    assert env.action_masks().shape == flat.shape == (sum(env.decision.sizes),)
    env.close()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"replication": -1}, "the replication -1 is none: give a whole number from 0 on"),
        ({"replication": 1.5}, "the replication 1.5 is none"),
        ({"replication": "one"}, "the replication 'one' is none"),
        ({"replicaton": 1}, "reset has no option 'replicaton': the only one is \"replication\""),
    ],
)
def test_options_that_are_none_are_refused_and_the_episode_goes_on(options: dict[str, Any], told: str) -> None:
    env = make(learning.system(), kind="autoscaling")
    env.reset()
    with pytest.raises(PolicyError, match=told):
        env.reset(options=options)
    assert env.step(3)[4]["replication"] == 0
    assert env.reset()[1]["replication"] == 1


def test_a_run_in_which_nothing_is_asked_ends_with_the_first_step() -> None:
    env = make(learning.system(**{"services.web.policies.autoscaling.every": "1 hour"}), kind="autoscaling")
    observation, _ = env.reset()
    assert not observation.any()
    _, reward, terminated, truncated, info = env.step(0)
    assert (terminated, truncated, info["time_s"]) == (False, True, 125.0)
    assert info["met"] > 100
    assert reward == info["met"] - info["missed"] - info["dollars"]


def test_a_reward_of_ones_own() -> None:
    env = make(learning.system(), kind="autoscaling", reward=lambda earned: earned.seconds)
    played = learning.play_episode(env, lambda _: 0)
    assert played.rewards == [info["seconds"] for info in played.infos]


def test_what_a_policy_raises_inside_comes_out_of_step() -> None:
    env = make(learning.system(**{"services.web.policies.routing": "{use: 'broken:AfterAWhile'}"}), kind="autoscaling")
    env.reset()
    for _ in range(3):
        env.step(3)
    with pytest.raises(PolicyError, match=r"routing policy 'broken:AfterAWhile' of 'web' raised ValueError at 20"):
        env.step(3)
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(3)
    env.reset()
    assert env.step(3)[4]["time_s"] == 10.0


def drive(make_vector: Any, steps: int = 6) -> list[Any]:
    vector = make_vector()
    seen = [vector.reset(seed=3)[0]]
    for step in range(steps):
        observations, rewards, _, truncated, _ = vector.step(np.array([step % 3, 2]))
        seen += [observations.copy(), rewards.copy(), truncated.copy()]
    vector.close()
    return seen


def test_environments_side_by_side_do_as_they_would_alone() -> None:
    def single() -> Any:
        return gymnasium.make(
            "simtier.learning:simtier/Autoscaling-v0", scenario=learning.system(), disable_env_checker=True
        )

    together = drive(lambda: gymnasium.vector.SyncVectorEnv([single, single]), steps=30)
    alone = [drive_alone(seed, actions) for seed, actions in ((3, [k % 3 for k in range(30)]), (4, [2] * 30))]
    for k, (observations, rewards) in enumerate(zip(together[1::3], together[2::3], strict=True)):
        for place in range(2):
            observation, reward = alone[place][k]
            assert observations[place].tolist() == observation.tolist()
            assert rewards[place] == reward


def drive_alone(seed: int, actions: list[int]) -> list[tuple[Any, float]]:
    """Return what one environment gives, reset when it is over in the step after, as vectors do it."""
    env = make(learning.system(), kind="autoscaling")
    env.reset(seed=seed)
    found: list[tuple[Any, float]] = []
    over = False
    for action in actions:
        if over:
            found.append((env.reset()[0], 0.0))
            over = False
        else:
            observation, reward, _, over, _ = env.step(action)
            found.append((observation, reward))
    return found


def test_environments_in_processes_of_their_own_do_the_same() -> None:
    keywords = {"scenario": "scenarios/edge_cloud_web.yaml", "decide": learning.PLACES["autoscaling"][1]}
    keywords["changes"] = learning.SHORT_WEB

    def vector(mode: str, **more: Any) -> Any:
        name = "simtier.learning:simtier/Autoscaling-v0"
        return lambda: gymnasium.make_vec(name, 2, vectorization_mode=mode, vector_kwargs=more, **keywords)

    sync, processes = drive(vector("sync"), 3), drive(vector("async", context="spawn"), 3)
    assert all((one == other).all() for one, other in zip(sync, processes, strict=True))


ELSEWHERE = """
import sys, json
import learning
from simtier.learning import make
env = make(*json.loads(sys.argv[1])[:2], changes=json.loads(sys.argv[1])[2])
agent = learning.some_agent(env.decision)
played = [learning.play_episode(env, agent.predict, seed=11), learning.play_episode(env, agent.predict)]
print(json.dumps([[each.fingerprint, each.rewards, [seen.tolist() for seen in each.seen]] for each in played]))
"""


def test_another_process_with_other_hashes_sees_and_earns_the_same() -> None:
    file, decide, changes = learning.PLACES["routing"]
    task = json.dumps([file, decide, [*changes, "run.duration=22 s"]])
    found = []
    for hash_seed in ("1", "2"):
        env = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(
            [sys.executable, "-c", ELSEWHERE, task], env=env, capture_output=True, text=True, check=True
        )
        found.append(done.stdout)
    assert found[0] == found[1]
    assert len(json.loads(found[0])[1][1]) > 50


def test_episodes_that_are_given_up_leave_nothing_behind() -> None:
    env = make(learning.system(), kind="autoscaling")
    for _ in range(3):
        env.reset()
        env.step(1)
    gc.collect()
    before = len(gc.get_objects())
    for number in range(200):
        env.reset()
        for _ in range(number % 4):
            env.step(number % 6)
    gc.collect()
    alive = [each for each in gc.get_objects() if isinstance(each, World | greenlet)]
    assert sum(isinstance(each, World) for each in alive) == 1
    assert len(gc.get_objects()) < 1.05 * before + 500
    env.close()
    del alive, env
    gc.collect()
    assert not [each for each in gc.get_objects() if isinstance(each, World)]


def test_an_environment_that_nobody_closes_goes_away() -> None:
    env = make(learning.system(), kind="autoscaling")
    env.reset()
    env.step(1)
    gone = weakref.ref(env)
    del env
    gc.collect()
    assert gone() is None
    assert not [each for each in gc.get_objects() if isinstance(each, World)]


WEB = "scenarios/edge_cloud_web.yaml"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "autoscaling"}, r"has 4 autoscaling policies to learn: give `decide`, one of services.front.pol"),
        ({"kind": "partitioning"}, r"has 0 partitioning policies to learn$"),
        (
            {"decide": "services.frnt.policies.routing"},
            r"'services.frnt.policies.routing' .*did you mean 'services.front",
        ),
        ({"decide": "services.front.policies.routing", "kind": "autoscaling"}, r"nothing to learn is called"),
        ({"decide": "services.database.policies.autoscaling"}, r"may have 1000 replicas, too many .*: give its `most`"),
        ({"decide": "services.database.policies.routing"}, r"nothing to route: service 'database' has one replica"),
        ({"decide": "services.front.policies.autoscaling", "most": 25}, r"`most` is 25: .* can have 1 to 24 replicas"),
        ({"decide": "services.front.policies.autoscaling", "most": 2}, r"nothing to scale: service 'front' has 2 to 2"),
        (
            {"decide": "services.front.policies.autoscaling", "cuts": [0, 1]},
            r"`cuts` is not for autoscaling: leave it out",
        ),
    ],
)
def test_what_cannot_be_learnt_is_said(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(PolicyError, match=message):
        make(WEB, **arguments)


@pytest.mark.parametrize("cuts", [[0], [3, 1], [0, 0], [-1, 2], [0, 71]])
def test_cuts_that_no_network_has_are_refused(cuts: list[int]) -> None:
    with pytest.raises(PolicyError, match=r"expected two or more rising layer numbers from 0 to 70"):
        make(learning.VIDEO, kind="partitioning", cuts=cuts)


def test_most_is_not_for_networks() -> None:
    with pytest.raises(PolicyError, match="`most` is not for partitioning: leave it out"):
        make(learning.VIDEO, "apps.detect.policies.partitioning", most=3)


def test_changes_belong_to_files() -> None:
    with pytest.raises(SimtierError, match="`changes` are for a scenario in a file"):
        make(learning.system(), changes=["run.seed=2"])
    with pytest.raises(ScenarioError, match="did you mean"):
        make(WEB, changes=["run.sed=2"])


@pytest.mark.parametrize("package", ["gymnasium", "greenlet"])
def test_a_missing_package_is_named(package: str) -> None:
    program = f"""
import sys
sys.modules[{package!r}] = None
from simtier.errors import SimtierError
from simtier.learning import make
from simtier.learning.policies import LearnedAutoscaling
try:
    make({WEB!r})
except SimtierError as error:
    print(error)
"""
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True)
    name = package.capitalize() if package == "gymnasium" else package
    assert done.stdout == f"learning needs {name}: pip install 'simtier[gym]'\n"


def test_weights_are_the_users() -> None:
    plain, weighted = (
        make(learning.system(), kind="autoscaling"),
        make(learning.system(), kind="autoscaling", reward=Reward(met=0, missed=2, dollar=10)),
    )
    episodes = [learning.play_episode(env, lambda _: 1) for env in (plain, weighted)]
    for one, other, info in zip(*(each.rewards for each in episodes), episodes[0].infos, strict=True):
        assert one == info["met"] - info["missed"] - info["dollars"]
        assert other == -2 * info["missed"] - 10 * info["dollars"]
