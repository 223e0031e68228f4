"""Rates as they are imposed on workloads, read from the command line, and refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playing import queue
from typer.testing import CliRunner

from simtier.cli import app
from simtier.errors import ScenarioError, StudyError
from simtier.scenario import Scenario
from simtier.study.capacity.rates import objective, rate_of, rates
from simtier.study.task import Base, Task, play

MARKOV = {"process": "markov", "rates": ["0 /s", "60 /s"], "stay": ["200 ms", "100 ms"]}
VARYING = {"process": "varying", "points": [["0 s", "0 /s"], ["10 s", "40 /s"], ["15 s", "10 /s"]]}
ARRIVALS: dict[str, dict[str, Any]] = {
    "periodic": {"process": "periodic", "rate": "10 /s"},
    "poisson": {"process": "poisson", "rate": "10 /s"},
    "gamma": {"process": "gamma", "rate": "10 /s", "cv": 2},
    "weibull": {"process": "weibull", "rate": "10 /s", "cv": 0.5},
    "markov": MARKOV,
    "varying": VARYING,
}


def served(arrivals: dict[str, Any], **workload: Any) -> dict[str, Any]:
    """Return two sources that send to a station which never makes anyone wait."""
    data = queue(arrivals, "1 ms", duration="100 s", service={"concurrency": 1000})
    data["nodes"]["people"] = {"tier": "device", "count": 2, "cores": 1}
    data["links"] = {"way": {"from": "people", "to": "server"}}
    data["workloads"]["asks"] |= {"from": "people", **workload}
    return data


def sent(data: dict[str, Any], per_s: float, replications: int = 4) -> list[float]:
    """Return how many requests arrive in each replication at a rate."""
    rate = rate_of(Scenario.from_dict(data))
    played = play(Task(Base(data), rate.changes(per_s), tuple(range(replications))))
    assert not played.error
    return [each.metrics["workloads.asks.arrived"] or 0 for each in played.replications]


@pytest.mark.parametrize("name", ARRIVALS)
def test_every_open_process_sends_at_the_rate_set(name: str) -> None:
    """Within four standard errors of the mean, and never more than 5 % off."""
    counts = sent(served(ARRIVALS[name]), 50)
    error = np.std(counts, ddof=1) / np.sqrt(len(counts))
    assert abs(np.mean(counts) - 5000) <= max(4 * error, 4)
    assert abs(np.mean(counts) - 5000) < 250


def test_the_own_rate_of_a_process_is_that_of_all_its_sources_over_the_time_it_sends() -> None:
    assert rate_of(Scenario.from_dict(served(ARRIVALS["gamma"]))).own_per_s == 20
    assert rate_of(Scenario.from_dict(served(MARKOV))).own_per_s == pytest.approx(2 * 60 / 3)
    one_period = rate_of(Scenario.from_dict(served(VARYING, stop="15 s"))).own_per_s
    assert one_period == pytest.approx(2 * (20 * 10 + 25 * 5) / 15)
    rising = rate_of(Scenario.from_dict(served(VARYING, start="90 s"))).own_per_s
    assert rising == pytest.approx(2 * 20)
    named = rate_of(Scenario.from_dict(served(ARRIVALS["poisson"]) | {"run": {"duration": "9 s"}}))
    assert named.own_per_s == 20
    one = served(ARRIVALS["poisson"])
    one["workloads"]["asks"]["from"] = "people-1"
    assert rate_of(Scenario.from_dict(one)).own_per_s == 10


def test_bursts_and_the_course_over_time_stay() -> None:
    rate = rate_of(Scenario.from_dict(served(VARYING, stop="15 s")))
    ((field, text),) = rate.changes(2 * rate.own_per_s)
    assert field == "workloads.asks.arrivals.points"
    assert json.loads(text) == [["0.0 s", "0.0 1/s"], ["10.0 s", "80.0 1/s"], ["15.0 s", "20.0 1/s"]]


def test_a_replayed_trace_is_sped_up_or_thinned() -> None:
    data = queue("5 /s", "1 ms", duration="10 min", service={"concurrency": 1000})
    data["workloads"]["asks"] = {"app": "ask", "from": "server", "trace": "azure-llm-2023/conv", "scale_rate": 0.5}
    own = rate_of(Scenario.from_dict(data)).own_per_s
    assert sent(data, own, 1) == [pytest.approx(own * 600, abs=0.5)]
    for factor in (0.3, 3):
        wanted = own * factor * 600
        assert sent(data, own * factor, 1) == [pytest.approx(wanted, abs=4 * np.sqrt(wanted))]


def test_clients_that_wait_have_no_rate() -> None:
    closed = served({"process": "closed", "clients": 3, "think": "1 s"})
    with pytest.raises(StudyError, match=r"workloads.asks is a closed loop: .* vary workloads.asks.arrivals.clients"):
        rate_of(Scenario.from_dict(closed))


def test_several_workloads_need_a_name() -> None:
    data = served(ARRIVALS["poisson"])
    data["workloads"]["more"] = data["workloads"]["asks"]
    with pytest.raises(StudyError, match=r"several workloads \(asks, more\): say with --workload"):
        rate_of(Scenario.from_dict(data))
    assert rate_of(Scenario.from_dict(data), "more").workload == "more"


def test_a_rate_that_is_zero_throughout_cannot_be_scaled() -> None:
    points = [["0 s", "0 /s"], ["500 s", "0 /s"], ["600 s", "5 /s"]]
    with pytest.raises(StudyError, match="0 as long as the run lasts"):
        rate_of(Scenario.from_dict(served({"process": "varying", "points": points})))


@pytest.mark.parametrize(
    ("text", "found"),
    [("1..200", (1, 200)), ("0.5 .. 2e3 /s", (0.5, 2000)), ("60..120 /min", (1, 2)), ("1.5..2.5", (1.5, 2.5))],
)
def test_rates_are_read_with_or_without_their_unit(text: str, found: tuple[float, float]) -> None:
    assert rates(text) == pytest.approx(found)


@pytest.mark.parametrize("text", ["", "5", "1-20", "1..", "..5", "a..b", "1..2..3", "1..5 s", "1..5 parsecs", "nan..5"])
def test_what_is_no_range_of_rates_is_refused(text: str) -> None:
    with pytest.raises(StudyError, match=r"^--rate "):
        rates(text)


def test_targets_are_changed_one_by_one() -> None:
    data = queue("5 /s", "10 ms", app={"slo": {"latency": "1 s", "percentile": 99}})
    changes = objective(Scenario.from_dict(data), None, "latency: 200 ms")
    slo = Base(data).scenario(changes).apps["ask"].slo
    assert slo is not None
    assert (slo.latency, slo.percentile) == (0.2, 99)
    fresh = queue("5 /s", "10 ms")
    slo = (
        Base(fresh).scenario(objective(Scenario.from_dict(fresh), None, "latency: 1 s, percentile: 90")).apps["ask"].slo
    )
    assert slo is not None
    assert (slo.latency, slo.percentile) == (1.0, 90)


@pytest.mark.parametrize("text", ["", "latency", "latency: [1 s]", "200 ms", "latency: ["])
def test_what_is_no_target_is_refused(text: str) -> None:
    with pytest.raises(StudyError, match=r"^--slo "):
        objective(Scenario.from_dict(queue("5 /s", "10 ms")), None, text)


def test_an_unknown_target_is_told_with_the_one_meant() -> None:
    data = queue("5 /s", "10 ms")
    with pytest.raises(ScenarioError, match="did you mean 'latency'"):
        Base(data).scenario(objective(Scenario.from_dict(data), None, "latncy: 1 s"))


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a scenario file in a folder that is the working directory."""
    monkeypatch.chdir(tmp_path)
    data = queue("5 /s", "10 ms", duration="20 s", app={"slo": {"latency": "15 ms"}})
    data["workloads"]["asks"]["arrivals"] = {"process": "periodic", "rate": "5 /s", "phase": "0 s"}
    path = tmp_path / "station.yaml"
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


