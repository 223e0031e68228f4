"""Guarding policies in one's own tests: `assert_no_regression`, and the metrics of a scenario to compare as one likes.

All of simtier that plays scenarios is imported when it is used, as this lies on the way of every pytest run where simtier is installed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simtier.study.check.baseline import Rule
    from simtier.study.check.guard import Checked

Given = Mapping[str, str] | Sequence[str]
"""Changes to a scenario: `{"run.duration": "60 s"}`, or texts such as `run.duration=60 s`."""

UPDATE = "SIMTIER_UPDATE"
"""Environment variable: with 1, `assert_no_regression` makes the baselines anew; so does `pytest --simtier-update`."""


def assert_no_regression(
    scenario: Path | str,
    baseline: Path | str,
    *,
    changes: Given = (),
    metrics: Sequence[str] = (),
    tolerances: Mapping[str, str | float] | None = None,
    margins: Mapping[str, str | float] | None = None,
    replications: int | None = None,
    seed: int | None = None,
    strict: bool = False,
    traces: Sequence[Path] = (),
    update: bool | None = None,
) -> Checked | None:
    """Play `scenario` and assert that no metric of its baseline got worse; the same as `simtier check`.

    Args:
        scenario: its file; relative to the working directory, as all paths.
        baseline: its baseline's file.
        changes: made to the scenario, such as the policy to check.
        metrics: when the baseline is made: what it guards; the usual metrics if empty. To compare, the baseline must guard them.
        tolerances: when it is made: by how much a metric's mean may be worse, `"2 %"` or a number in the metric's unit, by name. To compare,
            the baseline must say the same.
        margins: likewise by how much a metric may be shown to be worse, by name.
        replications: how many to play; to compare at most as many as the baseline has, which is the default.
        seed: with another one than the baseline's, other requests are compared.
        strict: fail if any replication takes another course.
        traces: directories in which traces are looked for first.
        update: make the baseline anew in place of comparing; None: if SIMTIER_UPDATE is 1, or pytest runs with --simtier-update.

    Returns what was found; None if the baseline was made anew. Raises AssertionError with the table of what moved if something got worse,
    StudyError if there is no baseline, or of another scenario, or with other metrics or rules than are given, ScenarioError for a wrong scenario.
    """
    __tracebackhide__ = True
    from simtier.scenario.changes import pairs  # noqa: PLC0415 - see above
    from simtier.study.check.baseline import load  # noqa: PLC0415
    from simtier.study.check.given import require_as_given  # noqa: PLC0415
    from simtier.study.check.guard import check, way_out  # noqa: PLC0415
    from simtier.study.check.words import text  # noqa: PLC0415
    from simtier.study.task import Base  # noqa: PLC0415

    base, file, changed = Base.load(scenario, traces), Path(baseline), tuple(pairs(changes))
    rules = _rules(tolerances or {}, margins or {})
    if update if update is not None else os.environ.get(UPDATE) == "1":
        _make(base, file, changed, metrics, rules, replications, seed)
        return None
    if not file.exists():
        from simtier.errors import StudyError  # noqa: PLC0415

        raise StudyError(
            f"there is no baseline {file}: make it with `pytest --simtier-update`, review it and keep it with the test"
        )
    require_as_given(file, load(file, way_out(base, file)), metrics, rules)
    checked = check(base, file, changed, seed=seed, replications=replications, strict=strict)
    if checked.failed:
        raise AssertionError(f"{scenario} got worse than {baseline} says\n{text(checked)}")
    return checked


def measured(
    scenario: Path | str,
    changes: Given = (),
    *,
    replications: int = 3,
    seed: int | None = None,
    traces: Sequence[Path] = (),
) -> dict[str, list[float | None]]:
    """Return every metric of `scenario` in each replication, by its dotted name: what the fixture `policy_metrics` gives.

    Replication i faces the same requests whatever policies `changes` names, so values of two calls are pairs. None where there was nothing to measure.
    """
    from simtier.scenario.changes import pairs  # noqa: PLC0415 - see above
    from simtier.study.check.play import measure, seeded  # noqa: PLC0415
    from simtier.study.task import Base  # noqa: PLC0415

    found = measure(Base.load(scenario, traces), seeded(tuple(pairs(changes)), seed), replications)
    return {name: list(column) for name, column in found.values.items()}


def _make(
    base: object,
    path: Path,
    changes: tuple[tuple[str, str], ...],
    metrics: Sequence[str],
    rules: Mapping[str, Rule],
    replications: int | None,
    seed: int | None,
) -> None:
    from simtier.study.check.baseline import load, save  # noqa: PLC0415 - see above
    from simtier.study.check.guard import Guard, make, way_out  # noqa: PLC0415
    from simtier.study.task import Base  # noqa: PLC0415

    assert isinstance(base, Base)
    before = load(path, way_out(base, path)) if path.exists() else None
    made = make(base, Guard(tuple(metrics), rules, seed=seed, replications=replications), before, changes)
    if made != before:
        save(path, made)


def _rules(tolerances: Mapping[str, str | float], margins: Mapping[str, str | float]) -> dict[str, Rule]:
    from simtier.study.check.baseline import Rule  # noqa: PLC0415 - see above
    from simtier.study.check.given import merged  # noqa: PLC0415

    def of(test: str, named: Mapping[str, str | float]) -> dict[str, Rule]:
        return {
            name: Rule.model_validate({"test": test, "tolerance": amount if isinstance(amount, str) else float(amount)})
            for name, amount in named.items()
        }

    return merged(of("mean", tolerances), of("worse", margins))
