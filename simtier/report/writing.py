"""How pages and documents are written: templates, plain data for JSON, and files put in place whole."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup

from simtier.errors import ResultError


def environment() -> jinja2.Environment:
    """Return the environment of the page templates: what is filled in stays text."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("simtier.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["breakable"] = lambda text: Markup("_<wbr>").join(str(text).split("_"))
    return made


def put(path: Path, text: str) -> None:
    """Write beside and rename, so that nobody ever sees half a file; raises ResultError if that cannot be done."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ResultError(f"cannot write {path}: {error.strerror or error}") from error


def plain(value: Any) -> Any:
    """Return dataclasses, arrays and tuples as what JSON knows, in full precision; numbers that are not finite become None."""
    if isinstance(value, np.generic | np.ndarray):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value


def dump(document: Mapping[str, Any]) -> str:
    """Return a document as the text of a JSON file."""
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