def capacity(*words: str) -> Any:
    return CliRunner().invoke(app, ["capacity", *words, "--workers", "1"])


def test_the_command_prints_a_table_and_writes_its_files(written: Path) -> None:
    done = capacity(str(written), "--rate", "10..200", "--precision", "5%", "--out", "found")
    assert done.exit_code == 0, done.output
    assert "objective: 95 % of the requests of ask are answered within 15 ms" in done.stdout
    document = json.loads(Path("found/capacity.json").read_text(encoding="utf-8"))
    assert f"Capacity: {document['kept']:g} requests/s keeps the objective" in done.stdout
    assert 95 < document["kept"] <= 100 < document["missed"] < 106
    assert Path("found/capacity.svg").read_text(encoding="utf-8").startswith('<svg xmlns="http://www.w3.org/2000/svg"')
    again = capacity(str(written), "--rate", "10..200", "--out", "found")
    assert again.exit_code == 1
    assert "found exists already" in again.stderr


def test_json_is_all_that_is_printed(written: Path) -> None:
    done = capacity(str(written), "--rate", "10..50", "--slo", "latency: 9 ms", "--json")
    document = json.loads(done.stdout)
    assert (document["kept"], document["missed"]) == (None, 10)
    assert document["objective"]["target_s"] == 0.009


def test_a_command_that_is_wrong_writes_nothing(written: Path) -> None:
    for words in (["--rate", "20..10"], ["--rate", "1..20 ms"], ["--rate", "1..2", "--precision", "120%"]):
        done = capacity(str(written), *words)
        assert done.exit_code == 2
        assert done.stderr.startswith("error: ")
    assert not Path("reports").exists()
