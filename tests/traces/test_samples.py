"""The shipped look-alikes: what seed 1 generates, in the official formats, and called generated."""

from __future__ import annotations

import gzip
import hashlib
import re
from pathlib import Path

import numpy as np
import pytest

from simtier.errors import TraceError
from simtier.streams import Streams
from simtier.traces import Trace, available, find, read
from simtier.traces.manifest import MANIFEST
from simtier.traces.samples import FUNCTIONS, MINUTES, write_samples

SHIPPED = Path(__file__).parents[2] / "traces"


def _unpacked(path: Path) -> bytes:
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix == ".gz" else data


def _shipped(name: str) -> Trace:
    return read(find(name, [SHIPPED]))


def test_samples_depend_on_the_seed_only(tmp_path: Path) -> None:
    one, again, other = (
        {
            str(path.relative_to(tmp_path / name)): path.read_bytes()
            for path in write_samples(tmp_path / name, Streams(seed).stream)
        }
        for name, seed in (("one", 1), ("again", 1), ("other", 2))
    )
    assert one == again
    assert all(one[name] != other[name] for name in one)


def test_the_shipped_files_are_what_seed_1_generates(tmp_path: Path) -> None:
    written = write_samples(tmp_path, Streams(1).stream)
    for path in [*written, tmp_path / MANIFEST]:
        assert _unpacked(path) == _unpacked(SHIPPED / path.relative_to(tmp_path)), path.name
    shipped = {path for path in SHIPPED.rglob("*") if path.is_file() and path.parent != SHIPPED}
    assert {path.relative_to(SHIPPED) for path in shipped} == {path.relative_to(tmp_path) for path in written}


def test_the_hashes_in_sources_and_manifest_are_those_of_the_unpacked_files() -> None:
    for listing in ("SOURCES.md", MANIFEST):
        pairs = re.findall(r"^([0-9a-f]{64})  (\S+)$", (SHIPPED / listing).read_text(encoding="utf-8"), re.MULTILINE)
        assert {name: digest for digest, name in pairs} == {
            name: hashlib.sha256(_unpacked(SHIPPED / name)).hexdigest() for _, name in pairs
        }
        assert len(pairs) == len([path for path in SHIPPED.rglob("*") if path.is_file()]) - 3


def test_the_shipped_files_are_small_readable_and_called_generated() -> None:
    assert sum(path.stat().st_size for path in SHIPPED.rglob("*") if path.is_file()) < 600_000
    traces = [read(found) for found in available([SHIPPED]).values() if found.member is None]
    assert all(trace.notes[0] == "a generated look-alike, not the published data" for trace in traces)
    assert {trace.family for trace in traces} == {"bandwidth", "llm_requests", "invocations", "rates", "functions"}


def test_the_hours_of_azure_have_about_the_published_rate_and_lengths() -> None:
    for item, rate, given, made in (("code", 2.5667, 2047.8, 27.88), ("conv", 5.5304, 1154.7, 211.1)):
        table = _shipped(f"azure-llm-2023/{item}").table
        seconds = table["arrival_s"].to_numpy()
        assert len(seconds) / seconds[-1] == pytest.approx(rate, rel=0.25)
        assert table["input_tokens"].to_numpy().mean() == pytest.approx(given, rel=0.05)
        assert table["output_tokens"].to_numpy().mean() == pytest.approx(made, rel=0.1)
        assert seconds[-1] > 3300


def test_the_daily_tables_belong_together() -> None:
    counts = _shipped("azure-functions-2019/invitro-extremes")
    functions = find("azure-functions-2019/invitro-extremes", [SHIPPED]).functions()
    assert functions.num_rows == FUNCTIONS
    assert set(counts.table["series"].to_pylist()) <= set(functions["function"].to_pylist())
    assert counts.table["time_s"].to_numpy().max() <= 60.0 * (MINUTES - 1)
    quantiles = np.array([functions[f"duration_p{p}_s"].to_numpy() for p in (0, 1, 25, 50, 75, 99, 100)])
    assert (np.diff(quantiles, axis=0) >= 0).all()


def test_the_invocations_of_2021_are_in_order_of_their_start() -> None:
    trace = _shipped("azure-functions-2021/head-200")
    assert trace.table.num_rows == 199
    assert not any("lay before" in note for note in trace.notes)


def test_the_conversations_share_prefixes_and_their_blocks_cover_the_prompts() -> None:
    trace = _shipped("mooncake/conversation")
    assert trace.notes == ("a generated look-alike, not the published data",)  # no row whose blocks are too few or many
    blocks = trace.table["blocks"].to_pylist()
    assert len({ids[0] for ids in blocks}) == 1
    assert sum(len(ids) for ids in blocks) > 1.1 * len({each for ids in blocks for each in ids})


def test_a_file_that_was_not_generated_is_not_written_over(tmp_path: Path) -> None:
    write_samples(tmp_path, Streams(1).stream)
    write_samples(tmp_path, Streams(2).stream)
    theirs = tmp_path / "norway-hsdpa/bus-1.txt"
    theirs.write_text("0 1\n", encoding="utf-8")
    with pytest.raises(TraceError, match=r"bus-1\.txt: not a generated file, so it is not written over"):
        write_samples(tmp_path, Streams(1).stream)
    assert theirs.read_text(encoding="utf-8") == "0 1\n"


@pytest.mark.parametrize("theirs", [b"", b"no gzip", b"\x1f\x8b\x08\x00cut"])
def test_a_packed_file_that_was_not_generated_is_not_written_over_either(tmp_path: Path, theirs: bytes) -> None:
    path = tmp_path / "azure-llm-2023/code.csv.gz"
    path.parent.mkdir()
    path.write_bytes(theirs)
    (tmp_path / MANIFEST).write_bytes(b"\xff\xfe")
    with pytest.raises(TraceError, match=r"code\.csv\.gz: not a generated file, so it is not written over"):
        write_samples(tmp_path, Streams(1).stream)
    assert path.read_bytes() == theirs


def test_a_place_that_is_no_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TraceError, match="file is no directory"):
        write_samples(tmp_path / "file" / "below", Streams(1).stream)
    (tmp_path / "fcc").touch()
    with pytest.raises(TraceError, match="cannot be written"):
        write_samples(tmp_path, Streams(1).stream)
