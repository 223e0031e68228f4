"""Another process that is listened to and kept within its limits: time, memory, number of processes, what it prints.

It reads its task from standard input, and gets a process group of its own, which is killed as a whole when a limit is passed, when it has ended, and when
the caller is interrupted. This is no sandbox: the process may do whatever its user may, and one that leaves its group is not followed.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import json
import os
import secrets
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simtier.errors import StudyError
from simtier.search.suite import Limits
from simtier.search.told import LONGEST_BYTES, Begun, Told, read
from simtier.units import show

_LOOK_EVERY_S = 0.1
_KEPT_BYTES = 2000
_ENVIRONMENT = {
    "PYTHONHASHSEED": "0",
    "PYTHONUNBUFFERED": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system",  # others reserve memory far beyond what they use
}


@dataclass
class Heard:
    """What the process has said so far.

    Attributes:
        messages: in the order in which they came.
        at: the stage it is in.
        forged: why what it says is not to be believed; empty if there is no reason.
        printed_bytes: how much it printed, on standard output and standard error.
        printed: the end of it.
        over: the limit that it passed, in words; empty if none.
        exit_code: how it ended, below 0 by a signal.
    """

    messages: list[Told] = field(default_factory=list)
    at: str = "load"
    forged: str = ""
    printed_bytes: int = 0
    printed: bytes = b""
    over: str = ""
    exit_code: int = 0


def run_confined(module: str, task: Mapping[str, Any], limits: Limits, most: int) -> Heard:
    """Run `python -m module`, which tells messages (`simtier.search.told`) through a pipe; return what was heard.

    On standard input it gets a JSON object: `task`, `token`, `pipe`, the descriptor, and `parent`, the number of this process, which it shall
    not outlive. They are nowhere else, so whatever is loaded later cannot just look them up. At the first line that is no message with the token the process is ended.

    Args:
        module: what to run.
        task: what it is given.
        limits: what all its processes may take.
        most: messages that it can have to tell.

    Raises StudyError where processes have no groups (Windows).
    """
    if os.name != "posix":
        raise StudyError("policies are evaluated in process groups, which this system has not: use Linux or macOS")
    heard = Heard()
    ours, theirs = os.pipe()
    with tempfile.TemporaryDirectory(prefix="simtier-evaluation-") as folder:
        environment = (
            os.environ | _ENVIRONMENT | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "TMPDIR": folder}
        )
        process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[theirs],
            env=environment,
            start_new_session=True,
        )
        os.close(theirs)
        assert process.stdin is not None
        assert process.stdout is not None
        token = secrets.token_hex(16)
        try:
            with contextlib.suppress(BrokenPipeError), process.stdin as given:
                given.write(json.dumps({"task": task, "token": token, "pipe": theirs, "parent": os.getpid()}).encode())
            _listen(process, ours, _Ear(heard, token, most), limits)
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            heard.exit_code = process.wait()
            process.stdout.close()
            os.close(ours)
    return heard


class _Ear:
    """Takes in what comes through the pipe, and keeps no more of it than messages."""

    def __init__(self, heard: Heard, token: str, most: int) -> None:
        self.heard = heard
        self._token = token
        self._most = most
        self._unread = b""

    def take_in(self, data: bytes) -> bool:
        """Keep the messages; return whether a stage has begun."""
        heard, begins = self.heard, False
        *lines, self._unread = (self._unread + data).split(b"\n")
        if max(map(len, (*lines, self._unread))) > LONGEST_BYTES:
            heard.forged = f"more than {LONGEST_BYTES} bytes came without an end of the line"
        for line in lines:
            if len(heard.messages) >= self._most and not heard.forged:
                heard.forged = f"more came than the {self._most} messages that there can be"
            if heard.forged:
                break
            try:
                message = read(line, self._token)
            except ValueError:
                heard.forged = "a line came that is no message of the evaluation"
                break
            heard.messages.append(message)
            if isinstance(message, Begun):
                heard.at, begins = message.stage, True
        return begins

    def finish(self) -> None:
        """Note a line that was never ended."""
        if self._unread and not self.heard.forged and not self.heard.over:
            self.heard.forged = "the last line came without an end"


def _listen(process: subprocess.Popen[bytes], said: int, ear: _Ear, limits: Limits) -> None:
    """Listen until the process has ended, passed a limit, or said what it cannot have to say."""
    assert process.stdout is not None
    heard, printed = ear.heard, process.stdout.fileno()
    begun = stage_begun = time.monotonic()
    with selectors.DefaultSelector() as selector:
        for pipe in (said, printed):
            os.set_blocking(pipe, False)
            selector.register(pipe, selectors.EVENT_READ)
        looked = begun
        while not (heard.over or heard.forged):
            ended = _has_ended(process)
            for key, _ in selector.select(0 if ended else _LOOK_EVERY_S):
                data = _read(key.fd)
                if not data:
                    selector.unregister(key.fd)
                elif key.fd == printed:
                    heard.printed_bytes += len(data)
                    heard.printed = (heard.printed + data)[-_KEPT_BYTES:]
                elif ear.take_in(data):
                    stage_begun = time.monotonic()
            now = time.monotonic()
            if ended:
                ear.finish()
                return
            heard.over = _too_long(now - begun, now - stage_begun, limits, heard.at)
            if now - looked >= _LOOK_EVERY_S and not heard.over:
                looked = now
                heard.over = _too_much(process.pid, limits)


def _read(pipe: int) -> bytes:
    """Return what is in the pipe now, up to 1 MiB."""
    data = b""
    with contextlib.suppress(BlockingIOError):
        while len(data) < 1 << 20:
            piece = os.read(pipe, 1 << 16)
            data += piece
            if not piece:
                break
    return data


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Return whether the process has ended; it stays to be waited for, so that its group's number is not given to others."""
    if not hasattr(os, "waitid"):
        return process.poll() is not None
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _too_long(taken_s: float, stage_s: float, limits: Limits, at: str) -> str:
    if stage_s > limits.stage_time:
        return f"the stage {at!r} took longer than its limit of {show(limits.stage_time, 'time')}"
    if taken_s > limits.time:
        return f"the evaluation took longer than its limit of {show(limits.time, 'time')}"
    return ""


def _too_much(group: int, limits: Limits) -> str:
    number, held = 0, 0
    for resident in _members(group):
        number, held = number + 1, held + resident
    if number > limits.processes:
        return f"the policy has started processes: there are {number}, and {limits.processes} may be"
    if held > limits.memory:
        return f"its processes hold {held / 2**30:.2f} GiB, more than the limit of {limits.memory / 2**30:.2f} GiB"
    return ""


def _members(group: int) -> Iterator[int]:
    """Yield the resident bytes of each process of the group: from /proc, else from psutil if that is installed, else nothing."""
    if Path("/proc/self/statm").exists():
        page = os.sysconf("SC_PAGE_SIZE")
        for entry in os.scandir("/proc"):
            if entry.name.isdecimal():
                with contextlib.suppress(OSError, IndexError):
                    after_name = (
                        Path(entry.path, "stat")
                        .read_text(encoding="utf-8", errors="replace")
                        .rpartition(")")[2]
                        .split()
                    )
                    if int(after_name[2]) == group:
                        yield int(after_name[21]) * page
    elif importlib.util.find_spec("psutil") is not None:
        psutil = importlib.import_module("psutil")
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if os.getpgid(process.pid) == group:
                    yield process.memory_info().rss
