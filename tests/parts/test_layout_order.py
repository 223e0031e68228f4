"""What is told of a world comes in an order of its own, not in that of sets, which differs from process to process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CHANGES = ("run.duration=2 s", "run.warmup=0 s", "run.replications=1")


def test_a_result_is_the_same_bytes_whatever_the_hashes_of_texts_are(tmp_path: Path) -> None:
    written = []
    for seed in ("1", "2"):
        out = tmp_path / seed
        changes = [part for change in CHANGES for part in ("--set", change)]
        command = [sys.executable, "-m", "simtier", "run", "scenarios/llm_edge_cloud.yaml", "--quiet", *changes]
        env = {**os.environ, "PYTHONHASHSEED": seed}
        subprocess.run([*command, "--out", str(out)], cwd=ROOT, env=env, check=True, capture_output=True)
        written.append((out / "result.json").read_text())
    assert len(json.loads(written[0])["layout"]["detours"]) > 1
    assert written[0] == written[1]
