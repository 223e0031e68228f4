"""A policy by whatever name the command line takes: built in, module:Class, file.py:Class, or a file with one policy in it."""

from __future__ import annotations

import ast
from pathlib import Path

from simtier.catalogue.policies import find_any_policy, find_policy
from simtier.contract import KINDS
from simtier.errors import PolicyError, did_you_mean
from simtier.policies import BUILT_IN


def policy_named(kind: str, name: str, base: Path) -> str:
    """Return what a scenario would write after `use` for the policy of `kind` called `name`.

    Args:
        kind: a name of `simtier.contract.KINDS`.
        name: as a scenario has it, or a file alone, which is read: it must have one policy of the kind.
        base: the folder that a file is relative to.

    Raises PolicyError, for a file with none or several policies of the kind, and what the file raises as it is imported.
    """
    if not name.endswith(".py"):
        return name
    found: list[str] = []
    troubles: list[PolicyError] = []
    for each in _classes(base / name, name):
        try:
            find_policy(kind, f"{name}:{each}", base)
        except PolicyError as error:
            if error.__cause__ is not None:  # the file itself cannot be imported
                raise
            troubles.append(error)
        else:
            found.append(each)
    if len(found) == 1:
        return f"{name}:{found[0]}"
    if len(found) > 1:
        raise PolicyError(f"{name!r} has several {kind} policies: name one, as in {name}:{found[0]}")
    raise (
        troubles[0]
        if len(troubles) == 1
        else PolicyError(f"{name!r} has no {kind} policy: derive a class from one of simtier's kinds")
    )


def policies_named(name: str, base: Path) -> list[tuple[str, str]]:
    """Return kind and `use` of each policy called `name`: several for a built-in name that several kinds have, or a file with several.

    Raises PolicyError as `policy_named` does.
    """
    if name.endswith(".py"):
        uses = [f"{name}:{each}" for each in _classes(base / name, name)]
        if not uses:
            raise PolicyError(
                f"{name!r} has no policy: derive a class from one of simtier's kinds, such as simtier.Routing"
            )
        return [(find_any_policy(use, base).kind, use) for use in uses]
    if ":" in name:
        return [(find_any_policy(name, base).kind, name)]
    found = [(kind, name) for kind in KINDS if name in BUILT_IN.get(kind, ())]
    if not found:
        known = {each for names in BUILT_IN.values() for each in names}
        raise PolicyError(f"no policy is called {name!r}{did_you_mean(name, known)}")
    return found


def _classes(path: Path, name: str) -> list[str]:
    """Return the names of the classes of a file that derive from something, private ones left out."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    except OSError as error:
        raise PolicyError(f"cannot read {name}: {(error.strerror or str(error)).lower()}") from None
    except (SyntaxError, ValueError) as error:
        raise PolicyError(f"{name!r} is not Python: {error}") from error
    return [
        item.name
        for item in tree.body
        if isinstance(item, ast.ClassDef) and item.bases and not item.name.startswith("_")
    ]
