"""Traces in a row, with the functions that lie beside each of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from simtier.errors import TraceError
from simtier.traces.convert import target_for, write, write_functions
from simtier.traces.find import find_all
from simtier.traces.ledger import OnError
from simtier.traces.replay import Replay
from simtier.traces.tables import batch
from simtier.world.traces import Reel, TraceShelf


def _day(folder: Path, name: str, functions: dict[str, float], origin_s: float) -> None:
    target = target_for(f"own/{name}", folder)
    rows = batch("rates", {"time_s": [0.0], "length_s": [60.0], "series": [next(iter(functions))], "value": [1.0]}, 1)
    write(target, "rates", [rows], lambda: {"dropped": {}, "notes": [], "facts": {"origin_s": repr(origin_s)}})
    table = pa.Table.from_batches(
        [batch("functions", {"function": list(functions), "duration_mean_s": list(functions.values())}, len(functions))]
    )
    write_functions(target.with_name(f"{name}-functions.parquet"), table, "a test")


def test_of_several_days_the_functions_of_each_are_known_and_the_first_day_holds(tmp_path: Path) -> None:
    _day(tmp_path, "day-1", {"f": 1.0}, 0.0)
    _day(tmp_path, "day-2", {"g": 2.0, "f": 9.0}, 60.0)
    reel = Reel(find_all("own/day-*", [tmp_path]), "fail")
    table = reel.functions()
    told = dict(zip(table["function"].to_pylist(), table["duration_mean_s"].to_pylist(), strict=True))
    assert told == {"f": 1.0, "g": 2.0}


def test_a_rate_scaled_down_keeps_whole_sessions_where_it_is_asked_to() -> None:
    sessions = [f"s{k // 5}" for k in range(1000)]
    columns = {"arrival_s": np.arange(1000.0), "input_tokens": np.ones(1000, int), "output_tokens": np.ones(1000, int)}
    rows = batch("llm_requests", {**columns, "failed": np.zeros(1000, bool), "session": sessions}, 1000)
    kept = pa.Table.from_batches(list(Replay(scale_rate=0.5, share_by="session").apply([rows], "llm_requests")))
    counts = pc.value_counts(kept["session"]).field("counts").to_pylist()
    assert set(counts) == {5}
    assert 70 < len(counts) < 130


@pytest.mark.parametrize(
    ("on_error", "dropped"),
    [("fail", None), ("drop", {"Average: not a finite number": 1, "second row of a function": 1})],
)
def test_tables_of_functions_are_read_as_the_workload_says_and_are_told_of(
    tmp_path: Path, on_error: OnError, dropped: dict[str, int] | None
) -> None:
    day = tmp_path / "azure-functions-2019"
    day.mkdir()
    minutes = ",".join(map(str, range(1, 1441)))
    counts = ",".join(["1"] * 1440)
    (day / "invocations_per_function_md.anon.d01.csv").write_text(
        f"HashOwner,HashApp,HashFunction,Trigger,{minutes}\no,a,f,http,{counts}\n"
    )
    percentiles = [f"percentile_Average_{p}" for p in (0, 1, 25, 50, 75, 99, 100)]
    told_of = {"f": "10", "g": "much", "h": "-10"}
    rows = [["o", "a", name, mean, "1", "10", "10", *["10"] * 7] for name, mean in [*told_of.items(), ("f", "20")]]
    header = ["HashOwner", "HashApp", "HashFunction", "Average", "Count", "Minimum", "Maximum", *percentiles]
    (day / "function_durations_percentiles.anon.d01.csv").write_text(
        "\n".join(",".join(row) for row in [header, *rows]) + "\n"
    )
    shelf = TraceShelf([tmp_path])
    reel = shelf.reel(("azure-functions-2019/d01",), on_error)
    if dropped is None:
        with pytest.raises(TraceError, match=r"function_durations_percentiles.*line 3"):
            reel.functions()
    else:
        assert reel.functions()["function"].to_pylist() == ["f", "h"]
        (told,) = [each for each in shelf.used() if str(each["name"]).endswith("(functions)")]
        assert told["dropped"] == dropped
        assert "1 negative durations, a known fault of the release, are null" in str(told["notes"])
