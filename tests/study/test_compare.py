"""Comparisons: exact where nothing differs, as theory says where it does, honest where it cannot tell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playing import exponential, queue
from sweeping import PARAMETER, started, station

from simtier import runner
from simtier.errors import MetricError, ResultError, ScenarioError, StudyError
from simtier.scenario import Scenario
from simtier.study.compare import Asked, Compared, compare, with_warmup
from simtier.study.compared import InMetric
from simtier.study.directories import compare_results
from simtier.study.task import Base
from simtier.study.variants import MOST_VARIANTS, variants
from simtier.study.warmup import find_warmup
from simtier.study.workers import Answers, Here

POLICY = "policies.scheduling"
MEAN, P99 = "apps.ask.latency_s.mean", "apps.ask.latency_s.p99"


def busy(duration: str = "20 s", rate: str = "360 /s", **run: Any) -> Base:
    """Return M/M/4 at 90 % load."""
    data = queue(rate, exponential("10 ms"), slots=4, duration=duration, app={"slo": {"latency": "50 ms"}})
    return Base(data | {"run": data["run"] | {"drain": "20 s", "warmup": "2 s"} | run})


def metric(compared: Compared, name: str) -> InMetric:
    return next(each for each in compared.metrics if each.name == name)


def test_variants_that_are_the_same_differ_in_nothing(tmp_path: Path) -> None:
    """Common random numbers: what has no effect has none in any replication, not on average only."""
    base = Base.load(station(tmp_path))
    found = compare(base, variants([f"{PARAMETER}mark=a,b,c"]), Asked(metrics=("*",), replications=3))
    assert len(found.metrics) > 20
    for each in found.metrics:
        measured = [value for value in each.values["a"] if value is not None]
        for against in each.against:
            assert each.values[against.variant] == each.values["a"]
            assert against.verdict == ("same" if len(measured) == 3 else "unknown")
            assert against.comparison.difference == 0 or not measured
    prints = [*found.fingerprints.values()]
    assert prints[0] == prints[1] == prints[2]
    assert len(set(prints[0])) == 3


def test_the_order_of_service_changes_what_theory_says_it_changes() -> None:
    """M/M/c: every order that looks at no service time has the same mean; last come first served spreads it; shortest first is less.

    Kleinrock, Queueing Systems vol. 2, 1976, section 3.4 (the conservation law), and 3.7 (shortest first).
    """
    found = compare(
        busy(), variants([f"{POLICY}=fifo,lifo,shortest_first"]), Asked(metrics=(MEAN, P99), replications=8)
    )
    mean, p99 = metric(found, MEAN), metric(found, P99)
    assert [(each.variant, each.verdict) for each in mean.against] == [
        ("lifo", "not shown"),
        ("shortest_first", "better"),
    ]
    lifo = mean.against[0]
    assert lifo.comparison.low < 0 < lifo.comparison.high
    assert lifo.needed is None or lifo.needed > 8
    assert [each.verdict for each in p99.against if each.variant == "lifo"] == ["worse"]
    assert mean.ranking is not None
    assert next(iter(mean.ranking.order)).name == "shortest_first"


def test_common_random_numbers_narrow_the_interval() -> None:
    found = metric(
        compare(busy("10 s", "300 /s"), variants(["apps.ask.stages.serve.time.mean=10 ms,9.8 ms"]), Asked((MEAN,), 6)),
        MEAN,
    )
    paired = found.against[0].comparison
    spread = np.hypot(*(np.std([value or 0 for value in values], ddof=1) for values in found.values.values()))
    assert paired.sd < 0.8 * spread


def test_it_stops_when_the_precision_is_reached_and_says_when_it_is_not() -> None:
    chosen = variants([f"{POLICY}=fifo,shortest_first"])
    coarse = compare(busy("6 s", "200 /s"), chosen, Asked((MEAN,), 100, precision=0.5))
    assert (coarse.replications, coarse.precise) == (5, True)
    (against,) = coarse.metrics[0].against
    assert against.comparison.half_width <= 0.5 * against.comparison.base
    assert coarse.confidence == pytest.approx(1 - 0.05 / 2)
    fine = compare(busy("6 s"), chosen, Asked((MEAN,), 8, precision=0.0001))
    assert (fine.replications, fine.precise) == (8, False)
    assert fine.confidence > coarse.confidence


def test_batches_of_a_long_run_agree_with_replications() -> None:
    chosen = variants([f"{POLICY}=fifo,shortest_first"])
    asked = (MEAN, "apps.ask.slo.attainment")
    long = compare(busy("120 s", "300 /s"), chosen, Asked(asked, 1))
    several = compare(busy("20 s", "300 /s"), chosen, Asked(asked, 6))
    assert (long.how, several.how) == ("batches", "replications")
    for name in asked:
        one, other = (metric(each, name).against[0] for each in (long, several))
        apart = abs(one.comparison.difference - other.comparison.difference)
        assert apart <= one.comparison.half_width + other.comparison.half_width
        assert name != MEAN or one.verdict == other.verdict == "better"
        assert one.comparison.pairing == "batches"


def filling(rate: str) -> Base:
    """Return a queue in overload that turns away whoever would be the 201st: it starts empty, and fills at 50 places a second."""
    policies = {"admission": {"use": "bounded_queue", "limit": 200}} if rate == "150 /s" else None
    data = queue(rate, "10 ms", duration="40 s", policies=policies)
    return Base(data | {"run": data["run"] | {"drain": "60 s"}})


def test_the_warm_up_of_a_queue_that_fills_is_found() -> None:
    """200 places at 150 - 100 requests a second are full after 4 s, and latencies stay at 2 s from then on."""
    found = find_warmup(filling("150 /s"), variants([f"{POLICY}=fifo"]))
    assert 2.5 < found < 8
    (changed, _) = with_warmup(variants([f"{POLICY}=fifo"]), found)
    assert filling("150 /s").scenario(changed.changes).run.warmup == found
    with pytest.raises(StudyError, match="no warm-up is seen in 'ask' under 'as it is': the run is too short"):
        find_warmup(filling("130 /s"), variants([f"{POLICY}=fifo"]))


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of results: two policies of one seed, another seed, single runs, another world."""
    folder = tmp_path_factory.mktemp("results")
    data = dict(busy("6 s").data)
    for name, changes in {
        "fifo": ["run.replications=3"],
        "lifo": ["run.replications=3", f"{POLICY}=lifo"],
        "seed": ["run.replications=3", "run.seed=9"],
        "one_fifo": [],
        "one_lifo": [f"{POLICY}=lifo"],
        "longer": ["run.duration=7 s"],
        "faster": ["run.replications=3", "workloads.asks.arrivals.rate=100 /s"],
    }.items():
        runner.run(Scenario.from_dict(data, changes), out=folder / name)
    return folder


