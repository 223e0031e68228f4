#!/usr/bin/env python3
"""Write the pages of docs/reference from the source, or with --check fail if one of them is stale.

Usage: python docs/generate.py [--check]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))  # the checkout this file is in, installed or not

from pages import (  # noqa: E402 - the line above must come first
    catalogue,
    llm_claims,
    lookalikes,
    policies,
    results,
    scenario,
    serverless_policies,
    study,
    traces,
)

PAGES: Mapping[str, Callable[[], str | None]] = {
    "scenario.md": scenario.page,
    "policies.md": policies.page,
    "results.md": results.page,
    "catalogue.md": catalogue.page,
    "study.md": study.page,
    "traces.md": traces.page,
    "lookalikes.md": lookalikes.page,
    "serverless-policies.md": serverless_policies.page,
    "llm-claims.md": llm_claims.page,
}


def stale(folder: Path) -> list[str]:
    """Return the names of the pages in `folder` that are not what the source says, as far as they can be written here."""
    return [name for name, text in _written().items() if _read(folder / name) != text]


def _written() -> dict[str, str]:
    """Return the pages; one that needs what is not here, such as real traces, is left out."""
    return {name: text for name, page in PAGES.items() if (text := page()) is not None}


def write(folder: Path) -> None:
    """Write every page."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in _written().items():
        (folder / name).write_text(text, encoding="utf-8")


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def main() -> int:
    """Write or check; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a page is stale")
    folder = HERE / "reference"
    if not parser.parse_args().check:
        write(folder)
        return 0
    old = stale(folder)
    if old:
        sys.stderr.write(f"stale: {', '.join(old)}; run `python docs/generate.py` and commit what it writes\n")
    return 1 if old else 0


if __name__ == "__main__":
    sys.exit(main())
