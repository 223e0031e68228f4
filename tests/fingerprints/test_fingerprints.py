"""Every shipped scenario leaves the trajectory it left before, to the last bit, in this process and in others.

A fingerprint that changes on purpose is written anew by `python tests/fingerprints/test_fingerprints.py`, and the change log says why.
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from simtier import Scenario, run

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TABLE = HERE / "fingerprints.csv"


def rows() -> list[dict[str, str]]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def fingerprint(scenario: str, changes: str) -> str:
    """Return the fingerprint of a shipped scenario with changes, separated by semicolons, on the shipped traces."""
    loaded = Scenario.load(
        ROOT / "scenarios" / f"{scenario}.yaml", [c.strip() for c in changes.split(";") if c.strip()]
    )
    with tempfile.TemporaryDirectory() as folder:
        return run(loaded, out=Path(folder) / "result", traces=[ROOT / "traces"]).fingerprint


def write() -> None:
    """Write the table anew."""
    found = [row | {"fingerprint": fingerprint(row["scenario"], row["changes"])} for row in rows()]
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["scenario", "changes", "fingerprint"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(found)


@pytest.fixture(autouse=True)
def _only_shipped_traces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIMTIER_TRACES", raising=False)


def test_every_shipped_scenario_has_a_fingerprint() -> None:
    assert {path.stem for path in (ROOT / "scenarios").glob("*.yaml")} == {row["scenario"] for row in rows()}


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row['scenario']}[{row['changes']}]")
def test_a_shipped_scenario_leaves_the_trajectory_it_left_before(row: dict[str, str]) -> None:
    found = fingerprint(row["scenario"], row["changes"])
    assert found == row["fingerprint"], "if this is on purpose: python tests/fingerprints/test_fingerprints.py"


@pytest.mark.parametrize("hash_seed", ["0", "4242"])
def test_another_process_with_another_hash_seed_leaves_the_same(hash_seed: str) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import test_fingerprints as t\n"
        "for row in t.rows(): print(t.fingerprint(row['scenario'], row['changes']))"
    )
    environment = os.environ | {"PYTHONHASHSEED": hash_seed}
    done = subprocess.run(
        [sys.executable, "-c", code, str(HERE)], env=environment, capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.split() == [row["fingerprint"] for row in rows()]


if __name__ == "__main__":
    os.environ.pop("SIMTIER_TRACES", None)
    write()
