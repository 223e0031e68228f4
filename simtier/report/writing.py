"""How pages and documents are written: templates, plain data for JSON, and files put in place whole."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup

from simtier.whole import write_whole


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
    """Write a text so that nobody ever sees half of it; raises ResultError if that cannot be done."""
    write_whole(path, text.encode())


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
