"""Generated traces with the file formats and the published statistics of public ones, so that nothing needs a download.

They stand in for the real data in examples and tests; they are not the data. Each generator takes its numbers from a
generator passed in and documents its model and what it does not reproduce. Targets are pooled over many traces, so a
single one strays. Numbers are rounded before they are written, hence the last bit of a machine's exp() does not show
in the files.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from simtier.errors import TraceError
from simtier.traces import two_column
from simtier.traces.manifest import MANIFEST

TICKS_PER_SECOND = 10_000_000

_START = date(2000, 1, 1)  # a day on which none of the public traces was taken

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]


@dataclass(frozen=True)
class Bandwidth:
    """A bandwidth trace in the units of its file: stamps in seconds, rates in Mbit/s, arrays of one length."""

    seconds: Floats
    mbit_per_s: Floats


@dataclass(frozen=True)
class Requests:
    """Requests in order: arrivals in 100-ns ticks (whole microseconds, as in the data), tokens in and out."""

    arrival_ticks: Whole
    input_tokens: Whole
    output_tokens: Whole


def hsdpa_like(rng: Generator, duration_s: float = 300.0) -> Bandwidth:
    """Return a trace like Norway HSDPA: a log-normal level for the ride, log-rate AR(1) around it, log-normal steps.

    Pooled targets: 1.67 Mbit/s mean, 0.50 / 1.44 / 3.84 at p5 / p50 / p95, within 0.149 and 8.03; steps 1.28 s on
    average; lag-1 correlation of the log-rate 0.79 inside a ride. Not reproduced: position, and dips that belong to
    places (tunnels).
    """
    steps = np.clip(rng.lognormal(math.log(1.04), 0.65, size=math.ceil(3 * duration_s)), 0.16, 14.35)
    seconds = np.concatenate([[0.0], np.cumsum(np.round(steps, 2))])
    seconds = np.round(seconds[seconds < duration_s], 2)
    level = rng.normal(math.log(1.42), 0.42)
    log_rate = level + _ar1(rng, len(seconds), sd=0.43, memory=0.82)
    return Bandwidth(seconds, np.round(np.clip(np.exp(log_rate), 0.149, 8.03), 6))


def fcc_like(rng: Generator, duration_s: float = 320.0) -> Bandwidth:
    """Return a trace like Pensieve's FCC files: one-second rows, a new rate every 5 s, slow and fast lines.

    18 % of the lines are fast (around 3.0 Mbit/s), the others lie around 0.92; log-rate AR(1) from one 5-s
    measurement to the next. Pooled targets: 1.32 Mbit/s mean, 0.46 / 1.00 / 3.60 at p5 / p50 / p95, within 0.012 and
    3.924. Not reproduced: silence.
    """
    seconds: Floats = np.arange(math.ceil(duration_s), dtype=np.float64)
    fast = rng.random() < 0.18
    level = rng.normal(math.log(3.0), 0.1) if fast else rng.normal(math.log(0.92), 0.25)
    log_rate = level + _ar1(rng, math.ceil(len(seconds) / 5), sd=0.34, memory=0.4)
    held: Floats = np.repeat(np.clip(np.exp(log_rate), 0.012, 3.924), 5)[: len(seconds)]
    return Bandwidth(seconds, np.round(held, 3))


def oboe_like(rng: Generator, rows: int = 49) -> Bandwidth:
    """Return a trace like Oboe's: 49 gamma-distributed steps, a uniform level per session, log-rate AR(1) around it.

    Pooled targets: 2.84 Mbit/s mean, 0.59 / 2.75 / 5.46 at p5 / p50 / p95, within 0.111 and 13.16; steps 3.67 s on
    average, the first stamp is not 0; lag-1 correlation of the log-rate 0.67. Not reproduced: sudden, lasting changes
    of the level.
    """
    steps = np.clip(rng.gamma(3.8, 3.67 / 3.8, size=rows), 0.169, 27.571)
    level = math.log(rng.uniform(0.45, 4.9))
    rate = np.exp(level + _ar1(rng, rows, sd=0.26, memory=0.75))
    seconds = np.cumsum(np.round(steps, 3)).round(3)
    return Bandwidth(seconds, np.round(np.clip(rate, 0.111, 13.16), 6))


def code_like(rng: Generator, duration_s: float = 600.0) -> Requests:
    """Return requests like Azure's `code` hour: bursts of requests with silences of 5 s and more between them.

    A burst has a log-normal number of requests (median 113, mean 152) at log-normal gaps (mean 0.111 s, CV 2.2); a
    silence is 5 s plus an exponential (43.2 s on average). Targets over hours: 2.57 requests/s, gap CV 13; input
    2,048 on average, 1,469 median, at most 7,437 (log-normal, cut there); output 27.9 on average, 13 median, 6 to
    1,899 (5 + log-normal). Not reproduced: the many inputs below 300 tokens, gaps under a millisecond, the full
    variance of counts in a minute.
    """
    arrivals: list[Floats] = []
    now = 0.0
    while now < duration_s:
        size = max(1, round(rng.lognormal(math.log(113), 0.77)))
        gaps = _lognormal(rng, mean=0.111, cv=2.2, size=size)
        gaps[0] = 0.0
        arrivals.append(now + np.cumsum(gaps))
        now = float(arrivals[-1][-1]) + 5.0 + rng.exponential(38.2)
    stamps = np.concatenate(arrivals)
    stamps = stamps[stamps < duration_s]
    given = np.clip(rng.lognormal(math.log(1469), 0.9, size=len(stamps)), 3, 7437)
    made = np.clip(5 + rng.lognormal(math.log(8.2), 1.45, size=len(stamps)), 6, 1899)
    return _requests(stamps, given, made)


def conv_like(rng: Generator, duration_s: float = 600.0) -> Requests:
    """Return requests like Azure's `conv` hour: Poisson arrivals whose log-rate wanders slowly, log-normal lengths.

    The rate is held for 10 s and has a log-sd of 0.3 and a memory of a minute. Targets over hours: 5.53 requests/s,
    gap CV 1.09, variance to mean of counts in a minute about 20; input 1,155 on average, 1,020 median, at most
    14,050; output 211 on average, 129 median, 7 to 1,000. Not reproduced: the two humps of the output, the spikes of
    common prompts in the input.
    """
    hold = 10.0
    blocks = math.ceil(duration_s / hold)
    rates = 5.53 * np.exp(_ar1(rng, blocks, sd=0.3, memory=math.exp(-hold / 60)) - 0.3**2 / 2)
    counts = rng.poisson(rates * hold)
    stamps = np.sort(hold * (np.repeat(np.arange(blocks), counts) + rng.random(int(counts.sum()))))
    stamps = stamps[stamps < duration_s]
    given = np.clip(rng.lognormal(math.log(980), 0.6, size=len(stamps)), 2, 14050)
    made = np.clip(rng.lognormal(math.log(145), 0.87, size=len(stamps)), 7, 1000)
    return _requests(stamps, given, made)


def _ar1(rng: Generator, count: int, *, sd: float, memory: float) -> Floats:
    """Return `count` values of a stationary AR(1) of mean 0, standard deviation `sd` and lag-1 correlation `memory`."""
    noise = rng.normal(0.0, sd, size=count)
    values = np.empty(count)
    values[0] = noise[0]
    for i in range(1, count):
        values[i] = memory * values[i - 1] + math.sqrt(1 - memory**2) * noise[i]
    return values


def _lognormal(rng: Generator, *, mean: float, cv: float, size: int) -> Floats:
    """Return log-normal numbers of the given mean and coefficient of variation (not of mu and sigma)."""
    variance = math.log(1 + cv**2)
    return rng.lognormal(math.log(mean) - variance / 2, math.sqrt(variance), size=size)


def _requests(seconds: Floats, given: Floats, made: Floats) -> Requests:
    microseconds = np.floor(seconds * 1e6).astype(np.int64)
    ticks = microseconds * (TICKS_PER_SECOND // 1_000_000)
    return Requests(ticks, np.rint(given).astype(np.int64), np.rint(made).astype(np.int64))


def write_azure_llm(
    arrival_ticks: Iterable[int], input_tokens: Iterable[int], output_tokens: Iterable[int], start: date
) -> bytes:
    """Return a file's bytes in the official format (CRLF, 7 digits); arrivals: 100-ns ticks since midnight on `start`.

    Reading gives back the same arrivals, less the first one. Ticks and tokens must not be negative.
    """
    lines = ["TIMESTAMP,ContextTokens,GeneratedTokens"]
    for tick, given, made in zip(arrival_ticks, input_tokens, output_tokens, strict=True):
        seconds, fraction = divmod(int(tick), TICKS_PER_SECOND)
        clock = datetime.combine(start, time()) + timedelta(seconds=seconds)
        lines.append(f"{clock:%Y-%m-%d %H:%M:%S}.{fraction:07d},{given},{made}")
    return ("\r\n".join(lines) + "\r\n").encode()


def write_samples(directory: Path, make_rng: Callable[[str], Generator]) -> list[Path]:
    """Write the shipped look-alikes, and the list of their hashes, under `directory`; return the paths of the traces.

    `make_rng` gives the generator for a name such as "traces/norway-hsdpa/bus-1" (`Streams(seed).stream`). The list
    lets a reader tell a look-alike from the published data, whatever its name. Raises TraceError instead of writing
    over a file that is not on it.
    """
    manifest = directory / MANIFEST
    ours = manifest.read_text(encoding="utf-8") if manifest.is_file() else ""
    files = {directory / name: data for name, data in _samples(make_rng).items()}
    for path in files:
        if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() not in ours:
            raise TraceError(
                f"{path}: not a generated file, so it is not written over; move it or choose another directory"
            )
    for path, data in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    lines = [
        f"{hashlib.sha256(data).hexdigest()}  {path.relative_to(directory).as_posix()}\n"
        for path, data in files.items()
    ]
    manifest.write_text("".join(lines), encoding="utf-8")
    return list(files)


def _samples(make_rng: Callable[[str], Generator]) -> dict[str, bytes]:
    """Return the shipped files, path relative to the directory -> bytes."""
    files = {}
    for dataset, items, generate, separator in _BANDWIDTH:
        for item in items:
            trace = generate(make_rng(f"traces/{dataset}/{item}"))
            files[f"{dataset}/{item}.txt"] = two_column.write(trace.seconds, trace.mbit_per_s, separator)
    for item, requests_like in (("code", code_like), ("conv", conv_like)):
        made = requests_like(make_rng(f"traces/azure-llm-2023/{item}"))
        data = write_azure_llm(made.arrival_ticks, made.input_tokens, made.output_tokens, _START)
        files[f"azure-llm-2023/{item}.csv"] = data
    return files


_BANDWIDTH = (
    ("norway-hsdpa", ("bus-1", "bus-2", "car-2", "ferry-2", "metro-2", "train-1", "tram-10"), hsdpa_like, "\t"),
    ("fcc", ("sample-1", "sample-2"), fcc_like, "\t"),
    ("oboe", ("trace-1",), oboe_like, " "),
)