def test_results_of_one_seed_are_compared_in_pairs_as_variants_are(results: Path) -> None:
    found = compare_results([results / "fifo", results / "lifo"], Asked((P99,)))
    live = compare(busy("6 s"), variants([f"{POLICY}=fifo,lifo"]), Asked((P99,), 3))
    assert found.replications == 3
    assert [each.name for each in found.variants] == ["fifo", "lifo"]
    assert found.metrics[0].against[0].comparison == live.metrics[0].against[0].comparison
    assert not found.notes


def test_results_of_other_seeds_are_compared_as_independent(results: Path) -> None:
    found = compare_results([results / "fifo", results / "seed"], Asked((MEAN,)))
    assert found.metrics[0].against[0].comparison.pairing == "independent"
    assert found.metrics[0].against[0].verdict == "not shown"
    assert "compared as independent ones" in found.notes[0]


def test_single_results_are_compared_by_batches(results: Path) -> None:
    found = compare_results([results / "one_fifo", results / "one_lifo"], Asked((P99,)))
    assert (found.how, found.metrics[0].against[0].comparison.pairing) == ("batches", "batches")
    with pytest.raises(StudyError, match="other durations or warm-ups"):
        compare_results([results / "one_fifo", results / "longer"], Asked())
    with pytest.raises(MetricError, match=r"known of single requests only: .*; or take replications"):
        compare_results([results / "one_fifo", results / "one_lifo"], Asked(("energy_j",)))


def test_results_of_other_worlds_are_compared_with_a_warning(results: Path) -> None:
    found = compare_results([results / "fifo", results / "faster"], Asked((MEAN,)))
    assert any("has other workloads than 'fifo'" in note for note in found.notes)


