"""How the columns of a user's own file stand for those of a family: by their names, by options, or (`mapping_file`) by a YAML file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from simtier.errors import TraceError, UnitError, did_you_mean
from simtier.traces.columns import Duration, Fault, Kind, Label, Number, Text, Whole, told
from simtier.traces.shown import shown
from simtier.traces.tables import LABEL, SCHEMAS, Family
from simtier.traces.times import NS, Seconds, Stamp
from simtier.units import parse as quantity

DIMENSIONS = {"s": ("time", "s, ms, us, ns, min, h"), "B": ("data", "B, kB, MiB"), "B/s": ("data rate", "B/s, Mbit/s")}
"""What a family's unit is a unit of, with the units a file may have instead."""
BLOCKS = pa.list_(pa.int64())
NOT_BLOCKS = "not a list of whole numbers of 64 bits"
_WHOLE = r" *[-+]?[0-9]{1,19} *"
_LIST = re.compile(rf"\[{_WHOLE}(?:,{_WHOLE})*\]")


@dataclass(frozen=True)
class Truth:
    """`true` or `false`, `1` or `0`."""

    def values(self, text: Any) -> tuple[Any, list[Fault]]:
        """See `Kind.values`."""
        small = pc.utf8_lower(pc.fill_null(text, ""))
        true = pc.is_in(small, pa.array(["true", "1"]))
        good = pc.or_(true, pc.is_in(small, pa.array(["false", "0"])))
        return true, [] if pc.all(good).as_py() else [("not true or false", pc.invert(good))]


@dataclass(frozen=True)
class Blocks:
    """A list of whole numbers, as text `[1, 2]`; blank is null."""

    def values(self, text: Any) -> tuple[Any, list[Fault]]:
        """See `Kind.values`."""
        lists = [_list(field) if field else None for field in text.to_pylist()]
        bad = [bool(field) and each is None for field, each in zip(text.to_pylist(), lists, strict=True)]
        return pa.array(lists, BLOCKS), [(NOT_BLOCKS, pa.array(bad))] if any(bad) else []


def _list(field: str) -> list[int] | None:
    """Return the list of whole numbers of 64 bits that a field holds, or None."""
    if not _LIST.fullmatch(field):
        return None
    numbers = [int(part) for part in field[1:-1].split(",")]
    return numbers if all(-(2**63) <= each < 2**63 for each in numbers) else None


@dataclass(frozen=True)
class Mapped:
    """What stands for one column of a family: a column of the file, perhaps in another unit, or one value for all rows.

    Attributes:
        column: the file's column; None for a constant.
        unit: what its numbers are in, "stamp" for date-times; None: as in the family.
        constant: the value for all rows, as text.
        place: where that is said, for messages; empty: nowhere but in the file itself.
    """

    column: str | None
    unit: str | None = None
    constant: str | None = None
    place: str = field(default="", compare=False)


@dataclass(frozen=True)
class ColumnMapping:
    """How a file is read as a family.

    Attributes:
        family: what its rows are.
        columns: what stands for each column of the family; optional ones that are not named are null.
        delimiter: what parts the fields of a text file.
        unused: columns of the file that stand for nothing.
    """

    family: Family
    columns: Mapping[str, Mapped]
    delimiter: str = ","
    unused: tuple[str, ...] = ()

    def told(self) -> str:
        """Return what stands for columns under other names, as options would say it: "arrival_s=ts:ms, model='llama'"."""
        return ", ".join(
            f"{name}={each.column or repr(each.constant)}{f':{each.unit}' if each.unit else ''}"
            for name, each in self.columns.items()
            if each != Mapped(name)
        )

    def kind(self, name: str) -> Kind:
        """Return what the family's column `name` is read as."""
        return kind_of(self.family, name, self.columns[name].unit)

    def kinds(self) -> dict[str, Kind]:
        """Return what each column of the file is read as, by its name."""
        return {each.column: self.kind(name) for name, each in self.columns.items() if each.column is not None}


def has_time(family: Family) -> bool:
    """Tell whether the family's rows have times: all but the table of functions."""
    return family != "functions"


def kind_of(family: Family, name: str, unit: str | None) -> Kind:
    """Return what a family's column is read as from a file that has it in `unit`; raises TraceError for a unit of no such thing."""
    ours = SCHEMAS[family].field(name)
    is_time = has_time(family) and name == SCHEMAS[family].names[0]
    if is_time and unit == "stamp":
        return Stamp()
    scale = 1.0 if unit is None else _scale(name, ours.metadata[b"unit"].decode(), unit)
    if is_time:
        return Seconds(round(scale * NS))
    blank = ours.nullable
    if ours.metadata.get(b"unit") == b"s":
        return Duration(scale, blank=blank)
    kinds: dict[Any, Kind] = {
        pa.float64(): Number(scale, blank=blank),
        pa.int64(): Whole(blank=blank),
        pa.bool_(): Truth(),
        LABEL: Label(blank=blank),
        pa.string(): Text(blank=blank),
        BLOCKS: Blocks(),
    }
    return kinds[ours.type]


def _scale(name: str, ours: str, unit: str) -> float:
    if ours not in DIMENSIONS:
        raise TraceError(f"{name} has no unit, so it cannot be in {shown(unit)}: leave it out")
    dimension, known = DIMENSIONS[ours]
    try:
        return quantity(f"1 {unit}", dimension)
    except UnitError as error:
        stamp = ", or stamp for date-times" if name in ("arrival_s", "time_s") else ""
        raise TraceError(f"{name}: {shown(unit)} is no unit of {dimension}, such as {known}{stamp}") from error


