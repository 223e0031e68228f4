"""Comparing results that are there already: directories that `simtier run` made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from simtier.errors import ResultError, StudyError
from simtier.metrics.naming import Flat, flat
from simtier.results import Result
from simtier.statistics import independent
from simtier.study.batches import in_batches
from simtier.study.compare import Asked, Compared, named
from simtier.study.compared import in_metric
from simtier.study.observed import requests_of
from simtier.study.variants import Variant

_PARTS = ("run", "nodes", "links", "services", "platforms", "apps", "workloads", "power_rows")
"""Parts of a scenario; where they differ in anything but policies, differences are not the policies' alone."""


def compare_results(directories: Sequence[Path], asked: Asked) -> Compared:
    """Return the comparison of results, the first as the base.

    Replications of the same numbers and seed are compared in pairs; results of other seeds as independent ones; single replications of
    one seed by batch means. Raises StudyError for fewer than two results, or single ones that cannot be cut alike; ResultError.
    """
    if len(directories) < 2:
        raise StudyError("a comparison needs two results at least")
    results = {name: Result.load(path) for name, path in zip(_names(directories), directories, strict=True)}
    measured = {name: _measured(result) for name, result in results.items()}
    seeds = {result.document["seed"] for result in results.values()}
    numbers = [number for number in next(iter(measured.values())) if all(number in each for each in measured.values())]
    confidence = 1 - asked.alpha
    notes = _notes(results)
    if len(seeds) == 1 and any(len(each) > len(numbers) for each in measured.values()):
        notes.append(f"compared are the replications that all have: {', '.join(map(str, numbers)) or 'none'}")
    if len(seeds) == 1 and len(numbers) == 1:
        runs = {name: requests_of(result)[[*measured[name]].index(numbers[0])] for name, result in results.items()}
        made, told = in_batches(runs, _window(results), asked.metrics, confidence)
        notes += told
    else:
        names = named(asked.metrics, next(iter(next(iter(measured.values())).values())))
        together = len(seeds) == 1 and len(numbers) > 1
        if not together:
            notes.append(
                "the results have other seeds, or no replications in common: they are compared as independent ones"
            )
        made = []
        for metric in names:
            values = {
                name: [each[number].get(metric) for number in (numbers if together else each)]
                for name, each in measured.items()
            }
            pair = None if together else (lambda one, other, v=values: independent(v[one], v[other], confidence))
            made.append(in_metric(metric, values, confidence, pair))
    return Compared(
        tuple(Variant(name, ()) for name in results),
        tuple(made),
        len(numbers) if len(seeds) == 1 and numbers else min(map(len, measured.values())),
        confidence,
        None,
        asked.alpha,
        how="batches" if len(seeds) == 1 and len(numbers) == 1 else "replications",
        notes=tuple(notes),
    )


def _names(directories: Sequence[Path]) -> list[str]:
    """Return short names for directories: the ends of their paths, as long as it takes to tell them apart."""
    paths = [path.resolve() for path in directories]
    if len(set(paths)) < len(paths):
        raise StudyError("the same result is given twice")
    for length in range(1, max(len(path.parts) for path in paths) + 1):
        names = ["/".join(path.parts[-length:]) for path in paths]
        if len(set(names)) == len(names):
            return names
    raise AssertionError("different paths have different names")


def _measured(result: Result) -> dict[int, Flat]:
    """Return what each replication measured, by its number."""
    if result.status != "done":
        raise StudyError(
            f"{result.directory} was interrupted: its replications do not cover the same time; run it again"
        )
    if "replications" not in result.document:
        raise ResultError(f"{result.directory} does not tell its replications apart: run it again with this version")
    return {each["number"]: flat(each["summary"]) for each in result.document["replications"]}


def _window(results: Mapping[str, Result]) -> tuple[float, float]:
    from simtier.scenario import Scenario  # noqa: PLC0415

    runs = {name: Scenario.from_dict(result.document["scenario"]).run for name, result in results.items()}
    windows = {(run.warmup, run.duration) for run in runs.values()}
    if len(windows) > 1:
        raise StudyError(
            "single runs are compared by batches of time, and these have other durations or warm-ups: run them alike, or with replications"
        )
    return windows.pop()


def _notes(results: Mapping[str, Result]) -> list[str]:
    (first, base), *others = results.items()
    return [
        f"{name!r} has other {part} than {first!r}: differences are not the policies' alone"
        for name, result in others
        for part in _PARTS
        if _of(result, part) != _of(base, part)
    ]


def _of(result: Result, part: str) -> Any:
    """Return a part of a result's scenario without its policies, the seed and the number of replications."""
    return _without(result.document["scenario"][part], ("policies", "seed", "replications"))


def _without(part: Any, keys: Sequence[str]) -> Any:
    if isinstance(part, dict):
        return {key: _without(value, keys) for key, value in part.items() if key not in keys}
    return [_without(each, keys) for each in part] if isinstance(part, list) else part
