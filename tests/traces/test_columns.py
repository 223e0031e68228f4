"""Kinds of column: what a field may be, and in which words it is refused. Blank is not zero."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simtier.traces.columns import Kind, Label, Number, Seconds, Stamp, Text, Whole, bad_rows, nanoseconds

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
