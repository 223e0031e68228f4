"""Kinds of column: what a field may be, and in which words it is refused. Blank is not zero."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simtier.errors import TraceError
from simtier.traces.columns import Count, Duration, Kind, Label, Number, Text, Whole, bad_rows, told
from simtier.traces.times import NS, OUT_OF_RANGE, OutOfRangeError, Seconds, Stamp, begins, nanoseconds, settled

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _read(kind: Kind, *fields: str) -> tuple[list[object], dict[str, list[int]]]:
    """Return the values, None where a fault is, and the rows of each fault."""
    values, faults = kind.values(pa.array(fields, pa.string()))
    found: dict[str, list[int]] = {}
    for reason, mask in bad_rows(faults, len(fields)):
        found[reason] = sorted([*found.get(reason, []), *(int(row) for row in mask.nonzero()[0])])
    bad = {row for rows in found.values() for row in rows}
    return [None if row in bad else value for row, value in enumerate(values.to_pylist())], found


def test_whole_numbers_are_whole_of_at_most_18_digits_and_not_negative() -> None:
    fields = (
        "0",
        "007",
        "999999999999999999",
        "1000000000000000000",
        "-1",
        "+5",
        "1.0",
        "0x1F",
        " 5",
        "five",
        "1e3",
        "",
    )
    values, faults = _read(Whole(), *fields)
    assert values[:3] == [0, 7, 999_999_999_999_999_999]
    assert faults == {
        "blank": [11],
        "not a whole number of at most 18 digits": [3, 5, 6, 7, 8, 9, 10],
        "negative number": [4],
    }


def test_numbers_are_finite_and_may_be_scaled() -> None:
    values, faults = _read(
        Number(scale=1000.0), "0", "1.5", ".5", "5.", "1e3", "+2", "nan", "inf", "1e999", "-1", "x", ""
    )
    assert values[:6] == [0.0, 1500.0, 500.0, 5000.0, 1e6, 2000.0]
    assert faults == {"blank": [11], "not a finite number": [6, 7, 8, 10], "negative number": [9]}
    assert _read(Number(least=None), "-1.5") == ([-1.5], {})


@pytest.mark.parametrize("kind", [Whole(blank=True), Number(blank=True), Label(blank=True), Text(blank=True)])
def test_a_blank_is_null_where_it_may_be_and_never_zero(kind: Kind) -> None:
    assert _read(kind, "7", "") == ([7 if isinstance(kind, Whole | Number) else "7", None], {})


@pytest.mark.parametrize("kind", [Label(), Text()])
def test_text_must_not_be_blank_unless_it_may(kind: Kind) -> None:
    assert _read(kind, "a", "") == (["a", None], {"blank": [1]})


def test_seconds_are_whole_nanoseconds_whatever_their_form() -> None:
    values, faults = _read(Seconds(), "19440110.0", "5", "0.123456789", "-1.5", "1e3", "x")
    assert values == [19_440_110 * 10**9, 5 * 10**9, 123_456_789, -1_500_000_000, 10**12, None]
    assert faults == {"not a finite number": [5]}
    assert _read(Seconds(1_000_000), "18", "0.5") == ([18_000_000, 500_000], {})
    assert _read(Seconds(), "1e12")[1] == {"beyond 292 years": [0]}


@pytest.mark.parametrize(
    ("stamp", "told"),
    [
        ("2023-11-16 18:17:03.9799600", "2023-11-16T18:17:03.979960+00:00"),  # 7 digits, no offset: taken as written
        ("2024-05-10 00:00:00.009930+00:00", "2024-05-10T00:00:00.009930+00:00"),  # 6 digits and an offset
        ("2024-05-10 00:00:00+00:00", "2024-05-10T00:00:00+00:00"),  # no fraction
        ("2024-10-15T12:00:00.269Z", "2024-10-15T12:00:00.269+00:00"),
        ("2024-05-10 02:30:00+02:30", "2024-05-10T00:00:00+00:00"),
        ("2024-05-09 18:00:00-0600", "2024-05-10T00:00:00+00:00"),
    ],
)
def test_stamps_of_every_form_are_one_instant(stamp: str, told: str) -> None:
    instant = (datetime.fromisoformat(told) - EPOCH) // timedelta(microseconds=1) * 1000
    assert nanoseconds(stamp) == instant
    assert _read(Stamp(), stamp) == ([instant], {})


def test_a_stamp_keeps_every_digit_up_to_the_ninth() -> None:
    values, _ = _read(Stamp(), "2023-11-16 18:17:03.1234567", "2023-11-16 18:17:03.123456789", "2023-11-16 18:17:03.1")
    assert [int(str(value)) % 10**9 for value in values] == [123_456_700, 123_456_789, 100_000_000]


def test_stamps_with_and_without_an_offset_do_not_mix() -> None:
    with_first = _read(Stamp(), "2024-05-10 00:00:00+00:00", "2024-05-10 00:00:01")
    bare_first = _read(Stamp(), "2024-05-10 00:00:00", "2024-05-10 00:00:01Z")
    assert with_first[1] == bare_first[1] == {"stamps with and without a UTC offset in one file": [1]}


@pytest.mark.parametrize(
    "stamp",
    [
        "",
        "yesterday",
        "2024-13-01 00:00:00",
        "2024-02-30 00:00:00",
        "2024-01-01 24:00:00",
        "2024-01-01 00:60:00",
        "2024-01-01",
        "2024-01-01 00:00:00.1234567890",
        "0001-01-01 00:00:00",
        "1677-09-21 00:12:43",
        "2262-04-11 23:47:17",
        "2024-01-01 00:00:00 ",
        "2024-01-01  00:00:00",
        "2024-01-01 00:00:00.",
        "2024-01-01 00:00:00,5",
        "20240101T000000.000000",
    ],
)
def test_what_is_no_stamp_is_marked_and_the_others_are_read(stamp: str) -> None:
    values, faults = _read(Stamp(), "2024-01-01 00:00:00", stamp)
    assert values[0] == nanoseconds("2024-01-01 00:00:00")
    assert list(faults.values()) == [[1]]
    with pytest.raises(ValueError, match=r".+"):
        nanoseconds(stamp)


@given(st.datetimes(datetime(1700, 1, 1), datetime(2250, 1, 1)), st.integers(0, 9))  # noqa: DTZ001 - written without a zone
def test_arrow_and_the_careful_way_read_the_same_instant(instant: datetime, digits: int) -> None:
    fraction = f"{instant.microsecond:06d}000"[:digits]
    stamp = f"{instant.year:04d}-{instant:%m-%d %H:%M:%S}" + (f".{fraction}" if fraction else "")
    assert _read(Stamp(), stamp) == ([nanoseconds(stamp)], {})


@pytest.mark.parametrize("stamp", ["1677-09-21 00:12:44", "2262-04-11 23:47:16.854775807"])
def test_the_first_and_the_last_instant_of_64_bits_are_read_either_way(stamp: str) -> None:
    assert _read(Stamp(), stamp, "none")[0] == [nanoseconds(stamp), None]
    assert _read(Stamp(), stamp)[0] == [nanoseconds(stamp)]


def test_a_first_row_that_is_no_stamp_says_nothing_of_the_others() -> None:
    _, faults = _read(Stamp(), "none", "2024-05-10 00:00:00Z", "2024-05-10 00:00:01+01:00")
    assert [rows for reason, rows in faults.items() if reason.startswith("not a time stamp")] == [[0]]
    assert len(faults) == 1


def test_whether_stamps_have_an_offset_is_settled_by_the_first_of_the_file() -> None:
    zoned = settled(Stamp(), pa.array(["none", "2024-05-10 00:00:00Z"]))
    assert zoned == Stamp(zoned=True) == settled(zoned, pa.array(["2024-05-10 00:00:00"]))
    assert settled(Stamp(), pa.array(["none"])) == Stamp()
    assert _read(zoned, "2024-05-10 00:00:00")[1] == {"stamps with and without a UTC offset in one file": [0]}
    assert settled(Whole(), pa.array(["2024-05-10 00:00:00Z"])) == Whole()


@pytest.mark.parametrize(
    ("field", "nanoseconds_in", "told"),
    [
        ("1715299200.123456", NS, 1_715_299_200_123_456_000),  # 16 digits, one more than a float holds
        ("1715299200123.456789", 1_000_000, 1_715_299_200_123_456_789),
        ("1715299200123456789", 1, 1_715_299_200_123_456_789),
        ("-1715299200.000000001", NS, -1_715_299_200_000_000_001),
        ("0.5", 60 * NS, 30 * NS),
        ("9223372036.854775807", NS, 2**63 - 1),
        ("19440110.0", NS, 19_440_110 * NS),
        ("+5.", NS, 5 * NS),
    ],
)
@pytest.mark.parametrize("others", [(), ("x",), ("0.12345678901234567890",), ("99999999999999999999",), ("1e300",)])
def test_seconds_are_exact_to_the_last_nanosecond_whatever_stands_beside_them(
    field: str, nanoseconds_in: int, told: int, others: tuple[str, ...]
) -> None:
    assert _read(Seconds(nanoseconds_in), field, *others)[0][0] == told


@pytest.mark.parametrize("field", ["9223372036.854775808", "-9223372037", "99999999999999999999999", "1e300", "-1e11"])
def test_seconds_beyond_64_bits_of_nanoseconds_are_marked(field: str) -> None:
    assert _read(Seconds(), "1", field, "0.1234567891") == ([NS, None, 123_456_789], {"beyond 292 years": [1]})


@given(st.decimals(-(10**9), 10**9, places=9, allow_nan=False))
def test_seconds_of_nine_digits_are_what_decimal_arithmetic_says(second: Decimal) -> None:
    assert _read(Seconds(), f"{second:f}", "x")[0][0] == int(second * NS) == _read(Seconds(), f"{second:f}")[0][0]


@given(st.floats(0, 1e6))
def test_seconds_as_floats_are_printed_are_read_to_the_nanosecond(second: float) -> None:
    (value,), faults = _read(Seconds(), repr(second))
    assert (abs(int(str(value)) - Decimal(repr(second)) * NS) <= Decimal("0.51"), faults) == (True, {})


def test_counts_may_have_a_point_but_no_part() -> None:
    values, faults = _read(Count(), "2595.0", "3", "1e3", "2.5", "-1", "", "x")
    assert values == [2595.0, 3.0, 1000.0, None, None, None, None]
    assert {reason: rows[0] for reason, rows in faults.items()} == {
        "blank": 5,
        "not a finite number": 6,
        "negative number": 4,
        "not a whole number": 3,
    }
    assert _read(Count(blank=True), "", "1") == ([None, 1.0], {})


_fields = st.one_of(
    st.text("0123456789+-.eE", max_size=24),
    st.text("01 \tx_nainfINF\x00\u0661", max_size=6),
    st.integers(-(10**20), 10**20).map(str),
    st.floats().map(repr),
)


@given(_fields, _fields, st.sampled_from([Whole(), Whole(least=None), Number(), Number(least=None), Count()]))
def test_what_a_field_is_does_not_depend_on_its_neighbours(field: str, other: str, kind: Kind) -> None:
    alone, fault = _read(kind, field)
    beside, faults = _read(kind, field, other)
    assert beside[0] == alone[0]
    assert [reason for reason, rows in faults.items() if 0 in rows] == list(fault)


@given(_fields)
def test_a_number_is_what_python_reads_unless_it_has_blanks_underscores_or_no_end(field: str) -> None:
    (value,), faults = _read(Number(least=None), field)
    try:
        plain = field.isascii() and not set(field) & set(" \t\n_\x00")
        twin = float(field) if plain and float(field) - float(field) == 0 else None
    except ValueError:
        twin = None
    assert (value, bool(faults)) == (twin, twin is None)


def test_a_number_that_has_no_end_in_the_other_unit_is_not_finite() -> None:
    assert _read(Number(1e6), "1e305", "1") == ([None, 1e6], {"not a finite number": [0]})


def test_a_scale_that_is_a_quotient_divides() -> None:
    assert _read(Number(0.001), "18", "5") == ([0.018, 0.005], {})


def test_durations_are_seconds_of_at_most_292_years() -> None:
    values, faults = _read(Duration(60.0), "2", "0", "1e9", "inf", "1e999", "-1", "", "x")
    assert values == [120.0, 0.0, *[None] * 6]
    assert faults == {"blank": [6], "not a finite number": [3, 4, 7], "negative number": [5], "beyond 292 years": [2]}
    assert _read(Duration(blank=True), "", "9223372036") == ([None, 9_223_372_036.0], {})


@pytest.mark.parametrize(
    "stamp", ["0001-01-01 00:00:00", "1677-09-21 00:12:43", "2262-04-11 23:47:17", "9999-12-31 23:59:59Z"]
)
def test_a_stamp_of_a_year_that_64_bits_do_not_hold_is_out_of_range_not_none(stamp: str) -> None:
    zone = "Z" if stamp.endswith("Z") else ""
    assert _read(Stamp(), f"2024-01-01 00:00:00{zone}", stamp)[1] == {OUT_OF_RANGE: [1]}
    assert (
        told(stamp, OUT_OF_RANGE) == f"{stamp!r} is beyond 1677-09-21 to 2262-04-11, which 64 bits of nanoseconds hold"
    )
    with pytest.raises(OutOfRangeError):
        nanoseconds(stamp)


def test_when_something_began_is_its_end_less_its_duration() -> None:
    ends = np.array([5 * NS, 0, -(2**63) + NS])
    assert begins("f", ends, np.array([1.5, 9_223_372_036.0, 1.0])).tolist() == [
        3_500_000_000,
        -9_223_372_036 * NS,
        -(2**63),
    ]
    with pytest.raises(TraceError, match="f: something began more than 292 years before time zero"):
        begins("f", ends, np.array([0.0, 0.0, 1.5]))
