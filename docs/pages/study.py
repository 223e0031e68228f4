"""The page of study files: every field, from the frozen models and the text below each field."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pages.markdown import docstring, document
from pages.scenario import Part, example_lines, fields
from simtier.study.axes import MOST_CELLS
from simtier.study.file import Axis, Draw, Range, Study

EXAMPLES = Path(__file__).with_name("study_examples.yaml")
PARTS: tuple[tuple[Part, str], ...] = (
    (Study, "the top of the file"),
    (Axis, "`axes`, one for each entry of the list"),
    (Draw, "`random` and `latin_hypercube` of an axis"),
    (Range, "`fields.<field>` of these"),
)

_ABOUT = (
    "# Study reference\n\nA study is one YAML file, read as strictly as a scenario. [Studies](../studies.md) says how to use one. Fields of "
    "the base scenario are written as for `--set`: `links.uplink.latency`, `workloads.frames.arrivals.rate`, `policies.routing`. A value is "
    "written as in a scenario, with its unit; a policy by its name, or as a mapping with `use` and its parameters."
)
_SIZE = (
    "The number of cells is the product of the axes' numbers of points (of a `grid`, the product of its lists' lengths). A study may have "
    f"{MOST_CELLS:,} cells; a larger one is refused with its size."
)


def page() -> str:
    """Return the page."""
    return document(_ABOUT, *_sections(), "## Size", _SIZE)


def _sections() -> Iterator[str]:
    examples = example_lines(EXAMPLES)
    for part, place in PARTS:
        yield f"## {part.__name__}"
        yield f"{docstring(part.__doc__)} Stands at {place}."
        yield fields(part, examples[part.__name__])
