"""The pytest plugin that comes with simtier: the option --simtier-update and the fixture `policy_metrics`.

pytest loads it wherever simtier is installed, so it imports nothing but pytest until it is used.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import pytest

from simtier.testing.regression import UPDATE, Given, measured

_BEFORE = pytest.StashKey[str | None]()


class PolicyMetrics(Protocol):
    """What the fixture `policy_metrics` gives."""

    def __call__(
        self,
        scenario: Path | str,
        changes: Given = (),
        *,
        replications: int = 3,
        seed: int | None = None,
        traces: Sequence[Path] = (),
    ) -> dict[str, list[float | None]]:
        """Return every metric of a scenario in each replication; see simtier.testing.regression.measured."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.getgroup("simtier").addoption(
        "--simtier-update",
        action="store_true",
        help="make the baselines of assert_no_regression anew, in place of comparing",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Tell `assert_no_regression`, which knows nothing of pytest, through the environment."""
    if config.getoption("--simtier-update"):
        config.stash[_BEFORE] = os.environ.get(UPDATE)
        os.environ[UPDATE] = "1"


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave the environment as it was."""
    if _BEFORE in config.stash:
        before = config.stash[_BEFORE]
        os.environ.pop(UPDATE)
        if before is not None:
            os.environ[UPDATE] = before


@pytest.fixture(scope="session")
def policy_metrics() -> Iterator[PolicyMetrics]:
    """Give a function that plays a scenario and returns its metrics; what was asked for before is not played again in this session."""
    known: dict[Any, dict[str, list[float | None]]] = {}

    def get(
        scenario: Path | str,
        changes: Given = (),
        *,
        replications: int = 3,
        seed: int | None = None,
        traces: Sequence[Path] = (),
    ) -> dict[str, list[float | None]]:
        given = tuple(changes.items()) if hasattr(changes, "items") else tuple(changes)
        key = (Path(scenario).resolve(), given, replications, seed, tuple(traces))
        if key not in known:
            known[key] = measured(scenario, changes, replications=replications, seed=seed, traces=traces)
        return {name: list(values) for name, values in known[key].items()}

    yield get
    known.clear()
