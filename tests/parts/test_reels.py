"""Traces in a row, with the functions that lie beside each of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from simtier.traces.convert import target_for, write, write_functions
from simtier.traces.find import find_all
from simtier.traces.replay import Replay
from simtier.traces.tables import batch
from simtier.world.traces import Reel


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
