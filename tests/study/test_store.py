"""A study's directory: what is written, what is read back, and what is refused."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import pyarrow.dataset as ds
import pytest

from simtier.errors import ResultError, StudyError
from simtier.study.store import FORMAT, Store, read_about, row
from simtier.study.sweep import load


def rows(cell: int, **metrics: float | None) -> list[dict[str, object]]:
    return [dict(row(cell, number, {"run.seed": "1"}, metrics, status="ok", scenario="x")) for number in (0, 1)]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path / "out", ["run.seed"])
    made.open({"study": {"name": "s"}}, resume=False)
    return made


def test_rows_come_back_in_order_of_their_cells(store: Store) -> None:
    for cell in (1001, 2, 0):
        store.put(cell, rows(cell, mean=float(cell)))
    assert store.done() == {0, 2, 1001}
    assert (store.folder / "rows" / "block=0001" / "cell-001001.parquet").exists()
    assert store.finish()["cell"].to_pylist() == [0, 0, 2, 2, 1001, 1001]
    assert ds.dataset(store.folder / "rows", partitioning="hive").count_rows() == 6


def test_metrics_that_a_cell_lacks_are_null(store: Store) -> None:
    store.put(0, rows(0))
    store.put(1, rows(1, one=1.0))
    store.put(2, rows(2, other=2.0, one=None))
    table = store.table()
    assert table.column_names[-2:] == ["one", "other"]
    assert table["one"].to_pylist() == [None, None, 1.0, 1.0, None, None]
    assert table["other"].to_pylist()[-1] == 2.0


def test_a_study_without_a_finished_cell_has_an_empty_table(store: Store) -> None:
    assert store.table().num_rows == 0
    assert "run.seed" in store.table().column_names


def test_failed_cells_are_known(store: Store) -> None:
    store.put(0, rows(0))
    store.put(1, [rows(1)[0], {**rows(1)[1], "status": "failed"}])
    assert store.failed() == {1}


def test_another_version_or_format_is_not_gone_on_with(store: Store) -> None:
    store.put(0, rows(0))
    about = store.folder / "study.json"
    told = json.loads(about.read_text(encoding="utf-8"))
    about.write_text(json.dumps(told | {"version": "0.0.1"}), encoding="utf-8")
    with pytest.raises(StudyError, match=r"has rows of simtier 0\.0\.1, this is"):
        store.open({"study": {"name": "s"}}, resume=True)
    about.write_text(json.dumps(told | {"format": FORMAT + 1}), encoding="utf-8")
    with pytest.raises(StudyError, match=f"has format {FORMAT + 1}; this version reads format {FORMAT}"):
        store.open({"study": {"name": "s"}}, resume=True)


def test_a_folder_of_something_else_is_neither_read_nor_overwritten(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear", encoding="utf-8")
    for resume in (False, True):
        with pytest.raises(StudyError, match=r"exists already|holds no study"):
            Store(tmp_path, []).open({}, resume=resume)
    assert [each.name for each in tmp_path.iterdir()] == ["letter.txt"]
    with pytest.raises(StudyError, match=r"holds no study: cannot read study\.json"):
        read_about(tmp_path)
    with pytest.raises(StudyError, match="holds no study"):
        load(tmp_path)


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(ResultError, match=r"cannot write .*study\.json: "):
        Store(tmp_path / "file" / "out", []).open({}, resume=False)


FULL = """
import resource, signal, sys
from pathlib import Path
from simtier.errors import ResultError
from simtier.study.store import Store, row

store = Store(Path(sys.argv[1]), [])
store.open({}, resume=False)
store.put(0, [row(0, 0, {}, {"m": 1.0}, status="ok", scenario="")])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    store.put(1, [row(1, 0, {}, {f"metric {n}": 1.0 for n in range(500)}, status="ok", scenario="")])
except ResultError as error:
    print(error)
"""


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="the system limits no file sizes")
def test_what_the_system_refuses_to_write_leaves_nothing_half(tmp_path: Path) -> None:
    """A real refusal by the system (EFBIG), in the middle of a file."""
    out = tmp_path / "out"
    done = subprocess.run([sys.executable, "-c", FULL, str(out)], capture_output=True, text=True, check=True)
    assert "cell-000001.parquet: File too large; what is finished is kept, --resume goes on from there" in done.stdout
    assert sorted(each.name for each in out.rglob("*") if each.is_file()) == ["cell-000000.parquet", "study.json"]
    assert Store(out, []).table().num_rows == 1
