"""Studies that were never played: a study and the rows it would have, made by a formula."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from simtier.study.axes import cells, fields
from simtier.study.file import Study
from simtier.study.store import Store, row
from simtier.study.task import Base

BASE: dict[str, Any] = {
    "name": "shop",
    "question": "Which shop?",
    "nodes": {"site": {"tier": "edge", "cores": 4}},
    "services": {"front": {"on": "site", "replicas": 1}, "back": {"on": "site", "replicas": 1}},
    "apps": {
        "buy": {"stages": {"a": {"service": "front", "time": "10 ms"}, "b": {"service": "back", "time": "10 ms"}}}
    },
    "workloads": {"people": {"app": "buy", "from": "site", "arrivals": {"process": "poisson", "rate": "5 /s"}}},
}
"""A scenario whose fields the studies may set."""

Row = Callable[[Mapping[str, str], int], Mapping[str, float | None] | str]
"""From what a cell sets and the replication to metrics, or to the message of a failure."""


def swept(
    axes: Sequence[Mapping[str, Any]], rows: Row, *, replications: int = 2, order: Callable[[int], int] = lambda n: n
) -> tuple[Study, pa.Table]:
    """Return a study and its table, the rows sorted by `order` of their numbers."""
    study = Study.from_dict({"name": "made", "base": "scenario.yaml", "axes": list(axes), "replications": replications})
    found = [each for _, each in _rows(study, rows)]
    sorted_rows = [found[place] for place in sorted(range(len(found)), key=order)]
    metrics = dict.fromkeys(name for each in sorted_rows for name, value in each.items() if isinstance(value, float))
    schema = pa.schema(
        [
            *((name, pa.int32()) for name in ("cell", "replication")),
            *((name, pa.string()) for name in ("status", "message", "scenario", "fingerprint", *fields(study))),
            *((name, pa.float64()) for name in metrics),
        ]
    )
    return study, pa.Table.from_pylist(sorted_rows, schema=schema)


def store(folder: Path, axes: Sequence[Mapping[str, Any]], rows: Row, *, replications: int = 2, **about: Any) -> Path:
    """Write such a study as `simtier sweep` does and return its folder."""
    written = {"name": "made", "axes": list(axes), "replications": replications, **about}
    study = Study.from_dict({**written, "base": "scenario.yaml"})
    made = Store(folder, fields(study))
    made.open({"study": written, "base": BASE, "traces": []}, resume=False)
    by_cell: dict[int, list[Mapping[str, Any]]] = {}
    for number, each in _rows(study, rows):
        by_cell.setdefault(number, []).append(each)
    for number, several in by_cell.items():
        made.put(number, several)
    made.finish()
    return folder


def _rows(study: Study, rows: Row) -> list[tuple[int, Mapping[str, Any]]]:
    made = []
    for cell in cells(study, Base(BASE)):
        for number in range(study.replications):
            found = rows(cell.values, number)
            if isinstance(found, str):
                each = row(
                    cell.number, number, cell.values, {}, status="failed", message=found, scenario=f"s{cell.number}"
                )
            else:
                each = row(
                    cell.number,
                    number,
                    cell.values,
                    dict(found),
                    status="ok",
                    scenario=f"s{cell.number}",
                    fingerprint=f"f{number}",
                )
            made.append((cell.number, each))
    return made
