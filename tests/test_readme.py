"""The README's code, run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import simtier
from simtier.testing import check_policy

ROOT = Path(__file__).parent.parent
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)


def test_the_python_example_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    exec(BLOCKS[0], {})
    p95 = float(capsys.readouterr().out.splitlines()[0])
    assert 0.1 < p95 < 0.5


def test_the_policy_works_and_keeps_its_promises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_rules.py").write_text(BLOCKS[1], encoding="utf-8")
    scenario = (ROOT / "scenarios" / "edge_cloud_web.yaml").read_text(encoding="utf-8")
    (tmp_path / "web.yaml").write_text(scenario, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    changes = {
        "run.duration": "20 s",
        "run.warmup": "1 s",
        "run.replications": "1",
        "services.front.policies.routing": "{use: './my_rules.py:NearUnlessBusy', slack: 1}",
    }
    result = simtier.run(simtier.Scenario.load(tmp_path / "web.yaml", changes), explain=20)
    assert result.summary["apps"]["page"]["ok"] > 100
    decisions = result.table("decisions")
    assert len(decisions) == 20
    mine = (decisions["kind"] == "routing") & (decisions["owner"] == "front")
    assert set(decisions.loc[mine, "policy"]) == {"./my_rules.py:NearUnlessBusy"}

    import my_rules  # type: ignore[import-not-found]

    check_policy(my_rules.NearUnlessBusy)
