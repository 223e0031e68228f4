"""BurstGPT: failures marked, sessions by name, one clock for three files, and the real slices' figures."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simtier.errors import TraceError
from simtier.traces import Trace, available, find, read

OLD = "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type"
NEW = "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type"


def _read(folder: Path, header: str, *rows: str, **how: Any) -> Trace:
    path = folder / "BurstGPT_1.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return read(find(f"burstgpt:{path}", []), **how)


def test_files_1_and_2_have_no_session_and_no_elapsed_time(tmp_path: Path) -> None:
    trace = _read(
        tmp_path, OLD, "5,ChatGPT,472,18,490,Conversation log", "5,GPT-4,0,0,0,API log", "7,GPT-4,9,0,9,API log"
    )
    rows = trace.table.to_pylist()
    assert [row["arrival_s"] for row in rows] == [0.0, 0.0, 2.0]
    assert [(row["model"], row["kind"]) for row in rows] == [
        ("ChatGPT", "conversation"),
        ("GPT-4", "API"),
        ("GPT-4", "API"),
    ]
    assert [(row["session"], row["elapsed_s"], row["images"], row["blocks"]) for row in rows] == [(None,) * 4] * 3
    assert [row["failed"] for row in rows] == [False, True, True]  # kept and marked, whatever they asked
    assert (trace.rows_read, dict(trace.dropped), trace.notes) == (3, {}, ())


def test_file_3_has_its_two_columns_in_the_middle_and_blank_is_not_zero(tmp_path: Path) -> None:
    trace = _read(
        tmp_path,
        NEW,
        "19440110.0,1722ac82,43,GPT-4,906,446,1352,Conversation log",
        "19440110.0,,,ChatGPT,36,29,65,API log",
        "19440111.0,1722ac82,0,GPT-4,5,0,5,Conversation log",
    )
    assert trace.table["arrival_s"].to_pylist() == [0.0, 0.0, 1.0]
    assert trace.table["session"].to_pylist() == ["1722ac82", None, "1722ac82"]
    assert trace.table["elapsed_s"].to_pylist() == [43.0, None, 0.0]
    assert trace.table["input_tokens"].to_pylist() == [906, 36, 5]


def test_the_files_share_the_clock_of_day_1(tmp_path: Path) -> None:
    first = _read(tmp_path, OLD, "5,ChatGPT,472,18,490,Conversation log")
    third = _read(tmp_path, NEW, "19440110.0,s,43,GPT-4,906,446,1352,Conversation log")
    assert (first.facts["origin_s"], third.facts["origin_s"]) == ("5.0", "19440110.0")
    assert first.facts["clock"] == third.facts["clock"] == "seconds from 00:00 local time of day 1"


def test_a_total_that_is_no_sum_is_told_and_exact_duplicates_are_kept(tmp_path: Path) -> None:
    row = "5,ChatGPT,472,18,490,Conversation log"
    trace = _read(tmp_path, OLD, row, row, "6,ChatGPT,472,18,500,Conversation log", "6,GPT-4,1,1,0,API log")
    assert trace.table["output_tokens"].to_pylist() == [18, 18, 18, 1]
    assert trace.notes == ("2 rows whose total is not the sum of request and response tokens; these two are used",)


def test_every_official_name_is_an_item_plain_gzipped_and_zipped(tmp_path: Path) -> None:
    folder = tmp_path / "burstgpt"
    folder.mkdir()
    content = f"{OLD}\n5,ChatGPT,472,18,490,Conversation log\n"
    for name in ("BurstGPT_1.csv", "BurstGPT_2.csv", "BurstGPT_without_fails_1.csv", "BurstGPT_1_first400.csv"):
        (folder / name).write_text(content, encoding="utf-8")
    with zipfile.ZipFile(folder / "BurstGPT_3.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("BurstGPT_3.csv", content)
        packed.writestr("__MACOSX/._BurstGPT_3.csv", "x")
    with zipfile.ZipFile(folder / "BurstGPT_without_fails_2.csv.zip", "w") as packed:
        packed.writestr("data/BurstGPT_without_fails_2.csv", content)
    found = available([tmp_path])
    assert set(found) == {
        f"burstgpt/{item}" for item in ("1", "2", "3", "1-without-fails", "2-without-fails", "1-first400")
    }
    assert {read(each).table.num_rows for each in found.values()} == {1}


@pytest.mark.parametrize(
    ("row", "place", "what"),
    [
        ("noon,ChatGPT,1,1,2,API log", "column 1 (Timestamp)", "'noon' is not a finite number"),
        ("inf,ChatGPT,1,1,2,API log", "column 1 (Timestamp)", "'inf' is not a finite number"),
        ("1e300,ChatGPT,1,1,2,API log", "column 1 (Timestamp)", "'1e300' is beyond 292 years"),
        ("9999999999,ChatGPT,1,1,2,API log", "column 1 (Timestamp)", "'9999999999' is beyond 292 years"),
        (
            "9999999999999999999,ChatGPT,1,1,2,API log",
            "column 1 (Timestamp)",
            "'9999999999999999999' is beyond 292 years",
        ),
        (",ChatGPT,1,1,2,API log", "column 1 (Timestamp)", "'': blank"),
        ("5,,1,1,2,API log", "column 2 (Model)", "'': blank"),
        ("5,ChatGPT,,1,2,API log", "column 3 (Request tokens)", "'': blank"),
        (
            "5,ChatGPT,1.5,1,2,API log",
            "column 3 (Request tokens)",
            "'1.5' is not a whole number of at most 18 digits",
        ),
        ("5,ChatGPT,1,-1,0,API log", "column 4 (Response tokens)", "'-1': negative number"),
    ],
)
def test_a_bad_row_is_refused_with_its_place_or_dropped_and_counted(
    tmp_path: Path, row: str, place: str, what: str
) -> None:
    good = "5,ChatGPT,472,18,490,API log"
    with pytest.raises(TraceError) as error:
        _read(tmp_path, OLD, good, row)
    assert str(error.value) == f"{tmp_path}/BurstGPT_1.csv, line 3, {place}: {what}"
    trace = _read(tmp_path, OLD, good, row, good, on_error="drop")
    column = place.partition("(")[2].rstrip(")")
    reason = what.rpartition("' is ")[2] if "' is " in what else what.rpartition(": ")[2]
    assert (trace.rows_read, trace.table.num_rows, trace.dropped) == (3, 2, {f"{column}: {reason}": 1})


def _slice(item: str) -> Trace:
    directories = [Path(part) for part in os.environ.get("SIMTIER_TRACES", "").split(os.pathsep) if part]
    if f"burstgpt/{item}" not in available(directories):
        pytest.skip(f"SIMTIER_TRACES names no directory with the slice burstgpt/{item}")
    return read(find(f"burstgpt/{item}", directories))


def _gaps(trace: Trace) -> tuple[float, float, int]:
    gaps = np.diff(trace.table["arrival_s"].to_numpy())
    return round(gaps.mean(), 3), round(gaps.std() / gaps.mean(), 3), int((gaps == 0).sum())


def _tally(trace: Trace, column: str) -> dict[str, int]:
    return {each["values"]: each["counts"] for each in trace.table[column].value_counts().to_pylist()}


def _tokens(trace: Trace, column: str) -> tuple[float, float, int]:
    values = trace.table[column].to_numpy()
    return round(values.mean(), 2), float(np.median(values)), int(values.max())


def test_the_real_slice_of_file_1_has_its_figures() -> None:
    trace = _slice("1-first400")
    table = trace.table
    assert trace.sha256 == "7865fda5dac50938a84dfccb06c405e2f5202969ecfbd671c8399de00f4335f0"
    assert (trace.rows_read, table.num_rows, dict(trace.dropped), trace.notes) == (400, 400, {}, ())
    assert (trace.facts["origin_s"], table["arrival_s"][-1].as_py()) == ("5.0", 37_274 - 5)
    assert _tally(trace, "model") == {"ChatGPT": 320, "GPT-4": 80}
    assert _tally(trace, "kind") == {"conversation": 398, "API": 2}
    failed = table.filter(table["failed"])
    assert (failed.num_rows, set(failed["input_tokens"].to_pylist())) == (17, {0})
    assert _tokens(trace, "input_tokens") == (520.47, 314, 2126)
    assert _tokens(trace, "output_tokens") == (276.53, 229.5, 2019)
    mean, cv, ties = _gaps(trace)
    assert (mean, ties) == (93.406, 4)
    assert cv == pytest.approx(4.561, abs=0.01)
    assert table["session"].null_count == table["elapsed_s"].null_count == 400


def test_the_real_slice_of_file_3_has_its_figures() -> None:
    trace = _slice("3-first400")
    table = trace.table
    assert trace.sha256 == "5465fc4c38b0815b8f75d126a120c229ae93632d62e3adf1792f5e8401a73559"
    assert (trace.rows_read, table.num_rows, dict(trace.dropped), trace.notes) == (400, 400, {}, ())
    assert (trace.facts["origin_s"], table["arrival_s"][-1].as_py()) == ("19440110.0", 19_481_563 - 19_440_110)
    assert _tally(trace, "model") == {"GPT-4": 95, "ChatGPT": 305}
    assert _tally(trace, "kind") == {"conversation": 394, "API": 6}
    turns = _tally(trace, "session")
    blank = turns.pop(None, 0)  # type: ignore[call-overload]
    api = [session for session, kind in zip(table["session"], table["kind"], strict=True) if kind.as_py() == "API"]
    assert blank == 6 == sum(session.as_py() is None for session in api)
    assert (len(turns), round(394 / len(turns), 2), max(turns.values())) == (135, 2.92, 24)
    assert sum(table["failed"].to_pylist()) == 1
    assert _tokens(trace, "input_tokens") == (617.35, 308.5, 25_085)
    assert _tokens(trace, "output_tokens")[:2] == (170.88, 101)
    elapsed = table["elapsed_s"].drop_null().to_numpy()
    assert (round(elapsed.mean(), 2), np.median(elapsed), elapsed.max()) == (9.70, 3, 155)
    assert int((elapsed == 0).sum()) == 28
    mean, cv, _ = _gaps(trace)
    assert mean == 103.892
    assert cv == pytest.approx(2.867, abs=0.01)
