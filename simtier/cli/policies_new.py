"""`simtier policies new`: a policy that works, and its test, to begin with."""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Annotated

import typer

KindName = Annotated[str, typer.Argument(metavar="KIND", help="What it decides, such as routing.")]
ClassName = Annotated[str, typer.Argument(metavar="NAME", help="Its name, such as near_unless_busy or NearUnlessBusy.")]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Where to write the two files.")]


def new(kind: KindName, name: ClassName, *, out: Out = Path()) -> None:
    """Write a policy that works, and its test, to begin with."""
    from simtier.errors import PolicyError

    try:
        module, policy = names(name)
        contents = _contents(kind, module, policy, out)
    except PolicyError as error:
        error.exit_code = 2  # the command is wrong
        raise
    _write_all(contents)
    first, second = contents
    typer.echo(f"{first}: {policy}, a {kind} policy")
    typer.echo(f"{second}: its test; run it with `python -m pytest {second}`")


def _contents(kind: str, module: str, policy: str, out: Path) -> dict[Path, str]:
    """Return what to write to each of the two files; raises PolicyError as `text` does, and if one of them is there."""
    from simtier.errors import PolicyError

    contents = {
        out / f"{module}.py": text(kind, module, policy),
        out / f"test_{module}.py": text(kind, module, policy, test=True),
    }
    there = [path for path in contents if path.exists()]
    if there:
        raise PolicyError(f"{there[0]} exists already: choose another name, or another directory with --out")
    return contents


def _write_all(contents: Mapping[Path, str]) -> None:
    """Write all files or none; raises ResultError."""
    from simtier.errors import ResultError
    from simtier.whole import write_whole

    written: list[Path] = []
    try:
        for path, content in contents.items():
            write_whole(path, content.encode())
            written.append(path)
    except ResultError:
        for path in written:
            path.unlink(missing_ok=True)
        raise


def text(kind: str, module: str, policy: str, *, test: bool = False) -> str:
    """Return the policy's file, or its test's; raises PolicyError for a kind that there is not."""
    from simtier.contract import KINDS
    from simtier.errors import PolicyError, did_you_mean

    if kind not in KINDS:
        raise PolicyError(f"no kind of policy is called {kind!r}{did_you_mean(kind, KINDS)}")
    template = files("simtier.cli") / "new_policies" / f"{'test_' if test else ''}{kind}.txt"
    words = template.read_text(encoding="utf-8")
    if re.search(rf"\b{policy}\b", words):
        raise PolicyError(f"{policy!r} is the name of something that the policy's file uses: choose another one")
    return Template(words).substitute(module=module, policy=policy)


def names(name: str) -> tuple[str, str]:
    """Return the names of the module and of the class for either of them; raises PolicyError if Python could not have them."""
    from simtier.errors import PolicyError

    if not name.isidentifier() or not name.isascii() or not name[0].isalpha():
        raise PolicyError(
            f"{name!r} cannot be the name of a class: use letters, digits and '_', and begin with a letter"
        )
    module = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    if keyword.iskeyword(module) or module in {*sys.stdlib_module_names, "simtier"} or module.startswith("test_"):
        raise PolicyError(f"{module}.py would hide a module of that name, or pass for a test: choose another name")
    policy = name if name[0].isupper() else "".join(part.capitalize() for part in name.split("_"))
    return module, policy
