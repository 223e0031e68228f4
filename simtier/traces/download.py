"""Downloads of trace files: resumed when they break off, checked before they get their name, and bounded.

A file is written to `<target>.part` beside the target, with `<target>.part.json` saying which version of it is coming, and gets its
name only when its size and SHA-256 are those known. What broke off goes on by a Range request (RFC 9110, section 14) if the server
gave a strong ETag or a Last-Modified date to ask for the same version by (If-Range, section 13.1.5); otherwise it starts anew.

Assumptions: one process at a time writes a target. What a server sends beyond its own Content-Length is no part of the file;
it is an error where neither size nor SHA-256 is known, as then nothing else would show it. A `Retry-After` is not read.
"""

from __future__ import annotations

import hashlib
import http.client
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from simtier.errors import TraceError
from simtier.traces.http_get import Dropped, NoSuchRange, answer, body, check_address
from simtier.traces.part import Part, Version, writing
from simtier.traces.shown import shown

Progress = Callable[[int, int | None], None]
"""Called with the bytes that are there and the bytes there will be (None: nobody knows)."""

LIMIT_BYTES = 32 * 2**30
"""No public trace file is as large as this."""
_LONGEST_WAIT_S = 30.0
_MOST_REASON = 60


@dataclass(frozen=True)
class Downloaded:
    """A file that is there and is the one known.

    Attributes:
        path: where it lies.
        size: its length in bytes.
        sha256: of its bytes, in hexadecimal.
        resumed_from: bytes that were there before the last request; `size` if nothing had to be downloaded.
    """

    path: Path
    size: int
    sha256: str
    resumed_from: int


@dataclass(frozen=True)
class _Wanted:
    """What is asked for, and within which bounds."""

    url: str
    size: int | None
    sha256: str | None
    limit_bytes: int
    timeout_s: float
    progress: Progress | None
    late: Callable[[], bool]


