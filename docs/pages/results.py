"""The page of results: files of a result directory, keys of result.json, columns of the tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from ruamel.yaml import YAML

from pages.markdown import code, document, table
from simtier.contract import Decision
from simtier.models.tables import OUTCOMES, TABLES
from simtier.results import FORMAT

MEANINGS = Path(__file__).with_name("results.yaml")

_KINDS = {"number": "float64", "integer": "int64", "text": "dictionary of text"}


def meanings() -> Mapping[str, Mapping[str, str]]:
    """Return the meanings of keys, files and outcomes, written by hand and checked against real results by tests/docs."""
    found: Mapping[str, Mapping[str, str]] = YAML(typ="safe", pure=True).load(MEANINGS.read_text(encoding="utf-8"))
    return found


def page() -> str:
    """Return the page."""
    known = meanings()
    return document(
        "# Result reference",
        known["text"]["about"],
        "## Files",
        _pairs("file", known["files"]),
        "## result.json",
        known["text"]["document"].replace("FORMAT", str(FORMAT)),
        _pairs("key", known["document"]),
        "## Summary",
        known["text"]["summary"],
        _pairs("key under `summary`", known["summary"]),
        "## Outcomes",
        known["text"]["outcomes"],
        _pairs("outcome", {name: known["outcomes"][name] for name in OUTCOMES}),
        "## Tables",
        known["text"]["tables"],
        *_tables(),
        "### decisions",
        known["text"]["decisions"],
        _pairs("column", {name: known["decisions"][name] for name in Decision.__annotations__}),
        "## Fingerprint",
        known["text"]["fingerprint"],
        "## Reading a result",
        known["text"]["reading"],
    )


def _pairs(heading: str, meaning: Mapping[str, str]) -> str:
    return table([heading, "meaning"], [[code(key), text] for key, text in meaning.items()])


def _tables() -> Iterator[str]:
    for spec in TABLES.values():
        yield f"### {spec.name}"
        yield spec.meaning if spec.traced else f"{spec.meaning[:-1]}, and it does not count into the fingerprint."
        rows = [[code("replication"), "int32", "which repetition of the run, from 0"]]
        rows += [[code(column.name), _KINDS[column.kind], column.meaning] for column in spec.columns]
        yield table(["column", "type", "meaning"], rows)
