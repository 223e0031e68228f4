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
    return f"# A look-alike fitted by `simtier traces fit` to {source}\n{stream.getvalue()}"


def load(path: Path) -> Generator:
    """Return the generator in a YAML file; raises TraceError with the place of what is wrong."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    from simtier.errors import TraceError
    from simtier.traces.synthesis import from_document

    try:
        document = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TraceError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (YAMLError, UnicodeDecodeError) as error:
        raise TraceError(f"{path}: not a YAML file ({' '.join(str(error).split())})") from error
    return from_document(document, str(path))