def test_what_is_no_pair_of_results_is_refused(results: Path, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="needs two results at least"):
        compare_results([results / "fifo"], Asked())
    with pytest.raises(StudyError, match="the same result is given twice"):
        compare_results([results / "fifo", results / "lifo" / ".." / "fifo"], Asked())
    with pytest.raises(ResultError, match="is not a result directory"):
        compare_results([results / "fifo", tmp_path], Asked())


@pytest.mark.parametrize(
    ("varied", "told"),
    [
        ("run.samples", "write it as FIELD=VALUE,VALUE"),
        ("=1,2", "write it as FIELD=VALUE,VALUE"),
        ("run.samples=", "write it as FIELD=VALUE,VALUE"),
        ("run.samples=1,1", "a value stands there twice"),
        ("run.samples=[1", "not YAML"),
        ("run.seed=1,2", "variants share seed and replications"),
        (f"run.samples={','.join(map(str, range(MOST_VARIANTS + 1)))}", "more than 100: use a study file"),
    ],
)
def test_what_describes_no_variants_is_refused(varied: str, told: str) -> None:
    with pytest.raises(StudyError, match=told):
        variants([varied])


def test_one_field_cannot_vary_twice() -> None:
    with pytest.raises(StudyError, match=r"run\.samples.* twice"):
        variants(["run.samples=1,2", "run.samples=3,4"])


def test_variants_are_every_combination_with_names_that_tell_them_apart() -> None:
    made = variants(["run.samples=1,2", f"{POLICY}=fifo,{{use: lifo}}"], (("run.duration", "1 s"),))
    assert [each.name for each in made] == [
        "samples 1, scheduling fifo",
        "samples 1, scheduling lifo",
        "samples 2, scheduling fifo",
        "samples 2, scheduling lifo",
    ]
    assert all(each.changes[0] == ("run.duration", "1 s") for each in made)
    assert [each.name for each in variants(["run.samples=2"])] == ["as it is", "2"]
    (_, without) = variants(["apps.ask.slo=null"])
    assert busy().scenario(without.changes).apps["ask"].slo is None


def test_a_variant_that_fails_is_named(tmp_path: Path) -> None:
    base = Base.load(station(tmp_path))
    with pytest.raises(StudyError, match=r"the variant 'raise' failed in replication 0: .*no such thing"):
        compare(base, variants([f"{PARAMETER}does=nothing,raise"]), Asked())
    with pytest.raises(ScenarioError, match="did you mean 'seed'"):
        compare(base, variants(["run.sed=1,2"]), Asked())


def test_wrong_metrics_are_told_at_the_first_result_and_wrong_numbers_before(tmp_path: Path) -> None:
    base, chosen = Base.load(station(tmp_path)), variants([f"{PARAMETER}mark=a,b"])
    with pytest.raises(MetricError, match="did you mean"):
        compare(base, chosen, Asked(("latency_s.p955",), 4))
    assert len(started(tmp_path)) == 1
    for number in (0, 1001):
        with pytest.raises(StudyError, match=f"takes 1 to 1000 replications .* not {number}"):
            compare(base, chosen, Asked(replications=number))
    with pytest.raises(StudyError, match="needs two variants at least"):
        compare(base, chosen[:1], Asked())


class Backwards(Here):
    """Plays the last task first, as other workers may."""

    def answers(self, tasks: Any, stop: Any = lambda: False) -> Answers:
        return super().answers(reversed(list(tasks)), stop)


def test_the_order_of_the_answers_changes_nothing(tmp_path: Path) -> None:
    base, chosen = busy("3 s"), variants([f"{POLICY}=fifo,lifo"])
    assert compare(base, chosen, Asked((MEAN,), 3)) == compare(base, chosen, Asked((MEAN,), 3), workers=Backwards())


def test_stopped_early_the_common_replications_are_compared(tmp_path: Path) -> None:
    base, chosen = Base.load(station(tmp_path)), variants([f"{PARAMETER}mark=a,b"])
    found = compare(base, chosen, Asked((MEAN,), 20), stop=lambda: len(started(tmp_path)) >= 5)
    assert (found.replications, found.notes) == (2, ("stopped early",))
    with pytest.raises(StudyError, match="stopped before two replications"):
        compare(base, chosen, Asked((MEAN,), 20), stop=lambda: True)
