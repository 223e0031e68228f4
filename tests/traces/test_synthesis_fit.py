"""Fitting: what a generator made gives its parameters back, within stated tolerances."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import burr12, ks_2samp

from simtier.errors import TraceError
from simtier.streams import Streams
from simtier.traces.synthesis import GENERATORS, fit
from simtier.traces.synthesis.arrivals import Bursts, Gaps
from simtier.traces.synthesis.availability import Availability
from simtier.traces.synthesis.bandwidth import Bandwidth
from simtier.traces.synthesis.cold_starts import ColdStarts
from simtier.traces.synthesis.functions import FunctionRates, fit_burr
from simtier.traces.synthesis.invocations import Invocations
from simtier.traces.synthesis.markov import stationary
from simtier.traces.synthesis.prefixes import PrefixRequests
from simtier.traces.synthesis.quantiles import Quantiles
from simtier.traces.synthesis.requests import BurstyRequests, OnOffRequests
from simtier.traces.synthesis.rhythm import FLAT_DAY, Rhythm, Wander
from simtier.traces.tables import batch

PARAMETERS: dict[str, Any] = {name: entry.parameters for name, entry in GENERATORS.items()}


def _made(parameters: Any, seed: int = 1, **extent: Any) -> pa.Table:
    return parameters.generate(Streams(seed).stream, **extent).read_all()


def _apart(a: Quantiles, b: Quantiles) -> float:
    """Return the Kolmogorov-Smirnov distance of two distributions, from 4,000 evenly spaced levels of each."""
    levels = (np.arange(4000) + 0.5) / 4000
    return float(ks_2samp(a.at(levels), b.at(levels), method="asymp").statistic)


def _sequence(times: Any, rows: int) -> np.ndarray:
    found = [next(times)]
    while sum(map(len, found)) < rows:
        found.append(next(times))
    return np.concatenate(found)[:rows]


@settings(max_examples=12, deadline=None)
@given(rate=st.floats(0.001, 20.0), shape=st.floats(0.3, 8.0), seed=st.integers(0, 1000))
def test_gamma_bursts_give_rate_and_shape_back(rate: float, shape: float, seed: int) -> None:
    bursts = Bursts(rate, shape, FLAT_DAY, Wander(0.0, 60.0), 0.0)
    times = _sequence(bursts.times(Streams(seed).stream), 20_000)
    gaps = np.diff(times)
    fitted = Bursts.fit(times)
    assert gaps.std() / gaps.mean() == pytest.approx(shape**-0.5, rel=0.1)
    assert fitted.rate_per_s == pytest.approx(rate, rel=0.08)
    assert fitted.shape == pytest.approx(shape, rel=0.1)  # gaps below a microsecond count as one
    assert fitted.wander.log_sd < 0.2


def test_a_wandering_rate_is_told_from_bursts() -> None:
    bursts = Bursts(2.0, 1.0, FLAT_DAY, Wander(0.6, 900.0), 0.0)
    fitted = Bursts.fit(_sequence(bursts.times(Streams(2).stream), 300_000))
    assert fitted.shape == pytest.approx(1.0, rel=0.1)
    assert fitted.wander.log_sd == pytest.approx(0.6, rel=0.15)
    assert fitted.wander.memory_s == pytest.approx(900, rel=0.35)


def test_hours_and_stamps_are_found() -> None:
    hours = tuple(0.5 if hour < 12 else 1.5 for hour in range(24))
    bursts = Bursts(0.5, 1.0, hours, Wander(0.0, 60.0), 1.0)
    fitted = Bursts.fit(_sequence(bursts.times(Streams(1).stream), 400_000))
    assert fitted.hours == pytest.approx(hours, rel=0.1)
    assert fitted.stamp_s == 1.0


def test_gaps_and_their_memory_are_found() -> None:
    gaps = replace(PARAMETERS["azure-llm-2023/code"].arrivals, share=0.3, memory=50.0)
    fitted = Gaps.fit(_sequence(gaps.times(Streams(1).stream), 100_000))
    assert _apart(gaps.gaps, fitted.gaps) < 0.02
    assert fitted.share == pytest.approx(0.3, abs=0.05)
    assert fitted.memory == pytest.approx(50, rel=0.3)
    assert Gaps.fit(np.cumsum(np.random.default_rng(1).exponential(size=20_000))).share == 0


@pytest.mark.parametrize("name", ["azure-llm-2023/conv", "azure-llm-2023/code", "burstgpt/1"])
def test_requests_give_their_kinds_back(name: str) -> None:
    parameters = PARAMETERS[name]
    fitted = type(parameters).fit(_made(parameters, rows=60_000))
    assert fitted.failed_share == pytest.approx(parameters.failed_share, abs=0.003)
    assert len(fitted.kinds) == len(parameters.kinds)
    by_name = {(kind.model, kind.kind): kind for kind in fitted.kinds}
    for kind in parameters.kinds:
        found = by_name[kind.model, kind.kind]
        assert found.share == pytest.approx(kind.share, abs=0.01)
        assert found.correlation == pytest.approx(kind.correlation, abs=0.06)
        assert _apart(kind.input_tokens, found.input_tokens) < 0.06
        assert _apart(kind.output_tokens, found.output_tokens) < 0.06


def test_the_right_generator_is_chosen() -> None:
    assert isinstance(fit("llm_requests", _made(PARAMETERS["azure-llm-2023/code"], rows=9000)), OnOffRequests)
    assert isinstance(fit("llm_requests", _made(PARAMETERS["azure-llm-2023/conv"], rows=9000)), BurstyRequests)
    assert isinstance(fit("llm_requests", _made(PARAMETERS["mooncake/conversation"], rows=3000)), PrefixRequests)
    assert isinstance(fit("rates", _made(PARAMETERS["azure-functions-2019/day"], rows=9000)), FunctionRates)
    batches = PARAMETERS["huawei-2025/R5-cold-starts"].generate(Streams(1).stream, rows=9000)
    assert isinstance(fit("cold_starts", batches), ColdStarts)


def test_prefix_sharing_is_found() -> None:
    parameters = PARAMETERS["mooncake/conversation"]
    fitted = PrefixRequests.fit(_made(parameters, rows=20_000))
    assert fitted.continued_share == pytest.approx(parameters.continued_share, abs=0.03)
    assert _apart(fitted.first_input_tokens, parameters.first_input_tokens) < 0.04
    assert _apart(fitted.next_input_tokens, parameters.next_input_tokens) < 0.06
    assert _apart(fitted.output_tokens, parameters.output_tokens) < 0.02
    assert fitted.arrivals.stamp_s == 3.0
    assert fitted.arrivals.rate_per_s == pytest.approx(parameters.arrivals.rate_per_s, rel=0.05)
    # An earlier prompt that is too short cuts what is shared, so reuse comes back lower, by up to this:
    assert fitted.reuse.mean == pytest.approx(parameters.reuse.mean, abs=0.12)
    with pytest.raises(TraceError, match="without prefix blocks"):
        PrefixRequests.fit(_made(PARAMETERS["burstgpt/1"], rows=300))


def test_invocations_give_their_parameters_back() -> None:
    parameters = replace(PARAMETERS["azure-functions-2021/sample"], functions=60, timer_share=0.5, cluster_mean=3.0)
    fitted = Invocations.fit(_made(parameters, duration_s=100_000.0))
    assert fitted.functions == 60
    assert fitted.apps <= 13
    assert fitted.skew == pytest.approx(parameters.skew, abs=0.2)  # timers' calls are rounded to their periods
    assert fitted.rate_per_s == pytest.approx(parameters.rate_per_s, rel=0.2)
    assert fitted.timer_share == pytest.approx(0.5, abs=0.15)
    assert set(fitted.periods_s) <= set(parameters.periods_s)
    assert fitted.cluster_mean == pytest.approx(3, rel=0.15)
    assert fitted.cluster_s == pytest.approx(0.08, rel=0.15)
    assert _apart(fitted.duration_s, parameters.duration_s) < 0.12


def test_functions_and_their_rates_give_their_parameters_back() -> None:
    parameters = replace(PARAMETERS["azure-functions-2019/day"], functions=400, noise_log_sd=0.4)
    functions = pa.Table.from_batches([parameters.functions_table(Streams(1).stream)])
    fitted = FunctionRates.fit(_made(parameters, duration_s=3 * 86_400.0), functions)
    assert fitted.functions <= 400
    assert fitted.duration_log_mean == pytest.approx(-0.38, abs=0.25)
    assert fitted.duration_log_sd == pytest.approx(2.36, rel=0.08)
    assert fitted.noise_log_sd == pytest.approx(0.4, abs=0.05)
    shares = {trigger.name: trigger.share for trigger in fitted.triggers}
    for trigger in parameters.triggers:
        assert shares[trigger.name] == pytest.approx(trigger.share, abs=0.05)
    assert np.corrcoef(fitted.hours, parameters.hours)[0, 1] > 0.95
    alone = FunctionRates.fit(_made(parameters, duration_s=86_400.0))
    assert {trigger.name for trigger in alone.triggers} == {"timer", "others"}


def test_the_burr_distribution_is_found() -> None:
    sample = burr12.rvs(c=11.652, d=0.221, scale=107.083e6, size=4000, random_state=1)
    c, k, scale = fit_burr(sample)
    assert (c, k, scale) == (
        pytest.approx(11.652, rel=0.15),
        pytest.approx(0.221, rel=0.15),
        pytest.approx(107e6, rel=0.03),
    )


def test_cold_starts_give_their_parts_back() -> None:
    parameters = PARAMETERS["huawei-2025/R2-cold-starts"]
    fitted = ColdStarts.fit(_made(parameters, rows=150_000))
    found = {kind.runtime: kind for kind in fitted.kinds}
    assert fitted.region == "R2"
    assert fitted.rhythm.per_minute == pytest.approx(parameters.rhythm.per_minute, rel=0.25)
    for kind in parameters.kinds:
        assert found[kind.runtime].share == pytest.approx(kind.share, abs=0.005)
        assert found[kind.runtime].deploy_dependency_s.zeros == pytest.approx(kind.deploy_dependency_s.zeros, abs=0.05)
        for mine, other in zip(kind.parts, found[kind.runtime].parts, strict=True):
            assert _apart(mine, other) < 0.1
    python = next(kind for kind in parameters.kinds if kind.runtime == "Python3").copula.correlation
    assert found["Python3"].copula.correlation[0][1] == pytest.approx(python[0][1], abs=0.05)


def test_a_rhythm_is_found() -> None:
    rhythm = replace(PARAMETERS["huawei-2025/R1-cold-starts"].rhythm, wander=Wander(0.15, 2 * 86_400.0))
    counts = rhythm.counts(Streams(3).stream)
    fitted = Rhythm.fit(np.concatenate([next(counts) for _ in range(60 * 24)])[: 40 * 1440].astype(float))
    assert fitted.per_minute == pytest.approx(rhythm.per_minute, rel=0.15)
    assert fitted.hours == pytest.approx(rhythm.hours, rel=0.12)
    assert fitted.minutes == pytest.approx(rhythm.minutes, rel=0.08)
    assert fitted.noise_log_sd == pytest.approx(rhythm.noise_log_sd, rel=0.15)
    assert fitted.wander.log_sd == pytest.approx(0.15, rel=0.4)


def test_bandwidth_gives_its_parameters_back() -> None:
    parameters = PARAMETERS["norway-hsdpa"]
    sessions = [_made(parameters, seed=seed, rows=parameters.session_rows) for seed in range(150)]
    fitted = Bandwidth.fit(sessions)
    assert _apart(fitted.rates, parameters.rates) < 0.08
    assert _apart(fitted.steps, parameters.steps) < 0.08  # as far as the rates: steps go with them, session by session
    assert fitted.level_share == pytest.approx(parameters.level_share, abs=0.12)
    assert (fitted.session_rows, fitted.hold_rows) == (parameters.session_rows, 1)
    assert np.abs(np.array(fitted.transitions) - np.array(parameters.transitions)).max() < 0.12
    alone = Bandwidth.fit(_made(replace(parameters, level_share=0.0), rows=20_000))
    assert alone.level_share == 0
    assert _apart(alone.steps, parameters.steps) < 0.03
    assert alone.step_correlation == pytest.approx(parameters.step_correlation, abs=0.02)
    assert np.abs(np.array(alone.transitions) - np.array(parameters.transitions)).max() < 0.1


def test_a_held_rate_is_found() -> None:
    assert Bandwidth.fit([_made(PARAMETERS["fcc"], seed=seed, rows=320) for seed in range(20)]).hold_rows == 5


@settings(max_examples=15, deadline=None)
@given(share=st.floats(0.35, 0.95), off=st.floats(600.0, 7200.0))
def test_availability_gives_its_chain_back(share: float, off: float) -> None:
    chain = Availability.on_off(tick_s=300.0, share_on=share, mean_off_s=off)
    assert stationary(chain.transitions)[1] == pytest.approx(share)
    table = _made(chain, rows=60_000)
    fitted = Availability.fit(table)
    assert (fitted.tick_s, fitted.counts) == (300.0, (0, 1))
    assert np.allclose(fitted.transitions, chain.transitions, atol=0.06)
    numbers = table.column("available").to_numpy()
    changes = table.filter(pa.array(np.concatenate([[True], np.diff(numbers) != 0])))
    if np.diff(changes.column("time_s").to_numpy()).min() == 300:
        assert np.allclose(Availability.fit(changes).transitions, fitted.transitions, atol=0.01)


def test_an_outage_shorter_than_a_tick_is_refused() -> None:
    for share, off in ((0.9, 100.0), (0.2, 600.0), (1.0, 900.0)):
        with pytest.raises(TraceError, match=r"last a tick|share_on is within"):
            Availability.on_off(tick_s=300.0, share_on=share, mean_off_s=off)


@pytest.mark.parametrize(
    ("family", "columns", "message"),
    [
        (
            "llm_requests",
            {"arrival_s": np.zeros(200), "input_tokens": np.ones(200), "output_tokens": np.ones(200)},
            "all rows have one time",
        ),
        (
            "llm_requests",
            {"arrival_s": np.arange(200.0), "input_tokens": np.zeros(200), "output_tokens": np.zeros(200)},
            "only 0 requests got an answer",
        ),
        (
            "rates",
            {"time_s": 30.0 * np.arange(200), "length_s": np.full(200, 30.0), "value": np.ones(200)},
            "not all 60 s",
        ),
        ("availability", {"time_s": np.arange(200.0), "available": np.arange(200)}, "200 different numbers"),
        ("invocations", {"arrival_s": np.arange(200) / 10, "duration_s": np.ones(200)}, "two minutes or more"),
    ],
)
def test_what_cannot_be_fitted_is_refused_with_the_reason(family: Any, columns: dict[str, Any], message: str) -> None:
    extra: dict[str, Any] = {
        "llm_requests": {"failed": columns.get("input_tokens", np.ones(1)) == 0},
        "rates": {"series": ["a"] * 200},
        "invocations": {"function": ["a"] * 200},
    }.get(family, {})
    table = pa.Table.from_batches([batch(family, {**columns, **extra}, 200)])
    with pytest.raises(TraceError, match=message):
        (BurstyRequests.fit(table) if family == "llm_requests" else fit(family, table))
