"""Mahimahi files: packets at milliseconds become rates, and no byte is lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simtier.errors import TraceError
from simtier.traces import find, read
from simtier.traces.datasets.mahimahi import MAHIMAHI, PACKET_BYTES
from simtier.traces.ledger import Ledger
from simtier.traces.source import Source

_READ = MAHIMAHI.places[0].read


def _file(folder: Path, content: str) -> Path:
    path = folder / "walk.up"
    path.write_text(content, encoding="utf-8")
    return path


def _rates(folder: Path, content: str) -> tuple[list[tuple[float, float]], Ledger]:
    ledger = Ledger()
    (rows,) = _READ(Source(_file(folder, content)), ledger)
    return list(zip(rows["time_s"].to_pylist(), rows["rate_bytes_per_s"].to_pylist(), strict=True)), ledger


def test_a_packet_a_millisecond_is_12_megabit_a_second(tmp_path: Path) -> None:
    rates, ledger = _rates(tmp_path, "1\n2\n3\n4\n")
    assert rates == [(0.0, 1.5e6)]
    assert ledger.facts["period_s"] == "0.004"


def test_a_repeated_stamp_is_several_packets_and_a_gap_is_a_rate_of_zero(tmp_path: Path) -> None:
    rates, ledger = _rates(tmp_path, "1\n2\n2\n2\n5\n")
    assert rates == [(0.0, 1.5e6), (0.001, 4.5e6), (0.002, 0.0), (0.004, 1.5e6)]
    assert ledger.rows_read + ledger.unfolded == len(rates)
    assert ledger.notes == ["5 packets of 1500 bytes made 4 rates; the trace starts again at its last stamp"]


@given(st.lists(st.integers(0, 400), min_size=1, max_size=200).map(sorted).filter(lambda stamps: stamps[-1] > 0))
def test_the_bytes_of_a_period_are_those_of_the_packets(stamps: list[int]) -> None:
    ledger = Ledger()

    class _Given(Source):
        def read_bytes(self) -> bytes:
            return "\n".join(map(str, stamps)).encode()

    (rows,) = _READ(_Given(Path("given.up")), ledger)
    starts, rates = rows["time_s"].to_numpy(), rows["rate_bytes_per_s"].to_numpy()
    ends = np.append(starts[1:], float(ledger.facts["period_s"]))
    assert float(((ends - starts) * rates).sum()) == pytest.approx(len(stamps) * PACKET_BYTES, rel=1e-12)
    assert (np.diff(starts) > 0).all()


def test_a_silence_of_days_takes_one_row_and_no_memory(tmp_path: Path) -> None:
    rates, ledger = _rates(tmp_path, "0\n2000000000\n")
    assert rates == [(0.0, 1.5e6), (0.001, 0.0), (1_999_999.999, 1.5e6)]
    assert ledger.facts["period_s"] == "2000000.0"


def test_it_is_found_by_name_with_the_period_of_its_last_stamp(tmp_path: Path) -> None:
    folder = tmp_path / "mahimahi"
    folder.mkdir()
    (folder / "ATT-LTE-driving.down").write_text("3\n10\n", encoding="utf-8")
    trace = read(find("mahimahi/ATT-LTE-driving.down", [tmp_path]))
    assert (trace.period_s, trace.family, trace.rows_read, trace.table.num_rows) == (0.01, "bandwidth", 2, 4)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1\n5\n4\n", "line 3, column 1: time goes back from 5 to 4 ms"),
        ("1\ntwo\n", "line 2, column 1: 'two' is not a whole number of at most 18 digits"),
        ("-1\n", "line 1, column 1: '-1' is negative"),
        ("1\n1.5\n", "line 2, column 1: '1.5' is not a whole number of at most 18 digits"),
        ("99999999999\n", "line 1, column 1: 99999999999 ms is more than 24 days, longer than any such trace"),
    ],
)
def test_bad_lines_are_refused_with_their_place_or_dropped_and_counted(
    tmp_path: Path, content: str, message: str
) -> None:
    path = _file(tmp_path, content)
    with pytest.raises(TraceError) as error:
        list(_READ(Source(path), Ledger()))
    assert str(error.value) == f"{path}, {message}"
    ledger = Ledger(on_error="drop")
    list(_READ(Source(path), ledger))
    assert sum(ledger.dropped.values()) == 1


def test_a_trace_without_length_is_refused(tmp_path: Path) -> None:
    path = _file(tmp_path, "0\n0\n")
    with pytest.raises(TraceError, match="the last stamp is 0 ms, so the trace has no length"):
        list(_READ(Source(path), Ledger()))
    with pytest.raises(TraceError, match="the file is empty"):
        list(_READ(Source(_file(tmp_path, "")), Ledger()))
