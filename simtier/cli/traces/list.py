"""`simtier traces list`: what is known, what is found here, under which licence, and what to cite."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from simtier.cli.options import TraceDirectories

if TYPE_CHECKING:
    from simtier.traces import Found
    from simtier.traces.dataset import Dataset

Name = Annotated[
    str | None, typer.Argument(metavar="[DATASET]", help="One dataset, with every trace of it found here.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

_SHOWN = 6


def list_(name: Name = None, *, as_json: AsJson = False, traces: TraceDirectories = None) -> None:
    """List the datasets simtier reads, and what is found of them here."""
    from simtier.traces import available, search_directories
    from simtier.traces.find import dataset_named

    directories = search_directories(traces or ())
    found = available(directories)
    if as_json:
        chosen = _datasets(name)
        typer.echo(json.dumps({each.name: _plain(each, _of(each, found)) for each in chosen}, indent=2))
        return
    if name is not None:
        dataset = dataset_named(name)
        _print_one(dataset, _of(dataset, found))
    else:
        _print_all(found)
    searched = ", ".join(map(str, directories)) or "nothing"
    typer.echo(f"Searched: {searched}. Name more with --traces or SIMTIER_TRACES.")


def _datasets(name: str | None) -> list[Dataset]:
    from simtier.traces.datasets import DATASETS
    from simtier.traces.find import dataset_named

    return list(DATASETS.values()) if name is None else [dataset_named(name)]


def _of(dataset: Dataset, found: dict[str, Found]) -> dict[str, Found]:
    return {name: each for name, each in found.items() if each.dataset == dataset.name}


def _plain(dataset: Dataset, found: dict[str, Found]) -> dict[str, Any]:
    about = dataset.about
    return {
        "title": about.title,
        "licence": about.licence,
        "cite": about.cite,
        "obtain": about.obtain,
        "found": {name: {"file": each.label, "family": each.family} for name, each in found.items()},
    }


def _print_all(found: dict[str, Found]) -> None:
    from simtier.cli.tables import console, table

    rows = []
    for dataset in _datasets(None):
        items = [name.partition("/")[2] for name in _of(dataset, found)]
        more = f" and {len(items) - _SHOWN} more" if len(items) > _SHOWN else ""
        rows.append([dataset.name, dataset.about.title, ", ".join(items[:_SHOWN]) + more or "-", dataset.about.licence])
    columns = ["dataset", "what", "found here", "licence"]
    console().print(table("Public traces", columns, rows, text=columns))
    typer.echo("`simtier traces list DATASET` shows what to cite, where to get it, and every trace found.")


def _print_one(dataset: Dataset, found: dict[str, Found]) -> None:
    from simtier.cli.tables import console, table

    about = dataset.about
    typer.echo(f"{dataset.name}: {about.title}\nLicence: {about.licence}\nCite: {about.cite}\nGet it: {about.obtain}")
    typer.echo(
        f"Put it under {dataset.looked_for()}; `simtier traces fetch {dataset.name}` does so where its address is public."
    )
    rows = [[name, each.family, each.label] for name, each in found.items()]
    columns = ["trace", "family", "file"]
    console().print(table("Found here", columns, rows, text=columns))
