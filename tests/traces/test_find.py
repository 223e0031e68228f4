"""Finding a trace by name: the order of directories, the layouts of files, and what a wrong name is told."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from pathlib import Path

import pytest

from simtier.errors import TraceError
from simtier.traces import available, find, find_all, read, search_directories
from simtier.traces.convert import write
from simtier.traces.tables import batch

ROWS = b"0.0\t1.0\n1.0\t2.0\n"
CSV = b"TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03.9799600,10,2\n"


def _put(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def _archive(path: Path, members: dict[str, bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return path


def test_the_first_directory_that_has_a_trace_gives_it(tmp_path: Path) -> None:
    for folder in ("empty", "first", "second"):
        _put(tmp_path / folder / "norway-hsdpa" / ("bus-1.txt" if folder != "empty" else "car-2.txt"), ROWS)
    found = find("norway-hsdpa/bus-1", [tmp_path / folder for folder in ("absent", "empty", "first", "second")])
    assert (found.directory, found.path) == (tmp_path / "first", tmp_path / "first/norway-hsdpa/bus-1.txt")
    assert (found.name, found.dataset, found.member) == ("norway-hsdpa/bus-1", "norway-hsdpa", None)


@pytest.mark.parametrize(
    ("name", "archive", "member"),
    [
        ("norway-hsdpa/bus-1", "bandwidth/norway-hsdpa-3g/cooked_3gp.tar.gz", "cooked_3gp/norway_bus_1"),
        ("norway-hsdpa/bus-13-part0", "norway-hsdpa/cooked_3gp.tar.gz", "traces_3gp/norway_bus_13_part0.log"),
        ("oboe/trace-7", "bandwidth/oboe/traces_oboe.tar.gz", "traces_oboe/oboe_trace_7.txt"),
        ("fcc/trace-1-http---a.com", "bandwidth/fcc/fcc_ori.tar.gz", "fcc_ori/cooked_traces/trace_1_http---a.com"),
        (
            "fcc/trace-1-http---a.com-0-0",
            "fcc/pensieve_val_FCC_val_Norway.tar.gz",
            "data/abr/val_FCC/test_fcc_trace_1_http---a.com_0_0",
        ),
    ],
)
def test_members_of_the_official_archives_are_read_in_place(
    tmp_path: Path, name: str, archive: str, member: str
) -> None:
    path = _archive(tmp_path / archive, {"README.md": b"hello", member: ROWS})
    found = find(name, [tmp_path])
    assert (found.path, found.member) == (path, member)
    assert read(found).rows_read == 2
    assert list(available([tmp_path])) == [name]


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("norway-hsdpa/bus-1", "bandwidth/norway-hsdpa-3g/cooked_3gp/norway_bus_1"),
        ("oboe/trace-7", "oboe/traces_oboe/oboe_trace_7.txt"),
        ("fcc/trace-1-a", "bandwidth/fcc/fcc_ori/test_traces/trace_1_a.log"),
        ("fcc/sample-1", "fcc/sample-1.txt"),
        ("azure-llm-2023/code", "azure-llm-2023/AzureLLMInferenceTrace_code.csv"),
        ("azure-llm-2023/conv", "azure-llm-2023/conv.csv"),
    ],
)
def test_unpacked_and_shipped_files_are_found_too(tmp_path: Path, name: str, file: str) -> None:
    path = _put(tmp_path / file, CSV if file.endswith("csv") else ROWS)
    assert find(name, [tmp_path]).path == path


def test_norway_logs_among_the_fcc_files_are_no_fcc_items(tmp_path: Path) -> None:
    bus = "fcc_ori/cooked_traces/bus.ljansbakken-oslo-report.2010-09-28_1407CEST.log"
    _archive(tmp_path / "fcc/fcc_ori.tar.gz", {bus: ROWS, "fcc_ori/test_traces_backup/trace_1": ROWS})
    assert available([tmp_path]) == {}


def test_a_published_file_comes_before_a_shipped_one_in_the_same_directory(tmp_path: Path) -> None:
    _put(tmp_path / "azure-llm-2023/code.csv", CSV)
    published = _put(tmp_path / "azure-llm-2023/AzureLLMInferenceTrace_code.csv.gz", gzip.compress(CSV))
    assert find("azure-llm-2023/code", [tmp_path]).path == published


def test_a_gzipped_copy_has_the_hash_of_the_plain_file(tmp_path: Path) -> None:
    plain = _put(tmp_path / "mine.csv", CSV)
    packed = _put(tmp_path / "mine.csv.gz", gzip.compress(CSV))
    traces = [read(find(f"azure-llm-2023:{path}", [])) for path in (plain, packed)]
    assert traces[0].sha256 == traces[1].sha256
    assert [trace.found.label for trace in traces] == [str(plain), str(packed)]


def test_directories_are_searched_in_the_documented_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("traces", "given", "a", "b"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SIMTIER_TRACES", os.pathsep.join(["a", "", "b", "given"]))
    ordered = search_directories([Path("given")])
    assert ordered[:4] == (Path("given"), Path("a"), Path("b"), Path("traces"))
    assert [path.is_dir() for path in ordered[4:]] in ([], [True])  # the checkout's own traces/, where there is one
    monkeypatch.delenv("SIMTIER_TRACES")
    assert search_directories()[0] == Path("traces")
    with pytest.raises(TraceError, match="'typo' is no directory to look for traces in"):
        search_directories([Path("typo")])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "bus-1",
            "'bus-1' is no trace name: write dataset/item, as in 'norway-hsdpa/bus-1', or dataset:path for a file",
        ),
        ("norwya-hsdpa/bus-1", "trace 'norwya-hsdpa/bus-1': no dataset 'norwya-hsdpa' (did you mean 'norway-hsdpa'?)"),
        (
            "norway-hsdpa/bus_1",
            (
                "no trace 'norway-hsdpa/bus_1' in {here} (did you mean 'bus-1'?): looked for norway-hsdpa or "
                "bandwidth/norway-hsdpa-3g with cooked_3gp.tar.gz, *_3gp/norway_*, *.txt; name the directory with "
                "--traces or SIMTIER_TRACES (traces/SOURCES.md says where the official files are)"
            ),
        ),
        ("oboe:{here}/none.txt", "trace 'oboe:{here}/none.txt': there is no file '{here}/none.txt'"),
        ("oboe:{here}/two.tar.gz", "trace 'oboe:{here}/two.tar.gz': an archive of 2 files; name one file"),
    ],
)
def test_a_wrong_name_is_answered_with_the_way_out(tmp_path: Path, name: str, message: str) -> None:
    _put(tmp_path / "norway-hsdpa/bus-1.txt", ROWS)
    _archive(tmp_path / "two.tar.gz", {"a": ROWS, "b": ROWS})
    with pytest.raises(TraceError) as error:
        find(name.format(here=tmp_path), [tmp_path])
    assert str(error.value) == message.format(here=tmp_path)


def test_of_many_items_a_few_are_listed_when_none_is_close(tmp_path: Path) -> None:
    for i in range(20):
        _put(tmp_path / f"oboe/trace-{i:02d}.txt", ROWS)
    with pytest.raises(TraceError, match=r"\(known: trace-00, trace-01, trace-02 and 17 more\)"):
        find("oboe/zebra", [tmp_path])


def test_a_name_cannot_leave_the_directory(tmp_path: Path) -> None:
    _put(tmp_path / "secret.txt", ROWS)
    with pytest.raises(TraceError, match="no trace"):
        find("norway-hsdpa/../../secret", [tmp_path / "traces"])


def test_a_star_stands_for_all_of_a_dataset_that_match_in_natural_order(tmp_path: Path) -> None:
    for number in (10, 2, 1):
        _put(tmp_path / "a" / "norway-hsdpa" / f"walk-{number}.txt", ROWS)
    _put(tmp_path / "b" / "norway-hsdpa" / "walk-3.txt", ROWS)
    _put(tmp_path / "b" / "norway-hsdpa" / "walk-2.txt", ROWS)
    found = find_all("norway-hsdpa/walk-*", [tmp_path / "a", tmp_path / "b"])
    assert [each.name.rpartition("-")[2] for each in found] == ["1", "2", "3", "10"]
    assert [each.directory.name for each in found] == ["a", "a", "b", "a"]
    assert [each.name for each in find_all("norway-hsdpa/walk-2", [tmp_path / "a"])] == ["norway-hsdpa/walk-2"]
    with pytest.raises(TraceError, match="no trace 'norway-hsdpa/run-\\*'"):
        find_all("norway-hsdpa/run-*", [tmp_path / "a"])


def test_a_star_finds_members_of_archives_and_files_beside_them_but_nothing_of_another_dataset(tmp_path: Path) -> None:
    _archive(tmp_path / "oboe/traces_oboe.tar.gz", {f"traces_oboe/oboe_trace_{k}.txt": ROWS for k in (11, 2)})
    _put(tmp_path / "oboe/trace-3.txt", ROWS)
    _put(tmp_path / "norway-hsdpa/trace-4.txt", ROWS)
    assert [each.name for each in find_all("oboe/*", [tmp_path])] == ["oboe/trace-2", "oboe/trace-3", "oboe/trace-11"]
    assert [each.name for each in find_all("oboe/t*-?", [tmp_path])] == ["oboe/trace-2", "oboe/trace-3"]


def test_a_star_leaves_out_tables_of_functions_unless_nothing_else_matches(tmp_path: Path) -> None:
    nothing: dict[str, object] = {"dropped": {}, "notes": []}
    counts = batch("rates", {"time_s": [0.0], "length_s": [60.0], "series": ["f"], "value": [2.0]}, 1)
    functions = batch("functions", {"function": ["f"]}, 1)
    write(tmp_path / "own/day-1.parquet", "rates", [counts], lambda: nothing)
    write(tmp_path / "own/day-1-functions.parquet", "functions", [functions], lambda: nothing)
    assert [each.name for each in find_all("own/day-*", [tmp_path])] == ["own/day-1"]
    assert [each.name for each in find_all("own/*-functions", [tmp_path])] == ["own/day-1-functions"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("norwya-hsdpa/*", "trace 'norwya-hsdpa/*': no dataset 'norwya-hsdpa' (did you mean 'norway-hsdpa'?)"),
        ("oboe:./*.txt", "trace 'oboe:./*.txt': there is no file '*.txt'"),
        ("*", "'*' is no trace name: write dataset/item"),
    ],
)
def test_a_star_where_none_can_stand_is_answered_as_a_wrong_name_is(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(TraceError) as error:
        find_all(name, [tmp_path])
    assert str(error.value).startswith(message)


def test_a_directory_of_the_environment_that_is_not_there_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, file = tmp_path / "there", _put(tmp_path / "file", b"")
    there.mkdir()
    for wrong in (tmp_path / "typo", file):
        monkeypatch.setenv("SIMTIER_TRACES", os.pathsep.join([str(there), str(wrong)]))
        with pytest.raises(TraceError) as error:
            search_directories([there])
        assert str(error.value) == f"SIMTIER_TRACES names '{wrong}', which is no directory: correct it, or unset it"
    monkeypatch.setenv("SIMTIER_TRACES", "~nosuchuser/traces")
    with pytest.raises(TraceError, match=r"^SIMTIER_TRACES: '~nosuchuser/traces': there is no home folder"):
        search_directories()
    for empty in ("", os.pathsep, str(there)):
        monkeypatch.setenv("SIMTIER_TRACES", empty)
        search_directories()


def test_a_home_is_searched_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _put(tmp_path / "mine/norway-hsdpa/bus-1.txt", ROWS)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SIMTIER_TRACES", "~/mine")
    assert find("norway-hsdpa/bus-1", search_directories()).directory == tmp_path / "mine"
    assert search_directories([Path("~/mine")])[0] == tmp_path / "mine"


@pytest.mark.parametrize("name", ["a" * 5000, f"{'a' * 5000}/b", f"oboe/{'a' * 5000}", f"oboe:{'a' * 5000}"])
def test_a_name_of_thousands_of_characters_is_cut(tmp_path: Path, name: str) -> None:
    with pytest.raises(TraceError, match=r"a{50,60}'\.\.\. \(500\d characters\)") as error:
        find(name, [tmp_path])
    assert len(str(error.value)) < 700
