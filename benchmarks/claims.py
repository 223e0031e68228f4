"""Compute simtier's figures for what papers about serving language models claim; writes docs/reference/llm-claims.json and the page from it.

Usage: python benchmarks/claims.py [--only NAME ...] [--list]

Each claim is a function in benchmarks/llm_claims that runs simtier; seeds are fixed, so the figures are the same every time. SIMTIER_TRACES and
SIMTIER_VALIDATION name the directories with the real traces and the measurements; without them the claims that need them keep their
figures. `--only` without a name computes nothing and writes the words anew.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks"), str(ROOT / "docs"), str(ROOT / "tests" / "helpers")]

from llm_claims import measured  # noqa: E402 - the line above must come first
from llm_claims.claim import Claim  # noqa: E402 - likewise
from llm_claims.every import GROUPS  # noqa: E402 - likewise
from pages import llm_claims as page  # noqa: E402 - likewise

DIGITS = 6
WORDS = ("says", "source", "setting", "paper", "figure", "tolerance", "kind", "surrogate", "remark")
TRACED = ("burstgpt", "mooncake_")


def computable(claim: Claim) -> bool:
    """Return whether what the claim needs is here."""
    if claim in measured.CLAIMS:
        return measured.available()
    return bool(os.environ.get("SIMTIER_TRACES")) or not claim.name.startswith(TRACED)


def row(group: str, claim: Claim, values: Sequence[float]) -> dict[str, Any]:
    """Return what the json has of a claim; bounds that are infinite are left out as null."""
    words = {name: getattr(claim, name) for name in WORDS}
    bounds = {name: bound if isfinite(bound := getattr(claim, name)) else None for name in ("low", "high")}
    return {"name": claim.name, "group": group} | words | bounds | {"values": list(values)}


def measure(claim: Claim) -> list[float]:
    """Return the figures of a claim, to a few digits."""
    return [float(f"{value:.{DIGITS}g}") for value in claim.measure()]


def rows(before: Mapping[str, Sequence[float]], wanted: Collection[str]) -> list[dict[str, Any]]:
    """Return all rows, with the figures that were there `before` where a claim is not `wanted` or cannot be computed here."""
    found = []
    for group, claims in GROUPS.items():
        for claim in claims:
            values = before.get(claim.name)
            if claim.name in wanted and computable(claim):
                begin = time.process_time()
                values = measure(claim)
                told = row(group, claim, values)
                print(
                    f"{claim.name:36s} {page.shown(told):28s} {page.verdict(told):45s} {time.process_time() - begin:6.1f} s",
                    flush=True,
                )
            if values is not None:
                found.append(row(group, claim, values))
            else:
                print(f"{claim.name:36s} has no figure yet")
    return found


def main() -> None:
    """Compute, and write the figures and the page."""
    names = [claim.name for claims in GROUPS.values() for claim in claims]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--only", nargs="*", choices=names, metavar="NAME", help="compute these, and keep the other figures"
    )
    parser.add_argument("--list", action="store_true", help="tell the names of all claims")
    args = parser.parse_args()
    if args.list:
        print("\n".join(names))
        return
    before = {each["name"]: each["values"] for each in page.numbers()}
    found = rows(before, names if args.only is None else args.only)
    page.NUMBERS.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    page.NUMBERS.with_suffix(".md").write_text(page.text(found), encoding="utf-8")


if __name__ == "__main__":
    main()
