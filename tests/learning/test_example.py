"""The example trains, compares and says how quick it was; here with few short episodes."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import learning
import pytest

from simtier.learning import make
from simtier.learning.agents import load

FILE = Path(__file__).parents[2] / "examples" / "learn_autoscaling.py"
SHORT = "run.duration=90 s"


@pytest.fixture
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("learn_autoscaling", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_example_trains_an_agent_and_compares_it(
    example: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "agent.json"
    example.main(["--rounds", "2", "--population", "5", "--held-out", "3", "--out", str(file), "--set", SHORT])
    told = capsys.readouterr().out
    assert re.search(r"round 2: best -[\d,]+ points, mean -[\d,]+\n360 steps in [\d.]+ s of CPU, [\d,]+ steps/s", told)
    assert len(re.findall(r"% +\d\.\d\d +-[\d,]+   -?[\d,]+ ± [\d,]+$", told, re.MULTILINE)) == len(example.BUILT_IN)
    env = make(example.SCENARIO, example.DECIDE, reward=example.REWARD, changes=[SHORT])
    agent = load(file)
    played = [learning.play_episode(env, agent.predict, seed=example.HELD_OUT_SEED) for _ in range(1)]
    played += [learning.play_episode(env, agent.predict) for _ in range(2)]
    mean = sum(sum(each.rewards) for each in played) / 3
    learnt = re.search(r"^learnt .* (-[\d,]+)$", told, re.MULTILINE)
    assert learnt is not None
    assert float(learnt[1].replace(",", "")) == pytest.approx(mean, abs=0.51), (
        "a run on new seeds is worth what episodes are"
    )
