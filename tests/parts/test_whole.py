"""Files are written whole or not at all."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from simtier.errors import ResultError
from simtier.whole import write_whole


def test_a_file_is_written_with_its_folder_and_everybody_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "some" / "folder" / "file.bin"
    write_whole(path, b"one")
    write_whole(path, b"two\r\n\x00")
    assert path.read_bytes() == b"two\r\n\x00"
    assert path.stat().st_mode & 0o777 == 0o644
    assert [each.name for each in path.parent.iterdir()] == ["file.bin"]


def test_a_file_that_cannot_be_written_is_told_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ResultError, match=r"^cannot write .*below: File exists; go elsewhere$"):
        write_whole(tmp_path / "file" / "below", b"", "go elsewhere")


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_what_ends_the_writing_leaves_the_old_file_and_nothing_beside_it(
    error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    write_whole(path, b"old")

    def fail(_: int) -> None:
        raise error

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises((ResultError, KeyboardInterrupt)):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_two_threads_that_write_one_file_do_not_meet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are held between their writing and their renaming; with one temporary name for both, the second finds none to rename."""
    path, both, failed = tmp_path / "file", threading.Barrier(2, timeout=10), []
    monkeypatch.setattr(os, "fsync", lambda _: both.wait())

    def write(content: bytes) -> None:
        try:
            write_whole(path, content)
        except ResultError as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(content * 100,)) for content in (b"a", b"b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert path.read_bytes() in {b"a" * 100, b"b" * 100}
    assert [each.name for each in tmp_path.iterdir()] == ["file"]