def download(
    url: str,
    target: Path,
    *,
    size: int | None = None,
    sha256: str | None = None,
    progress: Progress | None = None,
    limit_bytes: int = LIMIT_BYTES,
    attempts: int = 5,
    timeout_s: float = 30.0,
    total_s: float = 24 * 3600.0,
    wait: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Downloaded:
    """Download `url` to `target`, or check the file that is there.

    Args:
        url: http or https, as are all that it redirects to.
        target: the file; its folder is made.
        size: bytes it must have; None: not known.
        sha256: hexadecimal hash it must have; None: not known.
        progress: called as bytes arrive.
        limit_bytes: the most that is taken from a server.
        attempts: requests in all, the first included.
        timeout_s: seconds without a byte after which a request counts as broken off.
        total_s: seconds in all after which the download stops; started again, it goes on.
        wait: called with 1, 2, 4, ... at most 30 seconds between attempts.
        clock: seconds from some origin.

    Raises:
        TraceError: for an address that is none, an answer that is not the file, a file that is not the one known (which is then
            removed), a download that broke off `attempts` times, a folder that cannot be written.
    """
    check_address(url, url)
    with writing(target):
        there = target.exists()
    if there:
        return _there(target, size, sha256)
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
    end = clock() + total_s
    wanted = _Wanted(url, size, sha256, limit_bytes, timeout_s, progress, lambda: clock() > end)
    part = Part(target)
    fault = "no attempt allowed"
    for attempt in range(attempts):
        if attempt:
            wait(min(2.0 ** (attempt - 1), _LONGEST_WAIT_S))
        try:
            start = _attempt(wanted, part)
        except NoSuchRange as error:
            part.remove()
            fault = str(error)
        except Dropped as error:
            fault = str(error)
        else:
            return _finished(wanted, part, start)
    raise TraceError(f"{url}: {fault}, in the last of {attempts} attempts: try again later")


def measured(path: Path) -> tuple[int, str]:
    """Return a file's length in bytes and its SHA-256 in hexadecimal."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return file.tell(), digest


def _there(target: Path, size: int | None, sha256: str | None) -> Downloaded:
    """Return the file that is there already if it is the one known."""
    way_out = "move it away or delete it to download it again"
    try:
        has_size, has_sha256 = measured(target)
    except OSError as error:
        raise TraceError(f"{target}: is there but cannot be read ({error.strerror}): {way_out}") from error
    if size is None and sha256 is None:
        raise TraceError(f"{target}: is there, and neither its size nor its sha256 is known to check it by: {way_out}")
    if size not in {None, has_size}:
        raise TraceError(f"{target}: is there with {has_size} bytes, but {size} are known: {way_out}")
    if sha256 is not None and has_sha256 != sha256.lower():
        raise TraceError(f"{target}: is there with sha256 {has_sha256}, but {sha256} is known: {way_out}")
    return Downloaded(target, has_size, has_sha256, has_size)


def _finished(wanted: _Wanted, part: Part, start: int) -> Downloaded:
    """Give the file its name if it is the one known, remove it if not."""
    with writing(part.target):
        has_size, has_sha256 = measured(part.path)
    if wanted.size not in {None, has_size}:
        part.remove()
        raise TraceError(
            f"{wanted.url}: {has_size} bytes came, but {wanted.size} are known: the file was changed, and what came "
            "is removed; get it by hand"
        )
    if wanted.sha256 is not None and has_sha256 != wanted.sha256.lower():
        part.remove()
        raise TraceError(
            f"{wanted.url}: what came has sha256 {has_sha256}, but {wanted.sha256} is known: the file was changed or "
            "damaged, and what came is removed; try once more, or get it by hand"
        )
    with writing(part.target):
        part.path.replace(part.target)
        part.about.unlink(missing_ok=True)
    return Downloaded(part.target, has_size, has_sha256, start)


def _attempt(wanted: _Wanted, part: Part) -> int:
    """Append to the part what the server sends until it is whole; return the byte it began at."""
    start, version = part.held(wanted.url)
    if start and start == version.total:
        return start
    headers = {"User-Agent": "simtier", "Accept-Encoding": "identity"}
    if start and version.validator:
        headers |= {"Range": f"bytes={start}-", "If-Range": version.validator}
    with answer(wanted.url, headers, wanted.timeout_s) as response:
        start, total = _agreed(wanted, part, response, start, version)
        _check_announced(wanted, part, total)
        came = start
        unproven = wanted.size is None and wanted.sha256 is None
        with writing(part.target), part.path.open("ab") as file:
            for data in body(response, None if total is None else total - start, unproven, wanted.timeout_s):
                came += len(data)
                _check_came(wanted, part, came, total)
                file.write(data)
                if wanted.progress is not None:
                    wanted.progress(came, wanted.size if total is None else total)
                if wanted.late():
                    raise TraceError(
                        f"{wanted.url}: not whole in the time allowed, {came} bytes came: start again to go on"
                    )
    if total is not None and came < total:
        raise Dropped(f"broke off after {came} of {total} bytes")
    return start


def _agreed(
    wanted: _Wanted, part: Part, response: http.client.HTTPResponse, start: int, version: Version
) -> tuple[int, int | None]:
    """Return the byte the server begins at and the bytes of the whole; empty the part unless it goes on from there."""
    encoding = response.headers.get("Content-Encoding", "identity").lower()
    if encoding != "identity":
        raise TraceError(
            f"{wanted.url}: comes with Content-Encoding {shown(encoding)} though identity was asked for: get it by hand"
        )
    etag, date = response.headers.get("ETag"), response.headers.get("Last-Modified")
    if response.status == http.HTTPStatus.PARTIAL_CONTENT:
        said = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", "").strip())
        same = version.validator in {etag, date} or (etag is None and date is None)
        if said and start and int(said[1]) == start and same and said[2] in {"*", str(version.total)}:
            return start, version.total
        part.remove()
        raise Dropped("the server went on with another part or version of the file")
    if response.status != http.HTTPStatus.OK:
        raise TraceError(
            f"{wanted.url}: the server answered {response.status} {response.reason[:_MOST_REASON]}, no file: check the address"
        )
    strong = etag if etag and not etag.startswith("W/") else None
    part.begin(Version(wanted.url, strong or date, response.length))
    return 0, response.length


def _check_announced(wanted: _Wanted, part: Part, total: int | None) -> None:
    if total is None:
        return
    why = ""
    if wanted.size not in {None, total}:
        why = f"but {wanted.size} are known: the file was changed"
    elif total > wanted.limit_bytes:
        why = f"more than the {wanted.limit_bytes} allowed"
    if why:
        part.remove()
        raise TraceError(f"{wanted.url}: the server announces {total} bytes, {why}; get it by hand")


def _check_came(wanted: _Wanted, part: Part, came: int, total: int | None) -> None:
    for most, why in ((total, "announced"), (wanted.size, "known"), (wanted.limit_bytes, "allowed")):
        if most is not None and came > most:
            part.remove()
            raise TraceError(
                f"{wanted.url}: sends more than the {most} bytes {why}: stopped and removed; get it by hand"
            )
