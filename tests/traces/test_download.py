"""Downloads against a server on this machine that keeps its word, and against one that breaks it in every way known."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from http_site import DATA, SHA256, Answer, Handler, left, quick, refused, site
from hypothesis import given, settings
from hypothesis import strategies as st

from simtier.errors import TraceError
from simtier.traces.download import Downloaded

OTHER = hashlib.sha256(b"other").hexdigest()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "traces" / "file.csv"


def test_a_file_arrives_under_its_name_and_alone(target: Path) -> None:
    told: list[tuple[int, int | None]] = []
    with site(lambda handler, _: handler.send(DATA)) as server:
        got = quick(server.url, target, size=12, sha256=SHA256.upper(), progress=lambda *now: told.append(now))
        assert server.seen[0]["Accept-Encoding"] == "identity"
    assert got == Downloaded(target, 12, SHA256, 0)
    assert (target.read_bytes(), left(target), told) == (DATA, ["file.csv"], [(12, 12)])


def test_what_broke_off_goes_on_where_it_stopped(target: Path) -> None:
    with site(lambda handler, n: handler.ranged(most=5 if n == 0 else None)) as server:
        got = quick(server.url, target, sha256=SHA256)
        assert (server.seen[1]["Range"], server.seen[1]["If-Range"]) == ("bytes=5-", '"a"')
    assert (got.resumed_from, target.read_bytes(), left(target)) == (5, DATA, ["file.csv"])


def test_a_later_command_goes_on_too(target: Path) -> None:
    with site(lambda handler, n: handler.ranged(most=5 if n == 0 else None)) as server:
        with pytest.raises(TraceError, match="broke off after 5 of 12 bytes, in the last of 1 attempts"):
            quick(server.url, target, attempts=1)
        assert left(target) == ["file.csv.part", "file.csv.part.json"]
        assert quick(server.url, target, size=12).resumed_from == 5
    assert target.read_bytes() == DATA


@settings(max_examples=15, deadline=None, derandomize=True)
@given(drops=st.lists(st.integers(0, 12), max_size=4))
def test_wherever_it_breaks_off_the_file_comes_whole(
    drops: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    target = tmp_path_factory.mktemp("drops") / "file.csv"
    with site(lambda handler, n: handler.ranged(most=drops[n] if n < len(drops) else None)) as server:
        quick(server.url, target)
    assert target.read_bytes() == DATA


def test_a_server_without_ranges_or_validators_starts_anew(target: Path) -> None:
    def answer(handler: Handler, n: int) -> None:
        handler.head(Content_Length=12, ETag='W/"weak"' if n == 0 else '"strong"')
        handler.wfile.write(DATA[:5] if n < 2 else DATA)

    with site(answer) as server:
        got = quick(server.url, target, sha256=SHA256)
        assert ["Range" in headers for headers in server.seen] == [False, False, True]
    assert (got.resumed_from, target.read_bytes()) == (0, DATA)


def test_a_date_will_do_where_there_is_no_etag(target: Path) -> None:
    date = "Tue, 01 Oct 2024 00:00:00 GMT"

    def answer(handler: Handler, n: int) -> None:
        assert handler.headers.get("If-Range") == (date if n else None)
        span = {"Content_Range": "bytes 5-11/12"} if n else {}
        handler.head(206 if n else 200, Content_Length=7 if n else 12, Last_Modified=date, **span)
        handler.wfile.write(DATA[5:] if n else DATA[:5])

    with site(answer) as server:
        assert quick(server.url, target).resumed_from == 5
    assert target.read_bytes() == DATA


def test_a_file_that_changed_meanwhile_starts_anew(target: Path) -> None:
    new = b"a newer file"
    with site(lambda h, n: h.ranged(most=5) if n == 0 else h.ranged(new, etag='"b"')) as server:
        got = quick(server.url, target)
    assert (got.resumed_from, target.read_bytes()) == (0, new)


@pytest.mark.parametrize(
    ("span", "etag"),
    [("bytes 5-11/12", '"b"'), ("bytes 4-11/12", '"a"'), ("bytes 5-13/14", '"a"'), ("nonsense", '"a"'), ("", '"a"')],
)
def test_a_part_of_another_version_or_place_is_not_mixed_in(target: Path, span: str, etag: str) -> None:
    def answer(handler: Handler, n: int) -> None:
        if n == 1:
            handler.send(b"XXXXXXX", 206, Content_Range=span, ETag=etag)
        else:
            handler.ranged(most=5 if n == 0 else None)

    with site(answer) as server:
        got = quick(server.url, target)
        assert "Range" not in server.seen[2]
    assert (got.resumed_from, target.read_bytes()) == (0, DATA)


def test_a_range_the_server_does_not_have_starts_anew(target: Path) -> None:
    def answer(handler: Handler, n: int) -> None:
        if n == 1:
            handler.send(b"", 416)
        else:
            handler.ranged(most=5 if n == 0 else None)

    with site(answer) as server:
        assert quick(server.url, target).resumed_from == 0
    assert target.read_bytes() == DATA


def test_a_part_that_is_whole_needs_no_request(target: Path) -> None:
    target.parent.mkdir()
    with site(lambda handler, _: handler.send(DATA)) as server:
        about = {"url": server.url, "validator": '"a"', "total": 12}
        target.with_name("file.csv.part").write_bytes(DATA)
        target.with_name("file.csv.part.json").write_text(json.dumps(about))
        assert quick(server.url, target, sha256=SHA256) == Downloaded(target, 12, SHA256, 12)
        assert server.seen == []
    assert left(target) == ["file.csv"]


@pytest.mark.parametrize(
    "about",
    [
        "{",
        "[]",
        "{}",
        '{"url": "URL", "validator": null, "total": 12}',
        '{"url": "URL", "validator": "\\"a\\"\\r\\nX: y", "total": 12}',
        '{"url": "URL", "validator": "\\"a\\"", "total": "12"}',
        "[" * 200_000,
        '{"url": "URL", "validator": "\\"a\\"", "total": 2}',
        '{"url": "http://127.0.0.1/another", "validator": "\\"a\\"", "total": 12}',
    ],
)
def test_a_part_of_something_else_is_written_over(target: Path, about: str) -> None:
    target.parent.mkdir()
    target.with_name("file.csv.part").write_bytes(b"XXX")
    with site(lambda handler, _: handler.ranged()) as server:
        target.with_name("file.csv.part.json").write_text(about.replace("URL", server.url))
        assert quick(server.url, target).resumed_from == 0
        assert "Range" not in server.seen[0]
    assert target.read_bytes() == DATA


def test_a_connection_that_always_breaks_is_given_up_with_growing_waits(target: Path) -> None:
    waits: list[float] = []
    said = refused(lambda handler, _: handler.ranged(most=0), target, attempts=8, wait=waits.append)
    assert said == "URL: broke off after 0 of 12 bytes, in the last of 8 attempts: try again later"
    assert waits == [1, 2, 4, 8, 16, 30, 30]


def test_an_announced_length_that_never_comes_is_an_error(target: Path) -> None:
    def answer(handler: Handler, _: int) -> None:
        handler.head(Content_Length=20)
        handler.wfile.write(DATA)

    said = refused(answer, target, attempts=2)
    assert said == "URL: broke off after 12 of 20 bytes, in the last of 2 attempts: try again later"


def _short_announcement(handler: Handler, _: int) -> None:
    handler.head(Content_Length=8)
    handler.wfile.write(DATA)


def test_more_than_the_announced_length_is_an_error(target: Path) -> None:
    said = refused(_short_announcement, target)
    assert said == "URL: sends more than the 8 bytes announced: stopped and removed; get it by hand"
    assert left(target) == []


def test_an_announced_length_other_than_the_known_size_is_an_error(target: Path) -> None:
    said = refused(_short_announcement, target, size=12)
    assert said == "URL: the server announces 8 bytes, but 12 are known: the file was changed; get it by hand"
    assert left(target) == []


def _unannounced(data: bytes) -> Answer:
    def answer(handler: Handler, _: int) -> None:
        handler.head()
        handler.wfile.write(data)

    return answer


def test_an_unannounced_length_is_held_against_the_known_size(target: Path) -> None:
    said = refused(_unannounced(DATA), target, size=13)
    assert said == (
        "URL: 12 bytes came, but 13 are known: the file was changed, and what came is removed; get it by hand"
    )
    said = refused(_unannounced(DATA), target, size=11)
    assert said == "URL: sends more than the 11 bytes known: stopped and removed; get it by hand"
    assert left(target) == []


def test_an_unannounced_length_is_taken_as_it_comes(target: Path) -> None:
    told: list[tuple[int, int | None]] = []
    with site(_unannounced(DATA)) as server:
        quick(server.url, target, progress=lambda *now: told.append(now))
    assert (target.read_bytes(), told[-1]) == (DATA, (12, None))


def test_a_chunked_body_that_breaks_off_is_tried_again(target: Path) -> None:
    def answer(handler: Handler, n: int) -> None:
        handler.protocol_version = "HTTP/1.1"
        handler.head(Transfer_Encoding="chunked", Connection="close")
        handler.wfile.write(b"c\r\n" + (DATA + b"\r\n0\r\n\r\n" if n else DATA[:5]))

    with site(answer) as server:
        assert quick(server.url, target, attempts=2).size == 12
        assert len(server.seen) == 2


def test_a_whole_body_on_a_connection_left_open_is_taken(target: Path) -> None:
    def answer(handler: Handler, _: int) -> None:
        handler.send(DATA)
        handler.server.over.wait(5)

    with site(answer) as server:
        assert quick(server.url, target, timeout_s=0.05).size == 12


def test_wrong_content_is_removed_and_both_hashes_are_named(target: Path) -> None:
    said = refused(lambda handler, _: handler.ranged(), target, size=12, sha256=OTHER)
    assert said == (
        f"URL: what came has sha256 {SHA256}, but {OTHER} is known: the file was changed or damaged, and what came is "
        "removed; try once more, or get it by hand"
    )
    assert left(target) == []


URL = "http://127.0.0.1:9/file.csv"
WAY_OUT = "move it away or delete it to download it again"


def test_a_file_that_is_there_and_right_is_not_downloaded(target: Path) -> None:
    target.parent.mkdir()
    target.write_bytes(DATA)
    assert quick(URL, target, sha256=SHA256) == quick(URL, target, size=12) == Downloaded(target, 12, SHA256, 12)


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ({}, "is there, and neither its size nor its sha256 is known to check it by"),
        ({"size": 13}, "is there with 12 bytes, but 13 are known"),
        ({"size": 12, "sha256": OTHER}, f"is there with sha256 {SHA256}, but {OTHER} is known"),
    ],
)
def test_a_file_that_is_there_and_wrong_is_kept_and_told(target: Path, known: dict[str, Any], said: str) -> None:
    target.parent.mkdir()
    target.write_bytes(DATA)
    with pytest.raises(TraceError) as caught:
        quick(URL, target, **known)
    assert str(caught.value) == f"{target}: {said}: {WAY_OUT}"
    assert target.read_bytes() == DATA


def test_a_folder_of_the_files_name_is_told(tmp_path: Path) -> None:
    with pytest.raises(TraceError) as caught:
        quick(URL, tmp_path)
    assert str(caught.value) == f"{tmp_path}: is there but cannot be read (Is a directory): {WAY_OUT}"


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "taken").write_bytes(b"")
    target = tmp_path / "taken" / "file.csv"
    with pytest.raises(TraceError) as caught:
        quick(URL, target)
    assert str(caught.value) == f"{target}: cannot be written (File exists): make room or name another folder"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a disk that is always full")
def test_a_full_disk_is_told(target: Path) -> None:
    target.parent.mkdir()
    target.with_name("file.csv.part").symlink_to("/dev/full")
    said = refused(lambda handler, _: handler.send(DATA), target)
    assert said == f"{target}: cannot be written (No space left on device): make room or name another folder"
