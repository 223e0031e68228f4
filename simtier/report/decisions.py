"""Explained decisions: what a policy was asked, what it saw of each candidate, and what it answered, made readable."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pyarrow.parquet as pq

from simtier.report.facts import Facts
from simtier.report.numbers import quantity, shorten

MOST = 120
"""Decisions on the page, at most."""
MOST_CANDIDATES = 12
MOST_ITEMS = 12
_FIRST = ("id", "name", "service", "node")
"""Columns that tell which candidate a row is."""


@dataclass(frozen=True)
class Seen:
    """One thing a policy saw: facts by name, or candidates in a table.

    Attributes:
        facts: names and values of a single thing.
        columns, rows: names and values of several alike; `chosen` numbers the row that was the answer, -1 for none.
        more: candidates left out.
    """

    facts: list[tuple[str, str]]
    columns: list[str]
    rows: list[list[str]]
    chosen: int = -1
    more: int = 0


@dataclass(frozen=True)
class Explained:
    """One decision."""

    time: str
    kind: str
    policy: str
    owner: str
    question: str
    answer: str
    seen: list[Seen]


def decisions(facts: Facts) -> tuple[list[Explained], int]:
    """Return the first MOST decisions of the result and how many it keeps; the start of a policy is none."""
    path = facts.directory / "decisions.parquet"
    if not path.exists():
        return [], 0
    rows = [row for row in pq.read_table(path).to_pylist() if row["question"] != "start"]
    rows.sort(key=lambda row: row["time_s"])
    return [_explained(row) for row in rows[:MOST]], len(rows)


def _explained(row: dict[str, Any]) -> Explained:
    saw, answer = _load(row["saw"]), _load(row["answer"])
    seen = [_seen(item, answer) for item in (saw if isinstance(saw, list) else [saw])]
    return Explained(
        f"{row['time_s']:.6f} s", row["kind"], row["policy"], row["owner"], row["question"], _text(answer), seen
    )


def _load(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _seen(item: Any, answer: Any) -> Seen:
    if isinstance(item, dict):
        return Seen([(name, _text(value, name)) for name, value in item.items()], [], [])
    if isinstance(item, list) and item and all(isinstance(each, dict) for each in item):
        names = list(dict.fromkeys(name for each in item for name in each))
        columns = [*(name for name in _FIRST if name in names), *(name for name in names if name not in _FIRST)]
        chosen = next((i for i, each in enumerate(item) if _is_answer(each, answer)), -1)
        shown = list(range(min(len(item), MOST_CANDIDATES)))
        if chosen >= len(shown):
            shown[-1] = chosen
        rows = [[_text(item[i].get(name), name) for name in columns] for i in shown]
        return Seen([], columns, rows, shown.index(chosen) if chosen in shown else -1, len(item) - len(rows))
    return Seen([("", _text(item))], [], [])


def _is_answer(candidate: dict[str, Any], answer: Any) -> bool:
    names = [name for name in ("id", "name") if isinstance(answer, dict) and name in answer]
    return bool(names) and all(candidate.get(name) == answer[name] for name in names)


def _text(value: Any, name: str = "") -> str:
    """Return a value as people read it; the ending of its name tells its unit."""
    if value is None or isinstance(value, bool):
        return {None: "nothing", True: "yes", False: "no"}[value]
    if isinstance(value, int | float):
        return _number(value, name)
    if isinstance(value, dict):
        return _named(value)
    return _listed(value, name) if isinstance(value, list) else shorten(str(value), 400)


def _named(value: dict[str, Any]) -> str:
    if len(value) == 1:
        key, only = next(iter(value.items()))
        return _text(only, key) if key in ("id", "name") else f"{key.removesuffix('_s')} {_text(only, key)}"
    return ", ".join(f"{key} {_text(each, key)}" for key, each in value.items()) or "not recorded in detail"


def _listed(value: list[Any], name: str) -> str:
    if value and all(each == {} for each in value):
        return f"{len(value)} (not recorded in detail)"
    shown = ", ".join(_text(each, name) for each in value[:MOST_ITEMS])
    return f"{shown} and {len(value) - MOST_ITEMS} more" if len(value) > MOST_ITEMS else shown or "none"


def _number(value: float, name: str) -> str:
    if value != value:  # noqa: PLR0124 - NaN is the only number that differs from itself
        return "not yet"
    if name.endswith("_bytes") or name == "crossing_bytes":
        return quantity(float(value), "B")
    if name.endswith("_s") and name not in ("arrival_s", "deadline_s", "now_s", "queued_s", "oldest_s", "until_s"):
        return quantity(float(value), "s")
    if name.endswith("_s"):
        return "never" if value == float("inf") else f"{value:.6f} s"
    return quantity(float(value), "") if isinstance(value, float) else f"{value}"
