"""The comparison of policies is what its numbers say."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import pytest

from simtier.policies import BUILT_IN

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs"))

from pages import serverless_claims  # type: ignore[import-not-found]  # noqa: E402 - docs/ is no package
from pages import serverless_policies as pages  # noqa: E402 - likewise

LEFT_OUT = {"fixed", "cross_region", "lowest_latency"}
"""An autoscaling policy that would start nothing, and routing by distance; `fixed` of keep-alive is there by its times."""

OF_ENGINES = {
    *("elastic_moe", "pd_ratio", "token_load"),
    *(
        "kv_aware",
        "least_outstanding",
        "llumnix",
        "mooncake",
        "on_demand_forwarding",
        "prefix_aware",
        "shortest_queue_tokens",
    ),
}
"""What looks at engines of language models; `least_outstanding` is another name of a policy that is there."""


@pytest.fixture(scope="module")
def numbers() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(pages.NUMBERS.read_text(encoding="utf-8"))
    return found


def test_the_page_is_what_the_numbers_say(numbers: dict[str, Any]) -> None:
    written = (ROOT / "docs" / "reference" / "serverless-policies.md").read_text(encoding="utf-8")
    assert written == pages.text(numbers)


@pytest.mark.parametrize("kind", ["keep_alive", "autoscaling", "routing"])
def test_every_built_in_policy_is_compared_or_left_out_by_name(kind: str, numbers: dict[str, Any]) -> None:
    text = pages.text(numbers)
    groups = ("keep_alive", "scarce") if kind == "keep_alive" else (kind,)
    for workload in numbers.values():
        compared = {label for group in groups for label in workload[group]}
        assert compared >= set(BUILT_IN[kind]) - LEFT_OUT - OF_ENGINES
    assert all(f"`{name}`" in text for name in LEFT_OUT)


def test_every_policy_has_five_replications_of_the_same_calls(numbers: dict[str, Any]) -> None:
    for workload in numbers.values():
        for group in workload.values():
            calls = {tuple(row["calls"] for row in rows) for rows in group.values()}
            assert len(calls) == 1
            assert len(calls.pop()) == 5


def test_a_cell_is_the_mean_with_its_half_width() -> None:
    """1 to 5: mean 3, sd 1.5811, half-width 2.776 x 1.5811 / sqrt(5) = 1.963."""
    assert pages._cell([1.0, 2.0, 3.0, 4.0, 5.0], 1, ".3f") == "3.000 ± 1.963"
    assert pages._cell([1.0, None, 3.0], 1, ".3f") == "-"


def test_ratios_are_of_pairs() -> None:
    """Replications that differ by a lot and agree on the ratio leave no doubt about it."""
    assert serverless_claims.ratio([2.0, 20.0, 200.0], [1.0, 10.0, 100.0], 1e-3) == pytest.approx((2, 2, 2))
    assert serverless_claims.ratio([0.5, 0.5], [0.0, 0.0], 1e-3).value == pytest.approx(500)


@pytest.mark.parametrize(
    ("measured", "factor", "said"),
    [
        ((2.5, 2.0, 3.0), 2.5, "agrees"),
        ((1.95, 1.8, 2.2), 2.5, "agrees"),
        ((1.85, 1.8, 2.0), 2.5, "agrees in direction, with less effect"),
        ((1.2, 1.1, 1.3), None, "agrees"),
        ((1.2, 0.9, 1.6), None, "five replications cannot tell"),
        ((1.0, 1.0, 1.0), None, "no difference"),
        ((0.8, 0.7, 0.9), None, "disagrees"),
    ],
)
def test_verdicts_go_by_the_interval_and_by_the_factor(
    measured: tuple[float, float, float], factor: float | None, said: str
) -> None:
    """2.5 ^ 0.7 = 1.899: from there on a factor of 2.5 is reached."""
    assert math.isclose(2.5**serverless_claims.ENOUGH, 1.899, abs_tol=1e-3)
    assert serverless_claims.verdict(serverless_claims.Ratio(*measured), factor) == said


def test_claims_follow_the_numbers(numbers: dict[str, Any]) -> None:
    """With two columns of numbers exchanged the sentence turns round."""
    claim = next(claim for claim in serverless_claims.CLAIMS if claim.policy == "bounded_load_hash")
    workload = next(iter(numbers.values()))
    turned = workload["routing"] | {
        "random": workload["routing"]["bounded_load_hash"],
        "bounded_load_hash": workload["routing"]["random"],
    }
    measured, other = claim.ratio(workload), claim.ratio({"routing": turned})
    assert measured.value == pytest.approx(1 / other.value)
    assert {serverless_claims.verdict(measured, None), serverless_claims.verdict(other, None)} == {
        "agrees",
        "disagrees",
    }
