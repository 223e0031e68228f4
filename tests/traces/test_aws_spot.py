"""AWS spot traces: ticks become spans of availability, and the polarity is said."""

from __future__ import annotations

import json
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
    assert str(error.value) == f"{path}: a number above 1 cannot mean preempted"


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
        (_ticks(1, None), ": data[1] is None, not a whole number of at least 0"),
        (_ticks(1, 0.5), ": data[1] is 0.5, not a whole number of at least 0"),
        (_ticks(1, -1), ": data[1] is -1, not a whole number of at least 0"),
        (_ticks(True), ": data[0] is True, not a whole number of at least 0"),
    ],
)
def test_what_is_no_such_file_is_refused_with_its_place(tmp_path: Path, content: object, message: str) -> None:
    path = _write(tmp_path, ZONE, content)
    with pytest.raises(TraceError) as error:
        read(find("aws-spot/us-west-2b-v100-1", [tmp_path]))
    assert str(error.value) == f"{path}{message}"
