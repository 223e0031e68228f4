"""Every error simtier raises on purpose, as one tree.

```
SimtierError              anything below; the command line prints its message and nothing else
├── ScenarioError         the scenario file is wrong; carries every problem found (exit code 2)
├── UnitError             a value lacks its unit, or has one of another dimension
├── CatalogueError        a hardware or model name is unknown, or an entry is wrong
├── NoRoute               no chain of links leads from one node to the other (simtier.models.network)
├── TraceError            a trace is missing or malformed; names the file and the line
├── PolicyError           a policy raised, or gave an answer it may not give; names the policy
├── PlanError             no plan can be made, or none that was found does what is asked
├── MetricError           no metric has such a name, or several have
├── StudyError            a study, a comparison or a check cannot be made as asked for
├── MissingPackage        something optional is needed that is not installed
├── SimulationError       the simulated system reached a state it must never reach
└── ResultError           a result cannot be written or read
```
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


class SimtierError(Exception):
    """Base of all errors raised on purpose; `exit_code` is what the command line ends with."""

    exit_code = 1


@dataclass(frozen=True)
class Problem:
    """One mistake in a scenario: where it stands and what to do about it.

    Attributes:
        place: the dotted path of the field, for example `links.uplink.latency`.
        message: one sentence with the value and the way out.
        line: line in the file, counted from 1; 0 when there is no file.
        file: the file's name; empty when the scenario was built in Python.
    """

    place: str
    message: str
    line: int = 0
    file: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}: " if self.file else ""
        field = f"{self.place}: " if self.place else ""
        return f"{where}{field}{self.message}"


class ScenarioError(SimtierError):
    """The scenario is wrong; `problems` lists every mistake found, not only the first."""

    exit_code = 2

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class UnitError(SimtierError, ValueError):
    """A dimensional value lacks its unit, has another dimension, or is out of range."""

    exit_code = 2


class CatalogueError(SimtierError, ValueError):
    """A name is not in the catalogue, or a catalogue entry is wrong."""

    exit_code = 2


class TraceError(SimtierError):
    """A trace is missing or malformed; the message names the file and, where there is one, the line."""

    exit_code = 2


class PolicyError(SimtierError):
    """A policy could not be loaded, raised, or gave an answer it may not give; the message names it."""


class PlanError(SimtierError):
    """No plan can be made of a scenario, or none that was found does what is asked."""

    exit_code = 2


class MetricError(SimtierError):
    """No metric of a summary has the name asked for, or several have; the message lists what there is."""

    exit_code = 2


class StudyError(SimtierError):
    """A study, a comparison or a check cannot be made as asked for."""

    exit_code = 2


class MissingPackage(SimtierError):  # noqa: N818 - it says what is missing, not that something went wrong
    """Something optional is needed that is not installed; the message names the extra."""

    exit_code = 2


class SimulationError(SimtierError):
    """The simulated system reached a state that the models exclude: a defect of simtier or of a model."""


class ResultError(SimtierError):
    """A result cannot be written or read."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `" (did you mean 'x'?)"` for the known name closest to `name`, else the known names, else nothing."""
    names = sorted(set(known))
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f" (did you mean {close[0]!r}?)"
    return f" (known: {', '.join(names)})" if names else ""