def family_named(name: str) -> Family:
    """Return the family called `name`; raises TraceError if there is none."""
    for family in SCHEMAS:
        if family == name:
            return family
    raise TraceError(f"no family {shown(name)}{did_you_mean(name, SCHEMAS)}")


def needed(family: Family) -> list[str]:
    """Return the columns that a file of the family must have; requests are taken for answered if nothing says they failed."""
    return [field.name for field in SCHEMAS[family] if not field.nullable and field.name != "failed"]


def family_of_columns(label: str, names: Sequence[str]) -> Family:
    """Return the family whose columns `names` are: the only one of which all that a file must have are there.

    A table of functions is one without times only. Raises TraceError, with what is missing to the closest, if there is none, and if
    there are two.
    """
    times = {SCHEMAS[family].names[0] for family in SCHEMAS if has_time(family)}
    possible = [family for family in SCHEMAS if has_time(family) or not times.intersection(names)]
    complete = [family for family in possible if set(needed(family)) <= set(names)]
    if len(complete) == 1:
        return complete[0]
    shown = ", ".join(names)[:80]
    if complete:
        raise TraceError(
            f"{label}: the columns {shown!r} are those of {' and of '.join(complete)}: say which by a mapping, or by --family of `simtier traces import`"
        )

    def fit(family: Family) -> tuple[float, int]:
        there = sum(name in names for name in needed(family))
        return there / len(needed(family)), sum(name in names for name in SCHEMAS[family].names)

    closest = max(possible, key=fit)
    if not fit(closest)[1]:
        parted = " (are they parted by a comma?)" if len(names) == 1 else ""
        raise TraceError(
            f"{label}: no column carries a name of simtier's families; the columns are {shown!r}{parted}: say by a mapping in YAML, "
            "or by --family and --map of `simtier traces import`, what they stand for; a file of a public dataset is named DATASET:PATH"
        )
    raise TraceError(f"{label}: {_lacks(closest, names)}; the columns are {shown!r}")


def _lacks(family: Family, names: Sequence[str]) -> str:
    missing = [name for name in needed(family) if name not in names]
    return f"as {family} it lacks {', '.join(missing)}"


def completed(
    label: str, family: Family, named: Mapping[str, Mapped], names: Sequence[str], delimiter: str
) -> ColumnMapping:
    """Return the mapping of a file with columns `names`, of which those that carry a name of the family need not be in `named`.

    Raises TraceError for a column that the family or the file does not have, one that is used twice, a unit of the wrong dimension, a
    constant that does not fit, and for what is still missing.
    """
    schema = SCHEMAS[family]
    for name, each in named.items():
        place = each.place or label
        if name not in schema.names:
            raise TraceError(f"{place}: {family} has no column {shown(name)}{did_you_mean(name, schema.names)}")
        if each.column is not None and each.column not in names:
            raise TraceError(f"{place}: there is no column {shown(each.column)}{did_you_mean(each.column, names)}")
        _checked(place, family, name, each)
    taken = [each.column for each in named.values() if each.column is not None]
    twice = sorted({column for column in taken if taken.count(column) > 1})
    if twice:
        raise TraceError(f"{label}: column {shown(twice[0])} stands for two columns of {family}")
    alike = {name: Mapped(name) for name in schema.names if name in names and name not in (*named, *taken)}
    columns = {name: {**named, **alike}[name] for name in schema.names if name in named or name in alike}
    if not set(needed(family)) <= set(columns):
        raise TraceError(f"{label}: {_lacks(family, list(columns))}; the columns are {', '.join(names)[:80]!r}")
    unused = tuple(name for name in names if name not in (*taken, *alike))
    return ColumnMapping(family, columns, delimiter, unused)


def _checked(label: str, family: Family, name: str, each: Mapped) -> None:
    """Raise TraceError unless the unit, and a constant, fit the family's column."""
    try:
        kind = kind_of(family, name, each.unit)
    except TraceError as error:
        raise TraceError(f"{label}: {error}") from error
    if each.constant is None:
        return
    if name == SCHEMAS[family].names[0]:
        raise TraceError(f"{label}: {name} is a column, it cannot be one constant")
    _, faults = kind.values(pa.array([each.constant]))
    if faults:
        raise TraceError(f"{label}: {name}: the constant {told(each.constant, faults[0][0])}")


def from_options(label: str, family: Family, names: Sequence[str], options: Sequence[str]) -> ColumnMapping:
    """Return the mapping that options such as "arrival_s=ts:ms" describe; a unit may stand only after a column that has one.

    Raises TraceError as `completed` does, and for an option of another form.
    """
    named: dict[str, Mapped] = {}
    for option in options:
        ours, equals, theirs = option.partition("=")
        if not (ours and equals and theirs):
            raise TraceError(
                f"--map {shown(option)}: expected COLUMN=THEIRS or COLUMN=THEIRS:UNIT, as in arrival_s=ts:ms"
            )
        if ours in named:
            raise TraceError(f"--map {shown(option)}: {ours} is mapped twice")
        column, colon, unit = theirs.rpartition(":")
        named[ours] = Mapped(column, unit) if colon and theirs not in names else Mapped(theirs)
    return completed(label, family, named, names, ",")
