"""AWS spot traces: ticks become spans of availability, and the polarity is said."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from simtier.errors import TraceError
from simtier.traces import Trace, available, find, read

ZONE = "us-west-2b_v100_1"


def _write(folder: Path, name: str, content: object) -> Path:
    path = folder / "aws-spot" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def _ticks(*values: object, gap: object = 195) -> dict[str, object]:
    return {"metadata": {"gap_seconds": gap}, "data": list(values)}


def _spans(trace: Trace) -> list[tuple[float, int]]:
    return list(zip(trace.table["time_s"].to_pylist(), trace.table["available"].to_pylist(), strict=True))


def test_equal_ticks_are_one_span_and_the_period_is_all_ticks(tmp_path: Path) -> None:
    _write(tmp_path, ZONE, _ticks(1, 1, 0, 0, 0, 1))
    trace = read(find("aws-spot/us-west-2b-v100-1", [tmp_path]))
    assert _spans(trace) == [(0.0, 1), (390.0, 0), (975.0, 1)]
    assert (trace.rows_read, trace.facts["period_s"], trace.facts["polarity"]) == (6, "1170.0", "available")
    assert trace.notes == ("a 1 in the file is taken to mean available; 6 ticks of 195 s",)


def test_a_file_of_the_other_polarity_says_so_in_its_name_and_gives_the_complement(tmp_path: Path) -> None:
    _write(tmp_path, ZONE, _ticks(1, 0, 1))
    _write(tmp_path, f"{ZONE}-preempted", _ticks(0, 1, 0))
    assert list(available([tmp_path])) == ["aws-spot/us-west-2b-v100-1-preempted", "aws-spot/us-west-2b-v100-1"]
    one, other = (read(found) for found in available([tmp_path]).values())
    assert _spans(one) == _spans(other)
    assert one.notes == ("a 1 in the file is taken to mean preempted; 3 ticks of 195 s",)


def test_several_instances_are_counted_but_cannot_be_a_complement(tmp_path: Path) -> None:
    _write(tmp_path, ZONE, _ticks(4, 2, 2))
    assert _spans(read(find("aws-spot/us-west-2b-v100-1", [tmp_path]))) == [(0.0, 4), (195.0, 2)]
    path = _write(tmp_path, f"{ZONE}-preempted", _ticks(4, 2))
    with pytest.raises(TraceError) as error:
        read(find("aws-spot/us-west-2b-v100-1-preempted", [tmp_path]))
    assert str(error.value) == f"{path}: data[0] is 4, not 0 or 1, as where a 1 means preempted"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            '{"metadata": {"gap_seconds": 195},\n "data": [1, 0',
            ", line 2, column 15: not JSON (Expecting ',' delimiter)",
        ),
        ("", ": the file is empty"),
        ("[1, 0]", ': expected {"metadata": {"gap_seconds": ...}, "data": [...]}'),
        ({"data": [1]}, ': expected {"metadata": {"gap_seconds": ...}, "data": [...]}'),
        (_ticks(1, gap=0), ": metadata.gap_seconds is 0, not a number above 0"),
        (_ticks(1, gap="195"), ": metadata.gap_seconds is '195', not a number above 0"),
        (_ticks(1, gap=True), ": metadata.gap_seconds is True, not a number above 0"),
        (_ticks(), ": data is not a list of numbers with at least one"),
        (_ticks(1, None), ": data[1] is None, not a whole number of at least 0 and below 2**31"),
        (_ticks(1, 0.5), ": data[1] is 0.5, not a whole number of at least 0 and below 2**31"),
        (_ticks(1, -1), ": data[1] is -1, not a whole number of at least 0 and below 2**31"),
        (_ticks(True), ": data[0] is True, not a whole number of at least 0 and below 2**31"),
        (_ticks(2**31), f": data[0] is {2**31}, not a whole number of at least 0 and below 2**31"),
        (
            _ticks("x" * 200_000),
            f": data[0] is {'x' * 60!r}... (200000 characters), not a whole number of at least 0 and below 2**31",
        ),
        ("[" * 100_000, ": not JSON (nested too deeply)"),
        ("9" * 5000, ": not JSON (a number of thousands of digits)"),
        (_ticks(1, gap=10**400), f": 1 ticks of metadata.gap_seconds 1{'0' * 59}... go beyond 292 years"),
        (_ticks(1, 1, 1, gap=4e9), ": 3 ticks of metadata.gap_seconds 4000000000.0 go beyond 292 years"),
        ('{"metadata": {"gap_seconds": NaN}, "data": [1]}', ": metadata.gap_seconds is nan, not a number above 0"),
    ],
)
def test_what_is_no_such_file_is_refused_with_its_place(tmp_path: Path, content: object, message: str) -> None:
    path = _write(tmp_path, ZONE, content)
    with pytest.raises(TraceError) as error:
        read(find("aws-spot/us-west-2b-v100-1", [tmp_path]))
    assert str(error.value) == f"{path}{message}"


def test_bad_ticks_are_dropped_and_counted_and_the_others_keep_their_times(tmp_path: Path) -> None:
    path = _write(tmp_path, ZONE, _ticks(None, "x", 1, 2**70, 0, 1.5, 1, 1))
    trace = read(find("aws-spot/us-west-2b-v100-1", [tmp_path]), "drop")
    assert _spans(trace) == [(0.0, 1), (390.0, 0), (780.0, 1)]
    assert (trace.facts["origin_s"], trace.facts["period_s"]) == ("390.0", "1170.0")
    assert (trace.rows_read, trace.dropped) == (8, {"data: not a whole number of at least 0 and below 2**31": 4})
    path.write_text(json.dumps(_ticks(None, None)), encoding="utf-8")
    with pytest.raises(TraceError, match="all 2 were dropped"):
        read(find("aws-spot/us-west-2b-v100-1", [tmp_path]), "drop")


SETS = {
    "availability/1-node/aws-02-15-2023/us-east-1a_v100_1": [1, 0],
    "availability/16-node/aws-08-27-2023/us-east-2b_v100_1": [16, 3],
    "preemption/1-node/gcp-04-30-2023/us-east1-b_c3-88": [0, 1],
}


@pytest.mark.parametrize("above", ["aws-spot", "aws-spot/spot-traces-main", "spot-traces"])
def test_the_folders_of_the_repository_are_read_each_file_once(tmp_path: Path, above: str) -> None:
    for name, ticks in SETS.items():
        path = tmp_path / above / f"{name}.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(_ticks(*ticks)), encoding="utf-8")
    found = available([tmp_path])
    assert sorted(found) == sorted(f"aws-spot/{name.replace('/', '-').replace('_', '-')}" for name in SETS)
    assert {tuple(read(each).table["available"].to_pylist()) for each in found.values()} == {(1, 0), (16, 3), (0, 1)}
    own = read(find(f"aws-spot:{tmp_path / above / 'preemption/1-node/gcp-04-30-2023/us-east1-b_c3-88.json'}", []))
    assert (own.table["available"].to_pylist(), own.facts["polarity"]) == ([0, 1], "available")


def test_an_archive_of_the_repository_is_read_in_place(tmp_path: Path) -> None:
    (tmp_path / "aws-spot").mkdir()
    with zipfile.ZipFile(tmp_path / "aws-spot/spot-traces-main.zip", "w") as packed:
        for name, ticks in SETS.items():
            packed.writestr(f"spot-traces-main/{name}.json", json.dumps(_ticks(*ticks)))
        packed.writestr("spot-traces-main/scripts/settings.json", "{}")
    found = available([tmp_path])
    assert len(found) == len(SETS)
    assert {read(each).rows_read for each in found.values()} == {2}
