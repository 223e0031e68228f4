"""The page of the traces: the datasets, and every column of every family."""

from __future__ import annotations

from pages.markdown import code, document, table
from simtier.traces.dataset import Dataset
from simtier.traces.datasets import DATASETS
from simtier.traces.tables import SCHEMAS

_ABOUT = (
    "# Traces\n\nWhat `trace` of a scenario may name, and the columns that a trace is read into; how to use them is in "
    "[traces](../traces.md). `simtier traces list` says what is found where you are."
)
_FAMILIES = (
    "## Families\n\nIn every family but `functions` the first column is the time, in seconds from zero at the trace's first row, and rows are "
    "in its order. A column that may be empty is null where the trace does not say; null is never zero."
)


def page() -> str:
    """Return the page."""
    parts = [_ABOUT, "## Datasets", _datasets(), _FAMILIES]
    for family, schema in SCHEMAS.items():
        rows = [
            [
                code(field.name),
                str(field.type).replace("dictionary<values=string, indices=int32, ordered=0>", "label"),
                field.metadata[b"unit"].decode() or "-",
                "yes" if field.nullable else "",
                field.metadata[b"meaning"].decode(),
            ]
            for field in schema
        ]
        parts += [f"### {family}", table(["column", "type", "unit", "may be empty", "meaning"], rows)]
    return document(*parts)


def _datasets() -> str:
    return table(
        ["dataset", "what", "families", "licence", "cite"],
        [
            [code(each.name), each.about.title, _families(each), each.about.licence, each.about.cite or "-"]
            for each in DATASETS.values()
        ],
    )


def _families(dataset: Dataset) -> str:
    return ", ".join(dict.fromkeys(code(place.family) for place in dataset.places if place.family)) or "any"
