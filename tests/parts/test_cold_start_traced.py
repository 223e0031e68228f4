"""Cold starts as in a trace: whole rows, of the function's runtime."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from cold_starting import FUNCTION, model, start
from published import published

from simtier.errors import TraceError
from simtier.traces.tables import batch
from simtier.world.traces import TraceShelf

HEAD = (
    "day,time,clusterName,funcName,userID,requestID,totalCost_cold_start,podAllocationCost,deployCodeCost,"
    "deployDependencyCost,schedulingCost,podID"
)
TABLE = "funcID,cpu_request,runtime,triggerType-invocationType"
POD = "pool22-300-128-0006319574"
WRITTEN = {"model": "traced", "trace": "huawei-2025/R2-day-00"}


def shelf(tmp_path: Path, *rows: str, functions: tuple[str, ...] = ()) -> TraceShelf:
    folder = tmp_path / "huawei-2025"
    (folder / "R2").mkdir(parents=True)
    (folder / "R2" / "day_00.csv").write_text("\n".join([HEAD, *rows, ""]), encoding="utf-8")
    if functions:
        text = "\n".join([TABLE, *functions, ""])
        (folder / "R2" / "df_funcID_runtime_triggerType.csv").write_text(text, encoding="utf-8")
    return TraceShelf([tmp_path])


def row(function: str, alloc: float, code: float, dependency: float, scheduling: float) -> str:
    total = alloc + code + dependency + scheduling
    return f"0,{total},1,{function},7,abc,{total},{alloc},{code},{dependency},{scheduling},{POD}"


def test_a_start_takes_what_one_row_took_component_by_component(tmp_path: Path) -> None:
    made = model(WRITTEN, shelf=shelf(tmp_path, row("1", 0.5, 0.25, 0.0, 1.0), row("2", 10.0, 0.125, 2.0, 0.5)))
    times = [made.times(start(number)) for number in range(100)]
    assert set(times) == {(1.0, 0.5, 0.0, 0.25, 0.0, 0.0), (0.5, 10.0, 0.0, 0.125, 2.0, 0.0)}
    assert times == [made.times(start(number)) for number in range(100)]
    assert made.expected(FUNCTION) == (0.75, 5.25, 0.0, 0.1875, 1.0, 0.0)


def test_rows_are_those_of_the_runtime_if_the_trace_tells_it(tmp_path: Path) -> None:
    functions = ("1---7---pool22-300-128,100,Python3,TIMER-A", "2---7---pool22-300-128,100,Node.js,TIMER-A")
    rows = row("1", 1, 1, 1, 1), row("2", 2, 2, 2, 2), row("3", 3, 3, 3, 3)
    made = model(WRITTEN, shelf=shelf(tmp_path, *rows, functions=functions))

    def seen(runtime: str) -> set[float]:
        function = replace(FUNCTION, runtime=runtime)
        return {made.times(start(number, function=replace(function, name=runtime)))[0] for number in range(200)}

    assert seen("python3") == {1.0}
    assert seen("Node.js") == {2.0}
    assert seen("Java") == seen("") == {1.0, 2.0, 3.0}  # a runtime the trace does not know: any row


def test_a_file_without_rows_or_with_a_negative_time_is_refused_where_it_is_read(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match=r"day_00\.csv: the file has a header and no rows"):
        model(WRITTEN, shelf=shelf(tmp_path / "empty"))
    with pytest.raises(
        TraceError, match=r"day_00\.csv, line 2, column 8 \(podAllocationCost\): '-0\.5': negative number"
    ):
        model(WRITTEN, shelf=shelf(tmp_path / "negative", row("1", -0.5, 0.25, 0.0, 1.0)))


class Shelf(TraceShelf):
    """A shelf with one table, for what no reader lets through."""

    def get(self, name: str, family: str) -> Any:
        scheduling = [1.0, 2.0, self.wrong] if self.wrong is not None else []
        ones = np.ones(len(scheduling))
        columns = dict.fromkeys(("time_s", "total_s", "pod_allocation_s", "deploy_code_s", "deploy_dependency_s"), ones)
        columns |= {"scheduling_s": np.array(scheduling, dtype=np.float64), "function": ["f"] * len(ones)}
        return SimpleNamespace(table=pa.Table.from_batches([batch("cold_starts", columns, len(ones))]))

    wrong: float | None = None


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (-0.5, "trace 'mine' has a scheduling_s of -0.5 s in row 3: it must be finite, 0 or more"),
        (float("inf"), "trace 'mine' has a scheduling_s of inf s in row 3: it must be finite, 0 or more"),
        (None, "trace 'mine' has no cold starts to draw from"),
    ],
)
def test_a_table_of_no_use_is_refused(wrong: float | None, message: str) -> None:
    mine = Shelf()
    mine.wrong = wrong
    with pytest.raises(TraceError) as caught:
        model({"model": "traced", "trace": "mine"}, shelf=mine)
    assert str(caught.value) == message


def test_a_trace_of_another_family_or_a_missing_one_is_refused(tmp_path: Path) -> None:
    there = shelf(tmp_path, row("1", 1, 1, 1, 1), functions=("1---7---p,100,Python3,TIMER-A",))
    with pytest.raises(TraceError, match="holds functions, where cold_starts is needed"):
        model({"model": "traced", "trace": "huawei-2025/R2-functions"}, shelf=there)
    with pytest.raises(TraceError, match="R1-day-00"):
        model({"model": "traced", "trace": "huawei-2025/R1-day-00"}, shelf=there)


def test_the_published_rows_come_out_again_as_a_whole(tmp_path: Path) -> None:
    excerpt = (
        published("huawei-2025-cold-starts") / "huawei-2025-cold-starts" / "notebook_excerpt_cold_starts_cell6.csv"
    )
    folder = tmp_path / "huawei-2025" / "cold_start" / "R1"
    folder.mkdir(parents=True)
    shutil.copy(excerpt, folder / "day_00.csv")
    made = model({"model": "traced", "trace": "huawei-2025/R1-day-00"}, shelf=TraceShelf([tmp_path]))
    times = np.array([made.times(start(number)) for number in range(2000)])
    first = (0.9095, 0.00059, 0.0, 0.001, 0.0, 0.0)  # as printed
    assert np.isclose(times, first, atol=1e-9).all(axis=1).any()
    assert len(np.unique(times, axis=0)) == 10
    share = np.isclose(times, first, atol=1e-9).all(axis=1).mean()
    assert share == pytest.approx(0.1, abs=0.03)
