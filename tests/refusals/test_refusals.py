"""Every bad scenario in this folder is refused with exactly the words that stand beside it, and with every mistake at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from simtier.cli import app
from simtier.scenario.document import LONGEST_BYTES

HERE = Path(__file__).parent
SHIPPED = HERE.parents[1] / "traces"
CASES = sorted(path.stem for path in HERE.glob("*.yaml"))


def refusal(name: str) -> str:
    answer = CliRunner().invoke(app, ["validate", name])
    assert answer.exit_code == 2, answer.output
    assert answer.stdout == ""
    return answer.stderr.replace(str(SHIPPED), "TRACES")


@pytest.mark.parametrize("case", CASES)
def test_the_scenario_is_refused_in_these_words(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(HERE)
    monkeypatch.delenv("SIMTIER_TRACES", raising=False)
    assert refusal(f"{case}.yaml") == (HERE / f"{case}.txt").read_text(encoding="utf-8")


def test_every_expected_message_belongs_to_a_case() -> None:
    assert sorted(path.stem for path in HERE.glob("*.txt")) == CASES


def test_a_file_over_a_mebibyte_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("long.yaml").write_text("# long\n" * (LONGEST_BYTES // 7 + 1), encoding="utf-8")
    assert refusal("long.yaml") == "long.yaml:1: the file is longer than 1 MiB; a scenario is a few kilobytes\n"


def test_text_in_another_encoding_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("latin.yaml").write_bytes("name: a\nquestion: warum nicht f\u00fcnf?\n".encode("latin-1"))
    assert refusal("latin.yaml") == "latin.yaml:2: not UTF-8 text: invalid start byte\n"


def test_a_file_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert refusal("nowhere.yaml") == "cannot read nowhere.yaml: no such file or directory\n"
    Path("folder.yaml").mkdir()
    assert refusal("folder.yaml") == "cannot read folder.yaml: is a directory\n"
