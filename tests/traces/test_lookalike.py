"""Look-alikes against the published statistics they stand in for; the shipped files against their generator."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from simtier.errors import TraceError
from simtier.streams import Streams
from simtier.traces import available, lookalike, read, write_samples

SHIPPED = Path(__file__).parents[2] / "traces"


def _near(value: float, published: float, tolerance: float) -> bool:
    return abs(value / published - 1) <= tolerance


@pytest.mark.parametrize(
    ("generate", "count", "mean", "p5", "p50", "p95", "least", "most", "step", "memory"),
    [
        (lookalike.hsdpa_like, 400, 1.67, 0.50, 1.44, 3.84, 0.149, 8.034, 1.28, 0.79),
        (lookalike.fcc_like, 400, 1.32, 0.46, 1.00, 3.60, 0.012, 3.924, 1.0, 0.85),
        (lookalike.oboe_like, 800, 2.84, 0.59, 2.75, 5.46, 0.111, 13.161, 3.67, 0.67),
    ],
)
def test_pooled_bandwidth_has_the_published_rates_and_steps(
    *,
    generate: Callable[[np.random.Generator], lookalike.Bandwidth],
    count: int,
    mean: float,
    p5: float,
    p50: float,
    p95: float,
    least: float,
    most: float,
    step: float,
    memory: float,
) -> None:
    rng = np.random.default_rng(20)
    traces = [generate(rng) for _ in range(count)]
    rates = np.concatenate([trace.mbit_per_s for trace in traces])
    assert _near(rates.mean(), mean, 0.06)
    assert all(
        _near(got, want, 0.16) for got, want in zip(np.percentile(rates, [5, 50, 95]), (p5, p50, p95), strict=True)
    )
    assert least <= rates.min() <= rates.max() <= most
    assert _near(np.concatenate([np.diff(trace.seconds) for trace in traces]).mean(), step, 0.03)
    logs = [np.log(trace.mbit_per_s) for trace in traces if trace.mbit_per_s.std() > 0]
    assert abs(np.mean([np.corrcoef(log[:-1], log[1:])[0, 1] for log in logs]) - memory) <= 0.04


@pytest.mark.parametrize(
    ("generate", "rate", "cv", "mean_in", "median_in", "max_in", "mean_out", "median_out", "range_out"),
    [
        (lookalike.code_like, 2.5667, 13.15, 2047.8, 1469, 7437, 27.88, 13, (6, 1899)),
        (lookalike.conv_like, 5.5304, 1.094, 1154.7, 1020, 14050, 211.1, 129, (7, 1000)),
    ],
)
def test_requests_have_the_published_rate_burstiness_and_lengths(
    *,
    generate: Callable[..., lookalike.Requests],
    rate: float,
    cv: float,
    mean_in: float,
    median_in: float,
    max_in: float,
    mean_out: float,
    median_out: float,
    range_out: tuple[int, int],
) -> None:
    made = generate(np.random.default_rng(21), duration_s=40_000.0)
    gaps = np.diff(made.arrival_ticks) / lookalike.TICKS_PER_SECOND
    assert gaps.min() >= 0
    assert _near(len(made.arrival_ticks) / 40_000, rate, 0.10)
    assert _near(gaps.std() / gaps.mean(), cv, 0.15)
    assert _near(made.input_tokens.mean(), mean_in, 0.05)
    assert _near(float(np.median(made.input_tokens)), median_in, 0.05)
    assert made.input_tokens.max() <= max_in
    assert _near(made.output_tokens.mean(), mean_out, 0.06)
    assert _near(float(np.median(made.output_tokens)), median_out, 0.15)
    assert range_out[0] <= made.output_tokens.min() <= made.output_tokens.max() <= range_out[1]


def test_code_is_silent_between_bursts_and_conv_is_nearly_poisson() -> None:
    rng = np.random.default_rng(22)
    code, conv = (generate(rng, 36_000.0) for generate in (lookalike.code_like, lookalike.conv_like))
    silences = (np.diff(code.arrival_ticks) > 20 * lookalike.TICKS_PER_SECOND).sum()
    assert 0.75 * 340 <= silences <= 1.35 * 340  # the published hour has 34
    assert np.diff(conv.arrival_ticks).max() < 6 * lookalike.TICKS_PER_SECOND
    per_minute = np.bincount(conv.arrival_ticks // (60 * lookalike.TICKS_PER_SECOND))
    assert 15 <= per_minute.var() / per_minute.mean() <= 32  # published: 20.6


def test_samples_depend_on_the_seed_and_each_on_its_own_stream_only(tmp_path: Path) -> None:
    one, again, other = (
        {path.name: path.read_bytes() for path in write_samples(tmp_path / name, Streams(seed).stream)}
        for name, seed in (("one", 1), ("again", 1), ("other", 2))
    )
    assert one == again
    assert all(one[name] != other[name] for name in one)
    alone = lookalike.hsdpa_like(Streams(1).stream("traces/norway-hsdpa/car-2"))
    assert one["car-2.txt"].startswith(f"0.0\t{float(alone.mbit_per_s[0])!r}\n".encode())


def test_the_shipped_files_are_what_seed_1_generates_byte_for_byte(tmp_path: Path) -> None:
    written = write_samples(tmp_path, Streams(1).stream)
    for path in [*written, tmp_path / lookalike.MANIFEST]:
        assert path.read_bytes() == (SHIPPED / path.relative_to(tmp_path)).read_bytes(), path.name


def test_the_hashes_in_sources_and_manifest_are_those_of_the_shipped_files() -> None:
    actual = {
        path.relative_to(SHIPPED).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in SHIPPED.glob("*/*")
    }
    for listing in ("SOURCES.md", lookalike.MANIFEST):
        pairs = re.findall(r"^([0-9a-f]{64})  (\S+)$", (SHIPPED / listing).read_text(encoding="utf-8"), re.MULTILINE)
        listed = {name: digest for digest, name in pairs}
        assert {name: actual.get(name) for name in listed} == listed
        assert len(listed) == 12


def test_the_shipped_files_are_small_readable_and_called_generated() -> None:
    listed = (SHIPPED / lookalike.MANIFEST).read_text(encoding="utf-8").split()[1::2]
    assert sum((SHIPPED / name).stat().st_size for name in listed) < 450_000
    traces = [read(found) for found in available([SHIPPED]).values() if found.member is None]
    generated = [trace for trace in traces if trace.notes[:1] == ("a generated look-alike, not the published data",)]
    assert len(generated) >= 12
    assert {trace.family for trace in generated} == {"bandwidth", "llm_requests"}


def test_a_file_that_was_not_generated_is_not_written_over(tmp_path: Path) -> None:
    write_samples(tmp_path, Streams(1).stream)
    write_samples(tmp_path, Streams(2).stream)
    theirs = tmp_path / "norway-hsdpa/bus-1.txt"
    theirs.write_text("0 1\n")
    with pytest.raises(TraceError, match=r"bus-1\.txt: not a generated file, so it is not written over"):
        write_samples(tmp_path, Streams(1).stream)
    assert theirs.read_text() == "0 1\n"
