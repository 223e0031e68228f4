"""Code in the documentation runs: Python and YAML as they stand, commands on short runs."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from simtier.cli import app

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(\w+)(?: title=\"([^\"]+)\")?\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PAGES = sorted(page.relative_to(ROOT) for page in (ROOT / "docs").rglob("*.md"))
COMMAND = re.compile(r"`((?:simtier|make|python|pytest) [^`]+)`")
IN_PROCESSES = ("compare", "sweep", "capacity", "check", "shard")
"""Commands that start processes, which takes longer than what the documentation has them do."""
SHORT = ("--set", "run.duration=2 s", "--set", "run.warmup=0 s", "--set", "run.drain=0 s")


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with the shipped scenarios and traces, where the reader of the documentation would be."""
    for name in ("scenarios", "studies", "suites", "traces"):
        shutil.copytree(ROOT / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv("SIMTIER_TRACES", raising=False)
    monkeypatch.setattr("simtier.report.write_report", lambda directory: directory)  # slow, and has its own tests
    return tmp_path


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_block_runs_in_the_order_of_the_page(page: Path, checkout: Path) -> None:
    space: dict[str, object] = {}
    for language, title, body in BLOCK.findall((ROOT / page).read_text(encoding="utf-8")):
        if title:
            (checkout / title).write_text(body, encoding="utf-8")
        elif language == "python":
            exec(compile(body, str(page), "exec"), space)
        elif language == "yaml":
            assert quoted(body), f"{page} quotes what no shipped scenario says:\n{body}"
        else:
            assert language == "console", f"{page} has a block of {language}"
            for line in body.replace("\\\n", " ").splitlines():
                run(shlex.split(line), page)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_command_in_a_sentence_could_run(page: Path) -> None:
    for text in COMMAND.findall((ROOT / page).read_text(encoding="utf-8")):
        words = [word for word in shlex.split(text) if "=" not in word or word.startswith("-")]
        if words[0] == "make":
            assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE), text
        elif words[0] == "simtier":
            assert words[1] in {command.name for command in app.registered_commands} | {
                group.name for group in app.registered_groups
            }, text
        for word in words[1:]:
            if "/" in word and "://" not in word and "." not in word.split("/")[0]:
                assert (ROOT / word).exists(), f"{page}: {text}"


def quoted(block: str) -> bool:
    """Return whether the lines of `block` stand in a shipped scenario, study or suite, one after the other."""
    shipped = [path for folder in ("scenarios", "studies", "suites") for path in (ROOT / folder).glob("*.yaml")]
    return any(block.rstrip("\n") in path.read_text(encoding="utf-8") for path in shipped)


def run(words: list[str], page: Path) -> None:
    """Run a command; runs of simtier are cut short, their own settings kept otherwise."""
    if words[:3] == ["python", "-m", "pytest"]:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words[3:]]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
        return
    assert words[0] == "simtier", f"{page} runs {words[0]}"
    short = [*SHORT, "--replications", "1"] if words[1] == "run" else []
    if words[1] in IN_PROCESSES and "--workers" not in words:
        short = ["--workers", "1"]
    if words[1] == "run" and "--out" not in words:
        short += ["--out", f"result-{len(list(Path.cwd().iterdir()))}"]
    found = CliRunner().invoke(app, [*words[1:], *short])
    assert found.exit_code == 0, f"{page}: {shlex.join(words)}\n{found.output}\n{found.exception!r}"
