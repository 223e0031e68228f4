"""Links in the documentation lead somewhere, and files it names exist."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs"))

from pages.markdown import anchor  # type: ignore[import-not-found]  # noqa: E402 - docs/ is no package

PAGES = [
    *sorted((ROOT / "docs").rglob("*.md")),
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    ROOT / "traces" / "SOURCES.md",
]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
NAMED_FILE = re.compile(r"`(?!simtier/\w+-v\d)((?:simtier|tests|benchmarks|docs|scenarios)/[\w/.-]+)`")
FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)


def prose(page: Path) -> str:
    """Return a page without its blocks of code."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings."""
    return {anchor(heading.replace("`", "")) for heading in re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)}


def names(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    for target in LINK.findall(prose(page)):
        if re.match(r"https?://", target):
            continue
        path, _, heading = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), f"{names(page)}: no file {target}"
        assert there.is_relative_to(ROOT), f"{names(page)}: {target} leads out of the repository"
        assert not heading or heading in anchors(there), f"{names(page)}: no heading {target}"


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_every_file_named_exists(page: Path) -> None:
    for name in NAMED_FILE.findall(page.read_text(encoding="utf-8")):
        assert (ROOT / name).exists(), f"{names(page)} names {name}"


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_no_heading_stands_twice_and_no_path_is_absolute(page: Path) -> None:
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    assert page.name == "CHANGELOG.md" or len(headings) == len(set(headings))
    assert not re.search(r"[(`\s]/(home|work|tmp|usr|root)/(?!bin/time)", page.read_text(encoding="utf-8"))


def test_every_page_is_on_the_map() -> None:
    linked = {
        (ROOT / "docs" / target.partition("#")[0]).resolve()
        for target in LINK.findall(prose(ROOT / "docs" / "index.md"))
    }
    assert linked >= {page for page in PAGES if page.is_relative_to(ROOT / "docs") and page.name != "index.md"}
