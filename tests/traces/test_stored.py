"""Archives and gzipped files: links are passed over, sizes are bounded, damage is told apart from absence."""

from __future__ import annotations

import bz2
import gc
import gzip
import hashlib
import io
import lzma
import tarfile
import zipfile
from pathlib import Path

import numpy as np
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
    assert stored.members(path) == ("traces_oboe/oboe_trace_9.txt",)
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


PACKERS = {".gz": gzip.compress, ".xz": lzma.compress, ".bz2": bz2.compress}
ZEROS = bytes(10**6)


def _zip(path: Path, name: str, data: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(name, data)
    return path


@pytest.mark.parametrize("suffix", PACKERS)
def test_compressed_files_are_read_in_place_and_hash_as_the_plain_one(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.txt{suffix}"
    path.write_bytes(PACKERS[suffix](ROWS))
    assert stored.members(path) == (None,)
    assert stored.read_bytes(path, None) == ROWS
    assert stored.sha256(path, None) == hashlib.sha256(ROWS).hexdigest()


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz", "w:bz2"])
def test_tar_archives_of_each_compression_are_read_in_place(tmp_path: Path, mode: str) -> None:
    path = tmp_path / f"a.tar{'.' if ':' in mode else ''}{mode.partition(':')[2]}"
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name in ("one", "two"):
            archive.addfile(_entry(name, size=len(ROWS)), io.BytesIO(ROWS))
    assert stored.members(path) == ("one", "two")
    assert stored.read_bytes(path, "two") == ROWS


def test_zip_archives_are_read_in_place_and_folders_are_no_members(tmp_path: Path) -> None:
    path = _zip(tmp_path / "a.zip", "in/one.txt", ROWS)
    with zipfile.ZipFile(path, "a") as packed:
        packed.mkdir("empty")
    assert stored.members(path) == ("in/one.txt",)
    assert stored.read_bytes(path, "in/one.txt") == ROWS
    with pytest.raises(TraceError, match="has no member 'two'"):
        stored.read_bytes(path, "two")


def _drain(path: Path, member: str | None) -> None:
    with stored.opened(path, member) as stream:
        while stream.read(4096):
            pass


def test_names_that_lead_outside_are_only_names(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    archive = _archive(folder / "a.tar.gz", [(_entry("../out", size=4), b"1 2\n"), (_entry("/out", size=4), b"1 2\n")])
    packed = _zip(folder / "a.zip", "../out", b"1 2\n")
    assert stored.read_bytes(archive, "../out") == stored.read_bytes(archive, "/out") == b"1 2\n"
    assert stored.read_bytes(packed, "../out") == b"1 2\n"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.tar.gz", "a.zip", "in"]


@pytest.mark.parametrize("suffix", [*PACKERS, ".tar.gz", ".zip"])
def test_what_unpacks_to_many_times_its_size_is_refused_while_it_unpacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    monkeypatch.setattr(stored, "FREE_BYTES", 10**5)
    path = tmp_path / f"bomb{suffix}"
    if suffix == ".zip":
        _zip(path, "m", ZEROS)
    elif suffix == ".tar.gz":
        _archive(path, [(_entry("m", size=len(ZEROS)), ZEROS)])
    else:
        path.write_bytes(PACKERS[suffix](ZEROS))
    member = "m" if suffix in (".tar.gz", ".zip") else None
    with pytest.raises(TraceError) as error:
        _drain(path, member)
    assert str(error.value).startswith(f"{path}: unpacks to more than ")
    assert str(error.value).endswith("which simtier refuses: unpack it yourself if you trust it")


def test_a_small_file_may_unpack_to_much_and_a_plain_one_is_never_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed, plain = tmp_path / "a.gz", tmp_path / "a"
    packed.write_bytes(gzip.compress(ZEROS))
    plain.write_bytes(ZEROS)
    assert stored.sha256(packed, None) == stored.sha256(plain, None)
    monkeypatch.setattr(stored, "FREE_BYTES", 10)
    assert stored.sha256(plain, None) == hashlib.sha256(ZEROS).hexdigest()
    with pytest.raises(TraceError, match="holds more than 10 bytes"):
        stored.read_bytes(plain, None)


def test_an_encrypted_member_and_a_rar_are_refused_with_the_way_out(tmp_path: Path) -> None:
    path = _zip(tmp_path / "a.zip", "m", ROWS)
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1  # the flag of the central directory
    path.write_bytes(data)
    with pytest.raises(TraceError, match="member 'm' is encrypted; unpack it yourself"):
        stored.read_bytes(path, "m")
    rar = tmp_path / "a.rar"
    rar.write_bytes(b"Rar!")
    with pytest.raises(TraceError, match="unpack it with unrar and name the file in it"):
        stored.read_bytes(rar, None)


@pytest.mark.parametrize("suffix", PACKERS)
@pytest.mark.parametrize("damage", ["cut", "changed"])
def test_damaged_files_are_named_as_such(tmp_path: Path, suffix: str, damage: str) -> None:
    data = bytearray(PACKERS[suffix](bytes(range(256)) * 400))
    path = tmp_path / f"a.txt{suffix}"
    if damage == "changed":
        data[len(data) // 2] ^= 0xFF
    path.write_bytes(data[: len(data) * 2 // 3] if damage == "cut" else data)
    with pytest.raises(TraceError, match=r"cut short or damaged|cannot be read"):
        stored.read_bytes(path, None)


def test_a_stream_given_up_leaves_no_open_file(tmp_path: Path) -> None:
    path = _archive(tmp_path / "a.tar.gz", [(_entry("m", size=len(ROWS)), ROWS)])
    with stored.opened(path, "m") as stream:
        stream.read(10)
    gc.collect()  # an open file would be a ResourceWarning, which is an error


def test_a_file_that_vanished_is_named(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match=r"none\.txt: cannot be read \(No such file or directory\)"):
        stored.read_bytes(tmp_path / "none.txt", None)


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_an_archive_with_a_broken_entry_is_damaged_not_shorter(tmp_path: Path, mode: str) -> None:
    plain = tmp_path / "plain.tar"
    with tarfile.open(plain, "w") as archive:
        for name in ("one", "two", "three"):
            archive.addfile(_entry(name, size=600), io.BytesIO(bytes(600)))
    data = bytearray(plain.read_bytes())
    data[data.index(b"two") + 2] ^= 1  # its checksum is wrong now, which tarfile takes for the end of the archive
    path = tmp_path / ("a.tar" if mode == "w" else "a.tar.gz")
    path.write_bytes(data if mode == "w" else gzip.compress(data))
    with pytest.raises(TraceError, match=r"cut short or damaged \(a broken entry\)"):
        stored.members(path)


def test_an_archive_that_ends_within_an_entry_s_head_is_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        for name in ("one", "two"):
            archive.addfile(_entry(name, size=512), io.BytesIO(bytes(512)))
    path.write_bytes(path.read_bytes()[:1300])
    with pytest.raises(TraceError, match=r"cut short or damaged \(an entry is incomplete\)"):
        stored.members(path)


def _patched(path: Path, offset: int, value: bytes) -> Path:
    """Change a zip's entry in the central directory."""
    data = bytearray(path.read_bytes())
    place = data.index(b"PK\x01\x02") + offset
    data[place : place + len(value)] = value
    path.write_bytes(data)
    return path


def test_a_zip_packed_in_an_unknown_way_is_refused_with_the_way_out(tmp_path: Path) -> None:
    method = _patched(_zip(tmp_path / "a.zip", "m", ROWS), 10, b"\x09\x00")  # deflate64
    with pytest.raises(TraceError, match=r"packed in a way that cannot be read in place \(.+\); unpack it yourself"):
        stored.read_bytes(method, "m")
    later = _patched(_zip(tmp_path / "b.zip", "m", ROWS), 6, b"\xff\x00")  # a version to come
    with pytest.raises(TraceError, match="packed in a way that cannot be read in place"):
        stored.members(later)


def test_a_zip_whose_names_are_no_text_is_damaged(tmp_path: Path) -> None:
    path = _zip(tmp_path / "a.zip", "\u00e9", ROWS)
    with pytest.raises(TraceError, match=r"cut short or damaged \(a name in it is no text\)"):
        stored.members(_patched(path, 46, b"\xff"))


def test_a_zip_that_lies_about_its_packed_size_is_bounded_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "FREE_BYTES", 10**5)
    path = _patched(_zip(tmp_path / "a.zip", "m", ZEROS), 20, (10**8).to_bytes(4, "little"))
    with pytest.raises(TraceError, match="unpacks to more than"):
        _drain(path, "m")


def test_a_zip_whose_bytes_do_not_add_up_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("m", ROWS)
    data = bytearray(path.read_bytes())
    data[data.index(ROWS) + 5] ^= 1
    path.write_bytes(data)
    with pytest.raises(TraceError, match="cut short or damaged"):
        stored.read_bytes(path, "m")


def _packed_in_every_way(folder: Path) -> dict[str, bytes]:
    data = b"".join(b"%d,%d\n" % (k, k * 7919 % 1000) for k in range(2000))
    packed = {f"a{suffix}": pack(data) for suffix, pack in PACKERS.items()}
    packed["a.zip"] = _zip(folder / "a.zip", "m", data).read_bytes()
    packed["a.tar.gz"] = _archive(folder / "a.tar.gz", [(_entry("m", size=len(data)), data)]).read_bytes()
    return packed


@pytest.mark.parametrize("name", ["a.gz", "a.xz", "a.bz2", "a.zip", "a.tar.gz"])
def test_whatever_is_damaged_is_told_or_harmless(tmp_path: Path, name: str) -> None:
    good = _packed_in_every_way(tmp_path)[name]
    path = tmp_path / name
    path.write_bytes(good)
    (member,) = stored.members(path)
    content = stored.read_bytes(path, member)
    random = np.random.default_rng(7)
    told = 0
    for number in range(150):
        data = bytearray(good)
        place = int(random.integers(len(data)))
        data[place] ^= 1 << int(random.integers(8))
        path = tmp_path / f"{number}-{name}"
        path.write_bytes(data[:place] if number % 5 == 0 else data)
        try:
            for inside in stored.members(path):
                assert stored.read_bytes(path, inside) == content
        except TraceError:
            told += 1
    assert told > 100  # the others are bits that say nothing of the content, as when it was packed
