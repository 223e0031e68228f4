"""Paths that are none: a sentence with the path and the way out, never what the system raises."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from simtier.errors import TraceError
from simtier.traces.paths import bare, check_directory, check_new, check_output, expanded, is_dir, is_file, quoted

LONG = "a" * 5000
CUT = f"{'a' * 60!r}... (5000 characters)"


def test_a_home_that_is_there_is_put_in_and_one_that_is_not_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert expanded(Path("~/traces")) == Path("/home/me/traces")
    assert expanded(Path("a~b")) == Path("a~b")
    with pytest.raises(TraceError) as error:
        expanded(Path("~nosuchuser/traces"))
    assert str(error.value) == "'~nosuchuser/traces': there is no home folder of '~nosuchuser': write the whole path"


@pytest.mark.parametrize("ask", [is_file, is_dir, check_new, check_output, check_directory])
def test_a_name_that_is_too_long_is_told_and_cut(ask: Callable[[Path], object]) -> None:
    with pytest.raises(TraceError) as error:
        ask(Path(LONG))
    assert str(error.value) == f"{CUT}: cannot be looked for (File name too long): name one that can be there"


def test_names_are_shown_whole_until_they_can_be_none() -> None:
    for length in (1, 255):
        assert quoted("a" * length) == repr("a" * length)
        assert bare(Path("a" * length)) == "a" * length
    assert quoted(LONG) == bare(Path(LONG)) == CUT
    assert bare(Path("a\0b")) == r"'a\x00b'"


def test_an_output_needs_a_directory_and_a_name(tmp_path: Path) -> None:
    check_output(tmp_path / "a.png")
    (tmp_path / "a.png").touch()
    check_output(tmp_path / "a.png")
    for path, why in (
        (tmp_path / "none" / "a.png", f"there is no directory '{tmp_path}/none': make it, or name another file"),
        (tmp_path / "a.png" / "b", f"there is no directory '{tmp_path}/a.png': make it, or name another file"),
        (tmp_path, "is a directory: name a file in it"),
        (tmp_path / "a\0b", "no file can be called so: name another"),
    ):
        with pytest.raises(TraceError) as error:
            check_output(path)
        assert str(error.value) == f"{bare(path)}: {why}"


def test_what_is_new_may_lie_in_directories_still_to_be_made_but_not_below_a_file(tmp_path: Path) -> None:
    check_new(tmp_path / "a" / "b" / "c.parquet")
    (tmp_path / "file").touch()
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for name in ("file", "dangling"):
        with pytest.raises(TraceError, match="exists already; remove it, or choose another name"):
            check_new(tmp_path / name)
    for path in (tmp_path / "file" / "c.parquet", tmp_path / "file" / "b" / "c.parquet"):
        with pytest.raises(TraceError) as error:
            check_new(path)
        told = f"{path.parent}: cannot be written ({tmp_path}/file is no directory): choose another directory"
        assert str(error.value) == told
    with pytest.raises(TraceError, match="no directory can be called so"):
        check_directory(tmp_path / "a\0b")
