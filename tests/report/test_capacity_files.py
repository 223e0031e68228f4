"""The files of a capacity, and what the command line prints if they cannot be written."""

from __future__ import annotations

import errno
import json
import re
from pathlib import Path

import pytest
from playing import queue
from typer.testing import CliRunner

from simtier.cli import app
from simtier.errors import ResultError
from simtier.report.capacity import write_capacity
from simtier.report.figures.capacity import attainment_curve
from simtier.study.capacity.found import Capacity, Sought
from simtier.study.capacity.search import capacity
from simtier.study.task import Base
from simtier.whole import write_whole


@pytest.fixture(scope="module")
def data() -> dict[str, object]:
    arrivals = {"process": "periodic", "rate": "50 /s", "phase": "0 s"}
    return queue(arrivals, "10 ms", duration="5 s", app={"slo": {"latency": "15 ms"}})


@pytest.fixture(scope="module")
def found(data: dict[str, object]) -> Capacity:
    return capacity(Base(data), Sought(60, 110, precision=0.2))


def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the second file meet a full disk."""

    def fails(path: Path, content: bytes) -> None:
        if path.suffix == ".svg":
            raise ResultError(f"cannot write {path}: {OSError(errno.ENOSPC, 'No space left on device').strerror}")
        write_whole(path, content)

    monkeypatch.setattr("simtier.report.capacity.write_whole", fails)


def test_a_full_disk_leaves_nothing_in_the_way_of_the_next_try(
    found: Capacity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        full_disk(patched)
        with pytest.raises(ResultError, match="No space left"):
            write_capacity(found, tmp_path / "out", how_made="simtier")
    assert not (tmp_path / "out").exists()
    write_capacity(found, tmp_path / "out", how_made="simtier")
    assert json.loads((tmp_path / "out" / "capacity.json").read_text(encoding="utf-8"))["kept"] == found.kept


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_the_answer_is_printed_even_if_it_cannot_be_written(
    data: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    scenario = tmp_path / "queue.yaml"
    scenario.write_text(json.dumps(data), encoding="utf-8")
    full_disk(monkeypatch)
    arguments = ["capacity", str(scenario), "--rate", "20..110", "--precision", "20%", "--workers", "1", *options]
    done = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "out")])
    assert done.exit_code != 0
    assert ('"kept": ' if options else "keeps the objective") in done.output
    assert "written:" not in done.output


def test_each_plot_has_three_labels_at_least(found: Capacity) -> None:
    """The rates asked lie within one power of ten, where a logarithmic axis has but one round number of its own."""
    _, left, right = attainment_curve(found).split("-axes_")
    assert all(len(re.findall(r'id="capacity-xtick_\d+"', plot)) >= 3 for plot in (left, right))
