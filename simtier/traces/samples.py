"""The look-alikes that the checkout ships: files in the official formats, so that every example runs without a download.

They come from the generators of `simtier.traces.synthesis` and go through the same readers as the published files. A manifest lists the
hashes of their unpacked bytes, by which a reader tells a look-alike from the data, whatever its name.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.random import Generator as Rng

from simtier.errors import TraceError
from simtier.traces import official_formats as formats
from simtier.traces.manifest import MANIFEST
from simtier.traces.part import writing
from simtier.traces.paths import check_directory
from simtier.traces.synthesis import GENERATORS
from simtier.traces.synthesis.published.azure_functions import AZURE_FUNCTIONS_2019
from simtier.traces.synthesis.published.huawei_functions import R2_FUNCTIONS, R2_POOLS, R2_RUNTIMES

MakeRng = Callable[[str], Rng]

RIDES = ("bus-1", "bus-2", "car-2", "ferry-2", "metro-2", "train-1", "tram-10")
HOUR_S = {"code": 3436.0, "conv": 3502.0}
"""How long the two services of Azure LLM 2023 were traced."""
FUNCTIONS, MINUTES = 40, 150
REGIONS, REGION_MINUTES = ("R1", "R2", "R3", "R4", "R5"), 2 * 1440
"""Counts of cold starts by region, two days."""
CALL_MINUTES = 240
"""Calls by function, four hours."""


def write_samples(directory: Path, make_rng: MakeRng) -> list[Path]:
    """Write the shipped look-alikes, and the list of their hashes, under `directory`; return the paths of the traces.

    `make_rng` gives the generator for a name such as "traces/norway-hsdpa/bus-1/..." (`Streams(seed).stream`). Raises TraceError
    instead of writing over a file that is not on the list.
    """
    check_directory(directory)
    manifest = directory / MANIFEST
    ours = manifest.read_text(encoding="utf-8", errors="replace") if manifest.is_file() else ""
    files = {directory / name: data for name, data in _samples(make_rng).items()}
    for path in files:
        if path.exists() and not _is_one_of(ours, path):
            raise TraceError(
                f"{path}: not a generated file, so it is not written over; move it or choose another directory"
            )
    for path, data in files.items():
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    lines = [
        f"{_sha256(_unpacked(path, data))}  {path.relative_to(directory).as_posix()}\n" for path, data in files.items()
    ]
    with writing(manifest):
        manifest.write_text("".join(lines), encoding="utf-8")
    return list(files)


def _is_one_of(ours: str, path: Path) -> bool:
    """Tell whether a file is on the list."""
    try:
        return _sha256(_unpacked(path, path.read_bytes())) in ours
    except (OSError, EOFError, zlib.error):
        return False


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _unpacked(path: Path, data: bytes) -> bytes:
    return gzip.decompress(data) if path.suffix == ".gz" else data


def _samples(make_rng: MakeRng) -> dict[str, bytes]:
    """Return the shipped files, path relative to the directory -> bytes."""
    files: dict[str, bytes] = {}
    for item in RIDES:
        files[f"norway-hsdpa/{item}.txt"] = _link("norway-hsdpa", item, make_rng, duration_s=300.0)
    for number in (1, 2):
        files[f"fcc/sample-{number}.txt"] = _link("fcc", f"sample-{number}", make_rng, duration_s=320.0)
    files["oboe/trace-1.txt"] = _link("oboe", "trace-1", make_rng, rows=49, separator=" ")
    for item, length_s in HOUR_S.items():
        name = f"azure-llm-2023/{item}"
        table = _generated(name, name, make_rng, duration_s=length_s)
        files[f"{name}.csv.gz"] = gzip.compress(formats.azure_llm(table), mtime=0)
    table = _generated("azure-functions-2021/sample", "azure-functions-2021/head-200", make_rng, rows=199)
    files["azure-functions-2021/Azure2021_200.csv"] = formats.azure_functions_2021(table)
    files |= _daily_tables(make_rng)
    files |= _regions(make_rng)
    table = _generated("burstgpt/1-first400", "burstgpt/1-first400", make_rng, rows=400)
    files["burstgpt/BurstGPT_1_first400.csv"] = formats.burstgpt(table)
    table = _generated("mooncake/conversation", "mooncake/conversation", make_rng, rows=400)
    files["mooncake/conversation_trace.jsonl.gz"] = gzip.compress(formats.mooncake(table), mtime=0)
    return files


def _rng_of(name: str, make_rng: MakeRng) -> Callable[[str], Rng]:
    return lambda purpose: make_rng(f"traces/{name}/{purpose}")


def _generated(
    generator: str, name: str, make_rng: MakeRng, *, rows: int | None = None, duration_s: float | None = None
) -> formats.Table:
    parameters = GENERATORS[generator].parameters
    return parameters.generate(_rng_of(name, make_rng), rows=rows, duration_s=duration_s).read_all()


def _link(
    dataset: str,
    item: str,
    make_rng: MakeRng,
    *,
    rows: int | None = None,
    duration_s: float | None = None,
    separator: str = "\t",
) -> bytes:
    table = _generated(dataset, f"{dataset}/{item}", make_rng, rows=rows, duration_s=duration_s)
    return formats.two_columns(table, separator)


def _daily_tables(make_rng: MakeRng) -> dict[str, bytes]:
    """Return the three tables of some functions and some minutes of a day of Azure Functions 2019."""
    name, few = "azure-functions-2019/invitro-extremes", replace(AZURE_FUNCTIONS_2019, functions=FUNCTIONS)
    counts = few.generate(_rng_of(f"{name}/counts", make_rng), duration_s=MINUTES * 60.0).read_all()
    functions = few.functions_table(_rng_of(f"{name}/functions", make_rng))
    folder = "azure-functions-2019/invitro_extremes"
    return {f"{folder}/{file}": data for file, data in formats.azure_functions_2019(counts, functions, MINUTES).items()}


def _regions(make_rng: MakeRng) -> dict[str, bytes]:
    """Return counts of cold starts of five regions, and calls of some functions of R2 with the table that tells what they are."""
    item = "huawei-2025/{}-cold-starts-per-minute"
    counts = {
        region: _generated(item.format(region), item.format(region), make_rng, duration_s=REGION_MINUTES * 60.0)
        for region in REGIONS
    }
    name = "huawei-2025/R2-requests-day-00"
    # The calls and the table are of the same functions only if both are drawn from the begin of the same streams.
    unused = _rng_of(name, make_rng)
    calls = R2_FUNCTIONS.generate(lambda purpose: deepcopy(unused(purpose)), duration_s=CALL_MINUTES * 60.0).read_all()
    triggers = R2_FUNCTIONS.functions_table(lambda purpose: deepcopy(unused(purpose)))["trigger"].to_pylist()
    rng = make_rng(f"traces/{name}/names")
    runtimes = _drawn(R2_RUNTIMES, len(triggers), rng)
    pools = _drawn(R2_POOLS, len(triggers), rng)
    names = {f"function-{i}": f"{i}---{rng.integers(1, 500)}---{pool}" for i, pool in enumerate(pools)}
    told = ("TIMER-A" if trigger == "timer" else trigger for trigger in triggers)
    return {
        "huawei-2025/cold_starts_per_minute_R1-R5.csv.gz": gzip.compress(formats.huawei_counts(counts), mtime=0),
        "huawei-2025/quantiles/R2/requests/day_00.csv": formats.huawei_requests(calls, names, CALL_MINUTES),
        "huawei-2025/runtime_triggerType/df_funcID_runtime_triggerType.csv": formats.huawei_functions(
            zip(names.values(), runtimes, told, strict=True)
        ),
    }


def _drawn(weights: Mapping[str, int], number: int, rng: Rng) -> list[str]:
    """Return `number` names drawn by their weights."""
    shares = np.array(list(weights.values())) / sum(weights.values())
    return [list(weights)[i] for i in rng.choice(len(weights), number, p=shares)]
