"""The parameters of a look-alike as a YAML file."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simtier.traces.synthesis import Generator


def written(generator: Generator, source: str) -> str:
    """Return a generator as YAML text that opens with what it was fitted to."""
    from ruamel.yaml import YAML

    from simtier.traces.synthesis import as_document

    stream = io.StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.width = 120
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.dump(as_document(generator), stream)
    return f"# A look-alike fitted by `simtier traces fit` to {' '.join(source.split())}\n{stream.getvalue()}"


def load(path: Path) -> Generator:
    """Return the generator in a YAML file, read with the care that scenarios are; raises TraceError with the place of what is wrong."""
    from simtier.errors import ScenarioError, TraceError
    from simtier.scenario.document import read
    from simtier.traces.paths import bare, expanded, is_file
    from simtier.traces.synthesis import from_document

    path = expanded(path)
    if not is_file(path):
        raise TraceError(f"{bare(path)}: there is no such file: name one that `simtier traces fit` wrote")
    try:
        document, _ = read(path, str(path))
    except ScenarioError as error:
        first = error.problems[0]
        line = f", line {first.line}" if first.line else ""
        what = first.message.partition("; a scenario")[0]  # what a scenario has instead is no help here
        raise TraceError(f"{path}{line}: {what}; parameters are as `simtier traces fit` writes them") from error
    return from_document(document, str(path))
