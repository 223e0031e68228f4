"""The studies beside the scenarios can be swept: every field and every value fits."""

from __future__ import annotations

from pathlib import Path

import pytest

from simtier.study.axes import cells
from simtier.study.file import Study
from simtier.study.refused import require_levels
from simtier.study.task import Base

SHIPPED = sorted((Path(__file__).parents[2] / "studies").glob("*.yaml"))


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_a_shipped_study_fits_its_scenario(file: Path) -> None:
    study = Study.load(file)
    base = Base.load(study.base_path)
    require_levels(study, base)
    assert len({tuple(cell.values.items()) for cell in cells(study, base)}) == len(cells(study, base)) > 1
    assert study.question
    assert file.read_text(encoding="utf-8").startswith("# Question: ")
