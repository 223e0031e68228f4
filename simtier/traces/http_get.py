"""One GET request over http or https: redirects followed with care, faults told apart from refusals, bodies bounded."""

from __future__ import annotations

import http.client
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import NoReturn, cast

from simtier.errors import TraceError
from simtier.traces.shown import shown

MOST_REDIRECTS = 10
_CHUNK = 2**18
_MOST_SHOWN = 200
_REDIRECTS = (301, 302, 303, 307, 308)
_PASSING = (408, 425, 429, 500, 502, 503, 504)  # answers that another attempt may not get


class Dropped(Exception):  # noqa: N818 - no error yet: the next attempt may succeed
    """A fault that another attempt may get past; its text says what happened."""


class NoSuchRange(Dropped):
    """The server has no such part of the file: what is held is of another version."""


def check_address(url: str, address: str) -> None:
    """Raise TraceError unless `address`, which `url` is or leads to, is one of http or https."""
    try:
        parts = urllib.parse.urlsplit(address)
        well_formed = bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise TraceError(f"{url}: no address: write https://host/path") from None
    if parts.scheme not in {"http", "https"}:
        leads = "" if address == url else f"redirects to {_cut(address)}, "
        raise TraceError(f"{url}: {leads}no address of http or https: only these are downloaded")
    if not well_formed or "@" in parts.netloc or not all("!" <= letter <= "~" for letter in address):
        raise TraceError(
            f"{url}: no address: write https://host/path, without a password, spaces and other signs as %20 and the like"
        )


def answer(url: str, headers: dict[str, str], timeout_s: float) -> http.client.HTTPResponse:
    """Return the server's answer (2xx) with its body unread, to be closed by the caller.

    Raises:
        Dropped: for no connection, or an answer that may pass.
        TraceError: for any other answer, a redirect to something else than http(s) or from https to http, or too many of them.
    """
    address = url
    for _ in range(MOST_REDIRECTS + 1):
        try:
            return _opened(url, address, headers, timeout_s)
        except urllib.error.HTTPError as error:
            error.close()
            moved = error.headers.get("Location")
            if error.code not in _REDIRECTS or not moved:
                _refuse(url, error)
            address = _next(url, address, moved)
    raise TraceError(f"{url}: redirects more than {MOST_REDIRECTS} times: check the address")


def _next(url: str, address: str, moved: str) -> str:
    """Return where `address` redirects to; raises TraceError for what is no address of http(s), or less safe than `address`."""
    try:
        following = urllib.parse.urljoin(address, moved)
    except ValueError:
        raise TraceError(f"{url}: redirects to {shown(moved)}, no address: get the file by hand") from None
    check_address(url, following)
    if address.lower().startswith("https:") and not following.lower().startswith("https:"):
        raise TraceError(
            f"{url}: redirects from https to {_cut(following)}, where anybody on the way could change the file: "
            "look for another address, or give that one yourself if you trust it"
        )
    return following


def body(response: http.client.HTTPResponse, length: int | None, probe: bool, timeout_s: float) -> Iterator[bytes]:
    """Yield what comes, at most `length` bytes; with `probe` also a byte beyond them, should there be one.

    Raises Dropped for a connection that breaks or falls silent.
    """
    left = length
    if probe and left is not None:
        response.length = left + 1
    while left is None or left > 0 or (left == 0 and probe):
        try:
            data = response.read(_CHUNK if left is None else min(_CHUNK, max(left, 1)))
        except (OSError, http.client.HTTPException) as error:
            if left == 0:
                return  # whole, though the server keeps the connection open
            raise Dropped(_said(error, timeout_s)) from error
        if not data:
            return
        yield data
        left = None if left is None else left - len(data)


def _opened(url: str, address: str, headers: dict[str, str], timeout_s: float) -> http.client.HTTPResponse:
    request = urllib.request.Request(address, headers=headers)  # noqa: S310 - check_address let only http and https pass
    try:
        return cast("http.client.HTTPResponse", _opener().open(request, timeout=timeout_s))
    except urllib.error.HTTPError:
        raise
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, ssl.SSLCertVerificationError):
            raise TraceError(f"{url}: the server's certificate is not trusted ({reason.verify_message})") from error
        raise Dropped(_said(reason, timeout_s)) from error


def _opener() -> urllib.request.OpenerDirector:
    """Return an opener that speaks http and https only, and follows no redirect by itself."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener


def _refuse(url: str, error: urllib.error.HTTPError) -> NoReturn:
    said = f"the server answered {error.code} {_cut(str(error.reason))}"
    if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        raise NoSuchRange(said)
    if error.code in _PASSING:
        raise Dropped(said)
    raise TraceError(f"{url}: {said}: check the address, or get the file by hand")


def _cut(text: str) -> str:
    """Return what a server says as messages show it: cut if it is very long."""
    return text if len(text) <= _MOST_SHOWN else shown(text)


def _said(error: object, timeout_s: float) -> str:
    if isinstance(error, TimeoutError):
        return f"no byte came for {timeout_s:g} s"
    if isinstance(error, ConnectionResetError | BrokenPipeError | http.client.IncompleteRead):
        return "the server closed the connection"
    return f"no connection ({getattr(error, 'strerror', None) or error})"
