"""Archives and gzipped files: links are passed over, sizes are bounded, damage is told apart from absence."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import pytest

from simtier.errors import TraceError
from simtier.traces import find, read, stored

ROWS = b"0.0\t1.0\n1.0\t2.0\n" * 400


def _entry(name: str, kind: bytes = tarfile.REGTYPE, size: int = 0) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.size, entry.linkname = kind, size, "/etc/hostname"
    return entry


def _archive(path: Path, entries: list[tuple[tarfile.TarInfo, bytes]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        for entry, data in entries:
            archive.addfile(entry, io.BytesIO(data))
    return path


def test_links_devices_and_folders_in_an_archive_are_no_members(tmp_path: Path) -> None:
    kinds = [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE]
    entries = [(_entry(f"traces_oboe/oboe_trace_{i}.txt", kind), b"") for i, kind in enumerate(kinds)]
    entries.append((_entry("traces_oboe/oboe_trace_9.txt", size=len(ROWS)), ROWS))
    path = _archive(tmp_path / "oboe/traces_oboe.tar.gz", entries)
    assert stored.members(path) == ["traces_oboe/oboe_trace_9.txt"]
    with pytest.raises(TraceError, match=r"has no member 'traces_oboe/oboe_trace_0\.txt'"):
        stored.read_bytes(path, "traces_oboe/oboe_trace_0.txt")


def test_a_truncated_gzip_is_named_as_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "code.csv.gz"
    path.write_bytes(gzip.compress(bytes(range(256)) * 40)[:-20])
    with pytest.raises(TraceError) as error:
        read(find(f"azure-llm-2023:{path}", []))
    assert str(error.value).startswith(f"{path}: cut short or damaged (")
    assert str(error.value).endswith("); copy or download it again")


@pytest.mark.parametrize("kept", [0.2, 0.6, 0.95])
def test_a_truncated_archive_is_refused_while_it_is_searched(tmp_path: Path, kept: float) -> None:
    entries = [(_entry(f"cooked_3gp/norway_bus_{i}", size=5000), bytes(range(250)) * 20) for i in range(50)]
    path = _archive(tmp_path / "norway-hsdpa/cooked_3gp.tar.gz", entries)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(TraceError, match="cut short or damaged"):
        find("norway-hsdpa/bus-1", [tmp_path])


def test_a_file_that_is_not_gzip_despite_its_name_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt.gz"
    path.write_bytes(ROWS)
    with pytest.raises(TraceError, match=r"cut short or damaged \(Not a gzipped file"):
        read(find(f"oboe:{path}", []))


def test_more_than_the_limit_is_refused_packed_plain_or_in_an_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "MEMBER_LIMIT", len(ROWS) - 1)
    plain, packed = tmp_path / "a.txt", tmp_path / "a.txt.gz"
    plain.write_bytes(ROWS)
    packed.write_bytes(gzip.compress(ROWS))
    archive = _archive(tmp_path / "a.tar.gz", [(_entry("m", size=len(ROWS)), ROWS)])
    for path, name in ((plain, "it"), (packed, "a.txt"), (archive, "m")):
        with pytest.raises(TraceError) as error:
            read(find(f"oboe:{path}", []))
        assert str(error.value) == f"{path}: {name} holds more than {len(ROWS) - 1} bytes, which simtier refuses"


def test_an_archive_that_unpacks_to_more_than_the_limit_is_refused_before_it_fills_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _archive(tmp_path / "a.tar.gz", [(_entry("m", size=10**6), bytes(10**6))])
    monkeypatch.setattr(stored, "ARCHIVE_LIMIT", 10**5)
    with pytest.raises(TraceError, match="holds more than 100000 bytes once unpacked"):
        stored.members(path)


def test_a_file_that_vanished_is_named(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match=r"none\.txt: cannot be read \(No such file or directory\)"):
        stored.read_bytes(tmp_path / "none.txt", None)
