"""What a server may answer, and what it is told: redirects, refusals, encodings, silence, and addresses that are none."""

from __future__ import annotations

import socket
from collections.abc import Callable
from email.message import Message
from pathlib import Path
from urllib.error import HTTPError

import pytest
from http_site import DATA, SHA256, Answer, Handler, left, quick, refused, site

from simtier.errors import TraceError
from simtier.traces import http_get


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "traces" / "file.csv"


def _moved(place: Callable[[int], str]) -> Answer:
    def answer(handler: Handler, n: int) -> None:
        if handler.path == "/there":
            handler.send(DATA)
        else:
            handler.send(b"", 302, Location=place(n))

    return answer


def test_redirects_are_followed(target: Path) -> None:
    with site(_moved(lambda n: "/there" if n == 2 else f"/{n}")) as server:
        assert quick(server.url, target).sha256 == SHA256
        assert len(server.seen) == 4


@pytest.mark.parametrize("place", ["file:///etc/hostname", "ftp://127.0.0.1/file.csv"])
def test_redirects_to_anything_but_http_are_refused(target: Path, place: str) -> None:
    said = refused(_moved(lambda _: place), target)
    assert said == f"URL: redirects to {place}, no address of http or https: only these are downloaded"


def test_redirects_without_end_are_refused(target: Path) -> None:
    assert refused(_moved(lambda _: "/file.csv"), target) == "URL: redirects more than 10 times: check the address"


@pytest.mark.parametrize(("code", "reason"), [(403, "Forbidden"), (404, "Not Found"), (302, "Found")])
def test_a_refusal_is_told_with_its_status_and_not_tried_again(target: Path, code: int, reason: str) -> None:
    said = refused(lambda handler, _: handler.send(b"no", code), target, wait=pytest.fail)
    assert said == f"URL: the server answered {code} {reason}: check the address, or get the file by hand"


def test_a_success_without_a_file_is_told_too(target: Path) -> None:
    said = refused(lambda handler, _: handler.head(204), target)
    assert said == "URL: the server answered 204 No Content, no file: check the address"


def test_a_faltering_server_is_asked_again_and_given_up(target: Path) -> None:
    said = refused(lambda handler, _: handler.send(b"", 500), target, attempts=3)
    assert said == "URL: the server answered 500 Internal Server Error, in the last of 3 attempts: try again later"
    with site(lambda handler, n: handler.send(DATA) if n else handler.send(b"", 503)) as server:
        assert quick(server.url, target).size == 12


def test_an_encoding_nobody_asked_for_is_refused(target: Path) -> None:
    said = refused(lambda handler, _: handler.send(DATA, Content_Encoding="gzip"), target)
    assert said == "URL: comes with Content-Encoding 'gzip' though identity was asked for: get it by hand"


def test_a_server_that_never_ends_is_stopped(target: Path) -> None:
    def answer(handler: Handler, _: int) -> None:
        handler.head()
        for _ in range(2000):  # 8 MB stand for endless: a client that does not stop must not fill the disk
            handler.wfile.write(bytes(4096))

    said = refused(answer, target, limit_bytes=100_000)
    assert said == "URL: sends more than the 100000 bytes allowed: stopped and removed; get it by hand"
    assert left(target) == []


def test_more_than_is_allowed_is_refused_before_it_comes(target: Path) -> None:
    said = refused(lambda handler, _: handler.head(Content_Length=10**12), target, limit_bytes=100)
    assert said == "URL: the server announces 1000000000000 bytes, more than the 100 allowed; get it by hand"


def test_a_silent_server_is_given_up(target: Path) -> None:
    def before(handler: Handler, _: int) -> None:
        handler.server.over.wait(5)

    def midway(handler: Handler, _: int) -> None:
        handler.head(Content_Length=12)
        handler.wfile.write(DATA[:5])
        handler.server.over.wait(5)

    for answer in (before, midway):
        said = refused(answer, target, timeout_s=0.05, attempts=2)
        assert said == "URL: no byte came for 0.05 s, in the last of 2 attempts: try again later"


def test_a_download_that_takes_too_long_stops_and_can_go_on(target: Path) -> None:
    ticks = iter([0.0, 11.0])
    said = refused(lambda handler, _: handler.ranged(most=5), target, total_s=10.0, clock=lambda: next(ticks))
    assert said == "URL: not whole in the time allowed, 5 bytes came: start again to go on"
    assert target.with_name("file.csv.part").read_bytes() == DATA[:5]


def test_nobody_listening_is_told(target: Path) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound, but nobody listens
        url = f"http://127.0.0.1:{held.getsockname()[1]}/file.csv"
        with pytest.raises(TraceError) as caught:
            quick(url, target, attempts=2)
    said = "no connection (Connection refused), in the last of 2 attempts: try again later"
    assert str(caught.value) == f"{url}: {said}"


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://example.org/a", "data:,hello", "notes.csv", ""])
def test_only_http_is_downloaded(target: Path, url: str) -> None:
    with pytest.raises(TraceError) as caught:
        quick(url, target)
    assert str(caught.value) == f"{url}: no address of http or https: only these are downloaded"


@pytest.mark.parametrize("url", ["http:///a", "https://example.org/a b", "https://me:word@example.org/", "http://a:x/"])
def test_an_address_that_is_none_is_refused(target: Path, url: str) -> None:
    with pytest.raises(TraceError, match=r"no address: write https://host/path"):
        quick(url, target)


def _answering(monkeypatch: pytest.MonkeyPatch, moved: dict[str, str]) -> list[str]:
    """Let addresses redirect without a network; return the list to which those asked for are added."""
    asked: list[str] = []

    def opened(_url: str, address: str, _headers: object, _timeout_s: float) -> str:
        asked.append(address)
        if address not in moved:
            return f"body of {address}"
        head = Message()
        head["Location"] = moved[address]
        raise HTTPError(address, 302, "Found", head, None)

    monkeypatch.setattr(http_get, "_opened", opened)
    return asked


@pytest.mark.parametrize("place", ["http://example.org/b", "HTTP://example.org/b"])
@pytest.mark.parametrize("start", ["https://example.org/a", "HTTPS://example.org/a", "http://example.org/a"])
def test_a_redirect_from_https_down_to_http_is_refused_unasked(
    monkeypatch: pytest.MonkeyPatch, start: str, place: str
) -> None:
    asked = _answering(monkeypatch, {start: "https://example.org/safe", "https://example.org/safe": place})
    with pytest.raises(TraceError) as caught:
        http_get.answer(start, {}, 1.0)
    assert str(caught.value) == (
        f"{start}: redirects from https to {place}, where anybody on the way could change the file: "
        "look for another address, or give that one yourself if you trust it"
    )
    assert asked == [start, "https://example.org/safe"]


def test_other_redirects_between_the_two_are_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    _answering(
        monkeypatch, {"http://a.org/": "http://b.org/", "http://b.org/": "https://c.org/", "https://c.org/": "/d"}
    )
    assert http_get.answer("http://a.org/", {}, 1.0) == "body of https://c.org/d"


@pytest.mark.parametrize("place", ["http://[", f"ftp://{'a' * 5000}"])
def test_a_redirect_to_nonsense_is_told_and_cut(target: Path, place: str) -> None:
    said = refused(_moved(lambda _: place), target)
    assert said.startswith("URL: redirects to ")
    assert len(said) < 200
