"""The only place with unit factors: text such as "20 ms" or "1 Gbit/s" to SI, and the field types that do so.

Inside simtier every number is in seconds, bytes, bytes/s, FLOP, FLOP/s, watts, joules, dollars. At the edges (YAML,
policy parameters, command line) a dimensional value is text with its unit; a bare number is refused, so bits never pass for
bytes nor milliseconds for seconds. Factors come from pint, which is loaded at the first conversion only.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from simtier.errors import UnitError

_QUANTITY = re.compile(r"^\s*([-+]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?inf|nan)\s*(.*?)\s*$")

_UNIT = re.compile(r"(1\s*/|/)?\s*[A-Za-z\u00b5]+(\s*/\s*[A-Za-z\u00b5]+){0,2}")

# What each dimension is called, the unit numbers have inside simtier, and an example for messages.
_DIMENSIONS: dict[str, tuple[str, str]] = {
    "time": ("s", "20 ms"),
    "data": ("B", "1.5 MB"),
    "data rate": ("B/s", "20 Mbit/s"),
    "frequency": ("1/s", "30 /s"),
    "operations": ("FLOP", "8.7 GFLOP"),
    "operation rate": ("FLOP/s", "312 TFLOP/s"),
    "power": ("W", "15 W"),
    "energy": ("J", "2 J"),
    "energy per data": ("J/B", "100 nJ/B"),
    "money": ("USD", "5 USD"),
    "money rate": ("USD/s", "1.2 USD/hour"),
    "money per data": ("USD/B", "0.09 USD/GB"),
    "money per data and time": ("USD/B/s", "1.66667e-5 USD/GiB/s"),
}


# Our own short unit file instead of pint's: it loads fast, and knows no barn, bel or tonne to mistake a byte for.
_PREFIXES = (
    "nano-=1e-9=n- micro-=1e-6=u- milli-=1e-3=m- kilo-=1e3=k- mega-=1e6=M- giga-=1e9=G- tera-=1e12=T- peta-=1e15=P-"
)
_BINARY = "kibi-=2**10=Ki- mebi-=2**20=Mi- gibi-=2**30=Gi- tebi-=2**40=Ti-"
_UNITS = (
    "second = [time] = s = sec",
    "minute = 60 * second = min",
    "hour = 3600 * second = h",
    "day = 86400 * second = d",
    "byte = [data] = B",
    "bit = byte / 8 = b",
    "bits_per_second = bit / second = bps",
    "hertz = 1 / second = Hz",
    "floating_point_operation = [operation] = FLOP = flop",
    "flops_rate = FLOP / second = FLOPS",
    "joule = [energy] = J",
    "watt = joule / second = W",
    "watt_hour = watt * hour = Wh",
    "us_dollar = [money] = USD = dollar",
)


@lru_cache(maxsize=1)
def _registry() -> Any:
    """Return the pint registry of the units above."""
    import pint  # noqa: PLC0415 - slow to import, and only loading a file needs it

    registry: Any = pint.UnitRegistry(None)
    for prefix in (_PREFIXES + " " + _BINARY).split():
        registry.define(prefix.replace("=", " = "))
    for unit in _UNITS:
        registry.define(unit)
    return registry


@lru_cache(maxsize=1024)
def _factor(unit: str, target: str) -> float:
    """Return what one `unit` is in `target`; raises pint's errors as they come."""
    if re.match(r"(m|milli|u|micro|n|nano)(b|B|bit|byte)", unit):
        raise ValueError(f"no one has thousandths of a bit: {unit!r}")
    if not _UNIT.fullmatch(unit):
        raise ValueError(f"not a unit: {unit!r}")
    text = f"1{unit}" if unit.startswith("/") else unit
    expression = _registry().parse_expression(text.replace("\u00b5", "u"))
    return float(expression.to(target).magnitude)


def parse(value: object, dimension: str) -> float:
    """Return `value`, text such as `"20 ms"`, as a number in the unit simtier uses for `dimension`.

    Raises UnitError when the unit is missing, unknown or of another dimension, or when the number is NaN.
    """
    target, example = _DIMENSIONS[dimension]
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise UnitError(f"expected {dimension} with a unit, such as {example!r}, got {value!r}")
    match = _QUANTITY.match(value) if isinstance(value, str) else None
    if not isinstance(value, str) or (match and not match[2]):
        raise UnitError(f"{value!r} has no unit: expected {dimension}, such as {example!r}")
    if match is None:
        raise UnitError(f"{value!r} is not a quantity: expected {dimension}, such as {example!r}")
    number = float(match[1].replace("_", ""))
    if math.isnan(number):
        raise UnitError(f"{value!r} is not a number: expected {dimension}, such as {example!r}")
    if match[2] == target:
        return number
    try:
        factor = _factor(match[2], target)
        # In decimal, so that 18 ms is 0.018 s and not the float next to it; 1/3600 has no decimal, 3600 has.
        decimal = Decimal(match[1].replace("_", ""))
        divisor = round(1 / factor)
        return float(
            decimal / divisor if math.isclose(divisor * factor, 1, rel_tol=1e-14) else decimal * Decimal(repr(factor))
        )
    except Exception as error:
        raise UnitError(f"{value!r} is not {dimension}: expected a unit as in {example!r}") from error


def show(value: float, dimension: str) -> str:
    """Return `value` with its SI unit, so that `parse` gives back the very same number."""
    return f"{value!r} {_DIMENSIONS[dimension][0]}"


def _field(dimension: str) -> Any:
    """Return the annotations that make a pydantic float field read and write `dimension`."""
    unit, example = _DIMENSIONS[dimension]
    return (
        BeforeValidator(lambda value: parse(value, dimension)),
        # In a union with a word, such as "random", pydantic hands over the word too.
        PlainSerializer(lambda value: value if isinstance(value, str) else show(value, dimension), return_type=str),
        WithJsonSchema(
            {
                "type": "string",
                "description": f"{dimension} with its unit, for example {example!r}; {unit} inside",
                "examples": [example],
            }
        ),
    )


Seconds = Annotated[float, *_field("time"), Field(ge=0)]
Bytes = Annotated[float, *_field("data"), Field(ge=0)]
BytesPerSecond = Annotated[float, *_field("data rate"), Field(gt=0)]
PerSecond = Annotated[float, *_field("frequency"), Field(gt=0)]
PerSecondOrZero = Annotated[float, *_field("frequency"), Field(ge=0)]
Flop = Annotated[float, *_field("operations"), Field(ge=0)]
FlopPerSecond = Annotated[float, *_field("operation rate"), Field(gt=0)]
Watts = Annotated[float, *_field("power"), Field(ge=0)]
Joules = Annotated[float, *_field("energy"), Field(ge=0)]
JoulesPerByte = Annotated[float, *_field("energy per data"), Field(ge=0)]
Dollars = Annotated[float, *_field("money"), Field(ge=0)]
DollarsPerSecond = Annotated[float, *_field("money rate"), Field(ge=0)]
DollarsPerByte = Annotated[float, *_field("money per data"), Field(ge=0)]
DollarsPerByteSecond = Annotated[float, *_field("money per data and time"), Field(ge=0)]
