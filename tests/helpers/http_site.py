"""An HTTP server on this machine that does to each request what a test wants."""

from __future__ import annotations

import contextlib
import hashlib
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from simtier.errors import TraceError
from simtier.traces.download import Downloaded, download

DATA = b"0123456789ab"
SHA256 = hashlib.sha256(DATA).hexdigest()

Answer = Callable[["Handler", int], None]


class Handler(BaseHTTPRequestHandler):
    """Gives each request, with its number from 0, to the test's own function."""

    server: Site

    def do_GET(self) -> None:
        self.server.seen.append(dict(self.headers))
        with contextlib.suppress(ConnectionError):  # a client that has had enough goes away
            self.server.answer(self, len(self.server.seen) - 1)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as in the base class
        """Say nothing."""

    def head(self, code: int = 200, **headers: object) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def send(self, data: bytes, code: int = 200, **headers: object) -> None:
        self.head(code, Content_Length=len(data), **headers)
        self.wfile.write(data)

    def wants(self) -> int:
        """The first byte asked for by Range."""
        found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        return int(found[1]) if found else 0

    def ranged(self, data: bytes = DATA, most: int | None = None, etag: str = '"a"') -> None:
        """Serve as RFC 9110 says, but break off after `most` bytes."""
        start = self.wants() if self.headers.get("If-Range") == etag else 0
        rest = data[start:]
        span = {"Content_Range": f"bytes {start}-{len(data) - 1}/{len(data)}"} if start else {}
        self.head(206 if start else 200, Content_Length=len(rest), ETag=etag, **span)
        self.wfile.write(rest[:most])


class Site(ThreadingHTTPServer):
    """A server with a test's own behaviour; `over` is set when the test is."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer = answer
        self.seen: list[dict[str, str]] = []
        self.over = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/file.csv"


@contextlib.contextmanager
def site(answer: Answer) -> Iterator[Site]:
    with Site(answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.005})
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            server.shutdown()
            thread.join(5)


def quick(url: str, target: Path, **more: Any) -> Downloaded:
    """Download without waiting."""
    bounds: dict[str, Any] = {"wait": lambda _: None, "timeout_s": 5.0}
    return download(url, target, **(bounds | more))


def refused(answer: Answer, target: Path, **more: Any) -> str:
    """Return why a download fails, with URL for the address; nothing has the final name after it."""
    with site(answer) as server:
        with pytest.raises(TraceError) as caught:
            quick(server.url, target, **more)
        assert not target.exists()
        return str(caught.value).replace(server.url, "URL")


def left(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir())
