"""The table of claims is what its figures say, and its figures are what simtier computes."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
sys.path += [str(ROOT / "docs"), str(ROOT / "benchmarks")]

import claims as command  # type: ignore[import-not-found]  # noqa: E402 - benchmarks/ is no package
from llm_claims.claim import Claim  # type: ignore[import-not-found]  # noqa: E402 - likewise
from llm_claims.every import GROUPS  # type: ignore[import-not-found]  # noqa: E402 - likewise
from pages import llm_claims as pages  # type: ignore[import-not-found]  # noqa: E402 - docs/ is no package

CLAIMS = {claim.name: claim for claims in GROUPS.values() for claim in claims}
QUICK = (
    "cloudmatrix_third_row",
    "elastic_moe_stages",
    "samba_switching_32",
    "samba_gain_32_32",
    "infinite_llm_context_2",
    "nanoflow_all",
    "polca_training",
)


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(pages.NUMBERS.read_text(encoding="utf-8"))
    return found


def test_the_page_is_what_the_figures_say(rows: list[dict[str, Any]]) -> None:
    assert (ROOT / "docs" / "reference" / "llm-claims.md").read_text(encoding="utf-8") == pages.text(rows)


def test_every_claim_has_a_row_with_its_words_and_bounds(rows: list[dict[str, Any]]) -> None:
    groups = {claim.name: group for group, claims in GROUPS.items() for claim in claims}
    expected = [command.row(groups[each["name"]], CLAIMS[each["name"]], each["values"]) for each in rows]
    assert rows == expected
    assert [each["name"] for each in rows] == list(CLAIMS)


def test_names_are_told_apart() -> None:
    assert len(CLAIMS) == sum(map(len, GROUPS.values()))


@pytest.mark.parametrize("name", CLAIMS)
def test_replications_are_several_and_one_run_is_one(name: str, rows: list[dict[str, Any]]) -> None:
    values = next(each["values"] for each in rows if each["name"] == name)
    assert (len(values) >= 3) == (CLAIMS[name].kind == "replications")


def test_what_does_not_agree_is_named_and_explained(rows: list[dict[str, Any]]) -> None:
    page = pages.text(rows)
    others = [each for each in rows if pages.verdict(each) == pages.NOT]
    for each in others:
        assert f"- `{each['name']}`: {each['says']}:" in page
        assert f"{pages.NOT}: {each['remark']}" in page
        assert each["remark"], f"{each['name']} does not agree and does not say why"


@pytest.mark.parametrize("name", QUICK)
def test_quick_claims_are_computed_again(name: str, rows: list[dict[str, Any]]) -> None:
    row = next(each for each in rows if each["name"] == name)
    assert command.measure(CLAIMS[name]) == pytest.approx(row["values"], rel=1e-4, abs=1e-4)


def told(kind: str, low: float | None, high: float | None, *values: float) -> dict[str, Any]:
    return {"kind": kind, "low": low, "high": high, "values": list(values)}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (told("replications", 0.0, 5.0, 1.0, 2.0, 3.0), pages.NEARLY),  # 2 +- 2.5
        (told("replications", -1.0, 5.0, 1.0, 2.0, 3.0), pages.AGREES),
        (told("replications", 3.0, None, 1.0, 2.0, 3.0), pages.UNSURE),
        (told("replications", 5.0, None, 1.0, 2.0, 3.0), pages.NOT),
        (told("replications", None, -1.0, 1.0, 2.0, 3.0), pages.NOT),
        (told("one run", -1.0, 1.0, -1.0, 0.0), pages.AGREES),
        (told("one run", -1.0, 1.0, -1.0, 2.0), pages.NOT),
        (told("analytic", None, 1.0, 0.5), pages.AGREES),
    ],
)
def test_verdicts_go_by_the_mean_and_tell_of_the_interval(row: dict[str, Any], said: str) -> None:
    """1, 2 and 3: standard deviation 1, half-width 4.303 / sqrt(3) = 2.484."""
    assert pages.verdict(row) == said


def test_a_figure_is_shown_with_its_interval_and_its_kind() -> None:
    assert pages.shown(told("replications", 0.0, 5.0, 1.0, 2.0, 3.0)) == "2 ± 2.5 (3 replications)"
    assert pages.shown(told("one run", 0.0, 5.0, -1.0, 2.0)) == "-1, 2 (one run)"


def test_claims_whose_measurements_are_elsewhere_keep_their_figures(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SIMTIER_VALIDATION", raising=False)
    monkeypatch.delenv("SIMTIER_TRACES", raising=False)
    away = [name for name, claim in CLAIMS.items() if not command.computable(claim)]
    assert {"real_vllm", "mooncake_mooncake", "burstgpt"} <= set(away)
    kept = {name: [4.0] for name in away}
    found = {each["name"]: each["values"] for each in command.rows(kept, away)}
    assert found == kept
    assert "has no figure yet" in capsys.readouterr().out


def test_a_claim_says_what_it_is_about() -> None:
    claim: Claim
    for claim in CLAIMS.values():
        assert all((claim.says, claim.source, claim.setting, claim.paper, claim.figure, claim.tolerance))
        assert claim.low <= claim.high
        assert claim.low > float("-inf") or claim.high < float("inf")
