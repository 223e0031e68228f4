"""Baselines that would say nothing: a margin that was forgotten a %, values that were edited, metrics without any."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from checking import MEAN, WORSE, with_baseline

from simtier.errors import StudyError
from simtier.study.check.baseline import Rule, load
from simtier.study.check.given import require_armed, require_as_given, share
from simtier.study.check.guard import Guard, check
from simtier.study.check.words import allowed, row, updated


def edited(path: Path, change: dict[str, Any]) -> None:
    data = json.loads(path.read_text(encoding="utf-8"))
    data["metrics"][MEAN] |= change
    path.write_text(json.dumps(data), encoding="utf-8")


def test_a_number_is_shown_with_the_share_that_it_is(tmp_path: Path) -> None:
    assert allowed(Rule(tolerance=0.05), 0.1) == "0.05 (50 % of the baseline)"
    assert allowed(Rule(test="mean", tolerance=0.05), -0.1) == "mean 0.05 (50 % of the baseline)"
    assert (allowed(Rule(tolerance="5 %"), 0.1), allowed(Rule(), 0.1)) == ("5 %", "none")
    assert allowed(Rule(tolerance=0.05), 0.0) == "0.05", "of nothing there is no share"
    base, path = with_baseline(tmp_path, Guard(rules={MEAN: Rule(tolerance=0.01)}))
    told = next(line for line in updated(None, load(path, "?")) if MEAN in line)
    assert "allowed: 0.01 (" in told
    assert told.endswith(" % of the baseline)")
    judged = next(each for each in check(base, path).metrics if each.name == MEAN)
    assert row(judged)[6] in told


def test_a_number_above_the_baselines_mean_is_refused() -> None:
    with pytest.raises(StudyError, match=r"1 is 994 % of the baseline's mean 0\.1006: write a share, such as 2%, or a"):
        require_armed(Rule(tolerance=1.0), "x", (0.1006, None, 0.1006))
    require_armed(Rule(tolerance=0.1), "x", (0.1006, None))
    require_armed(Rule(tolerance=5.0), "x", (0.0, 0.0))
    assert share(Rule(tolerance=0.5), -2.0) == 0.25


def test_a_number_that_was_put_into_the_file_is_refused_too(tmp_path: Path) -> None:
    base, path = with_baseline(tmp_path)
    edited(path, {"rule": {"test": "worse", "tolerance": 1.0}})
    with pytest.raises(StudyError, match=f"{MEAN} would never be found worse"):
        check(base, path, WORSE)


def test_values_that_were_edited_are_refused(tmp_path: Path) -> None:
    base, path = with_baseline(tmp_path)
    values = load(path, "?").metrics[MEAN].values
    assert values[1] is not None
    edited(path, {"values": [values[0], values[1] * (1 + 1e-13), values[2]]})
    assert not check(base, path).failed, "rounding is no edit"
    for other in (values[1] * 3, None):
        edited(path, {"values": [values[0], other, values[2]]})
        with pytest.raises(StudyError, match="are not those of its fingerprints: it was edited"):
            check(base, path)


def test_a_baseline_without_values_is_refused_not_gone(tmp_path: Path) -> None:
    base, path = with_baseline(tmp_path)
    edited(path, {"values": [None, None, None]})
    with pytest.raises(StudyError, match=f"has a value of {MEAN} in 0 of 3 replications, too few to compare with"):
        check(base, path, WORSE)


def test_what_is_given_to_compare_must_be_what_the_baseline_says(tmp_path: Path) -> None:
    _, path = with_baseline(tmp_path)
    before = load(path, "?")
    require_as_given(path, before, ["latency_s.mean"], {"latency_s.mean": Rule()})
    with pytest.raises(
        StudyError, match=r"by the rule `worse` with tolerance 0, not `mean` with tolerance 3 %: .* the update"
    ):
        require_as_given(path, before, [], {MEAN: Rule(test="mean", tolerance="3 %")})
    with pytest.raises(StudyError, match=r"no metric is called 'latency_s\.p96'.* go with the update"):
        require_as_given(path, before, [], {"latency_s.p96": Rule(tolerance="3 %")})
    with pytest.raises(StudyError, match="no metric is called"):
        require_as_given(path, before, ["latency_s.p96"], {})
