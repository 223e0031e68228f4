"""Quantities: text with a unit in, SI out, and nothing without its unit."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from simtier.errors import UnitError
from simtier.units import Bytes, BytesPerSecond, Seconds, parse, show


@pytest.mark.parametrize(
    ("text", "dimension", "value"),
    [
        ("18 ms", "time", 0.018),
        ("20ms", "time", 0.02),
        ("1.5 h", "time", 5400.0),
        ("2 min", "time", 120.0),
        ("250 us", "time", 0.00025),
        ("250 \u00b5s", "time", 0.00025),
        ("1e-3 s", "time", 0.001),
        ("1 Gbit/s", "data rate", 125e6),
        ("8 Mbps", "data rate", 1e6),
        ("1 MB/s", "data rate", 1e6),
        ("8 bit", "data", 1.0),
        ("1 kB", "data", 1000.0),
        ("1 KiB", "data", 1024.0),
        ("16 GiB", "data", 16 * 2.0**30),
        ("30 /s", "frequency", 30.0),
        ("30 Hz", "frequency", 30.0),
        ("120 /min", "frequency", 2.0),
        ("8.7 GFLOP", "operations", 8.7e9),
        ("312 TFLOP/s", "operation rate", 312e12),
        ("312 TFLOPS", "operation rate", 312e12),
        ("15 W", "power", 15.0),
        ("1 kWh", "energy", 3.6e6),
        ("1.5 uJ/B", "energy per data", 1.5e-6),
        ("1 nJ/bit", "energy per data", 8e-9),
        ("3.6 USD/hour", "money rate", 0.001),
        ("0.09 USD/GB", "money per data", 0.09e-9),
        ("1_000 s", "time", 1000.0),
    ],
)
def test_quantities_and_what_they_are_in_si(text: str, dimension: str, value: float) -> None:
    assert parse(text, dimension) == value


@pytest.mark.parametrize(
    ("value", "dimension", "says"),
    [
        (20, "time", "20 has no unit: expected time, such as '20 ms'"),
        ("20", "time", "'20' has no unit"),
        (True, "time", "got True"),
        (None, "data", "got None"),
        ("fast", "data rate", "'fast' is not a quantity"),
        ("20 MB", "data rate", "'20 MB' is not data rate"),
        ("20 ms", "data", "'20 ms' is not data"),
        ("20 parsec", "time", "'20 parsec' is not time"),
        ("20 mB", "data", "'20 mB' is not data"),
        ("20 mbit/s", "data rate", "'20 mbit/s' is not data rate"),
        ("nan s", "time", "'nan s' is not a number"),
        ("1 s; import os", "time", "is not time"),
    ],
)
def test_what_is_no_quantity_of_its_dimension_is_refused_with_the_way_out(
    value: object, dimension: str, says: str
) -> None:
    with pytest.raises(UnitError) as caught:
        parse(value, dimension)
    assert says in str(caught.value)


@settings(derandomize=True, deadline=None, database=None)
@given(st.floats(0, 1e300), st.sampled_from(["time", "data", "data rate", "money per data", "operations"]))
def test_what_is_shown_is_read_back_to_the_last_bit(value: float, dimension: str) -> None:
    assert parse(show(value, dimension), dimension) == value


@settings(derandomize=True, deadline=None, database=None)
@given(st.integers(0, 10**6))
def test_milliseconds_are_the_nearest_number_of_seconds(number: int) -> None:
    """18 ms is the float 0.018, as it would be written; not 18 times the float 0.001."""
    assert parse(f"{number} ms", "time") == float(f"{number}e-3")
    assert parse(f"{number} Mbit/s", "data rate") == number * 125000.0


@pytest.mark.parametrize(("kind", "text"), [(Seconds, "-1 s"), (Bytes, "-1 B"), (BytesPerSecond, "0 B/s")])
def test_fields_refuse_what_makes_no_sense(kind: Any, text: str) -> None:
    with pytest.raises(ValueError, match="greater than"):
        TypeAdapter(kind).validate_python(text)


def test_infinity_may_be_written() -> None:
    assert parse("inf B/s", "data rate") == math.inf
