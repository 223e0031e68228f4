"""The house: who may import whom, how long a file may be, and that every public name is there."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

import simtier
from simtier.contract import KINDS

ROOT = Path(simtier.__file__).parent
LAYERS: list[set[str]] = [
    {"errors"},
    {"units", "whole"},
    {"clock", "streams", "journal"},
    {"contract"},
    {"models", "policies", "traces"},
    {"catalogue"},
    {"scenario"},
    {"world"},
    {"results", "statistics"},
    {"metrics"},
    {"runner"},
    {"study", "planning"},
    {"report", "validation", "search", "learning"},
    {"testing"},
    {"cli"},
    {"__main__"},
]
"""Who may import whom: only what stands in an earlier line. Those in one line are strangers to each other."""
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
TESTING_MAY = {"errors", "units", "streams", "contract", "policies", "catalogue"}
GUARDS = {"regression.py", "plugin.py"}
"""Files of testing that run scenarios, to guard their metrics; they import what runs them only when they are used."""
FORBIDDEN = {
    "policies": {"simpy"},
    "contract": {"simpy"},
    "scenario": {"simpy"},
    "report": {"simpy"},
    "traces": {"simpy"},
}
LONGEST = 300


def files() -> list[Path]:
    return sorted(ROOT.rglob("*.py"))


def part(file: Path) -> str:
    """Return the module or package right below simtier that a file belongs to; simtier itself for its __init__."""
    return file.relative_to(ROOT).with_suffix("").parts[0]


def imports(file: Path) -> Iterator[str]:
    """Yield the full names of all modules a file imports, inside functions and for type checkers too."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} imports relatively"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names if node.module == "simtier")


def own_imports(file: Path) -> set[str]:
    return {name.split(".")[1] for name in imports(file) if name.startswith("simtier.")} - {part(file), "__version__"}


def test_every_part_of_the_package_has_its_layer() -> None:
    assert {part(file) for file in files()} - {"__init__"} <= set(RANK)


@pytest.mark.parametrize("file", [f for f in files() if part(f) != "__init__"], ids=lambda f: str(f.relative_to(ROOT)))
def test_a_file_imports_only_what_lies_below_it(file: Path) -> None:
    mine = part(file)
    above = {name for name in own_imports(file) if RANK.get(name, -1) >= RANK[mine]}
    assert not above, f"{mine} may not import {sorted(above)}"
    foreign = {name.split(".")[0] for name in imports(file)}
    assert not foreign & FORBIDDEN.get(mine, set())


def test_policy_authors_tools_need_no_engine() -> None:
    tools = [file for file in files() if part(file) == "testing" and file.name not in GUARDS]
    used = {name for file in tools for name in own_imports(file)}
    assert used <= TESTING_MAY


@pytest.mark.parametrize("file", files(), ids=lambda f: str(f.relative_to(ROOT)))
def test_no_file_is_long(file: Path) -> None:
    assert len(file.read_text(encoding="utf-8").splitlines()) <= LONGEST


def test_only_the_streams_make_random_generators() -> None:
    for file in files():
        if file.name != "streams.py":
            text = file.read_text(encoding="utf-8")
            for maker in ("default_rng(", "random.seed", "import random\n", "RandomState("):
                assert maker not in text, f"{file} makes its own random numbers: {maker}"


def test_no_model_or_policy_reads_the_clock_on_the_wall() -> None:
    for file in files():
        if part(file) in {"clock", "streams", "journal", "contract", "models", "policies", "world"}:
            assert not {"time", "datetime"} & {name.split(".")[0] for name in imports(file)}, file


def test_every_public_name_can_be_imported() -> None:
    for name in simtier.__all__:
        assert getattr(simtier, name) is not None
    assert {kind.__name__ for kind in KINDS.values()} < set(simtier.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = simtier.Nothing
    for file in files():
        if file.name != "__main__.py":
            relative = file.relative_to(ROOT.parent).with_suffix("")
            importlib.import_module(".".join(relative.parts).removesuffix(".__init__"))
