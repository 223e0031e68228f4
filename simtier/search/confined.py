"""Another process that is listened to and kept within its limits: time, memory, number of processes, what it prints.

It gets no standard input, and a process group of its own, which is killed as a whole when a limit is passed, when it has ended, and when
the caller is interrupted. This is no sandbox: the process may do whatever its user may, and one that leaves its group is not followed.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simtier.errors import StudyError
from simtier.search.suite import Limits
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
        messages: each a mapping; `{"at": stage}` begins a stage.
        at: the stage it is in.
        printed_bytes: how much it printed, on standard output and standard error.
        printed: the end of it.
        over: the limit that it passed, in words; empty if none.
        exit_code: how it ended, below 0 by a signal.
    """

    messages: list[dict[str, Any]] = field(default_factory=list)
    at: str = "load"
    printed_bytes: int = 0
    printed: bytes = b""
    over: str = ""
    exit_code: int = 0


def run_confined(module: str, task: Any, limits: Limits) -> Heard:
    """Run `python -m module TASK FD`, which writes a JSON object a line to the file descriptor FD; return what was heard.

    Args:
        module: what to run.
        task: given to it as JSON.
        limits: what all its processes may take.

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
        command = [sys.executable, "-m", module, json.dumps(task), str(theirs)]
        process = subprocess.Popen(  # noqa: S603 - our own program
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[theirs],
            env=environment,
            start_new_session=True,
        )
        os.close(theirs)
        assert process.stdout is not None
        try:
            _listen(process, ours, process.stdout.fileno(), limits, heard)
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            heard.exit_code = process.wait()
            process.stdout.close()
            os.close(ours)
    return heard


def _listen(process: subprocess.Popen[bytes], said: int, printed: int, limits: Limits, heard: Heard) -> None:
    """Listen until the process has ended or passed a limit."""
    begun = stage_begun = time.monotonic()
    unread = b""
    with selectors.DefaultSelector() as selector:
        for pipe in (said, printed):
            os.set_blocking(pipe, False)
            selector.register(pipe, selectors.EVENT_READ)
        looked = begun
        while not heard.over:
            ended = _has_ended(process)
            for key, _ in selector.select(0 if ended else _LOOK_EVERY_S):
                data = _read(key.fd)
                if not data:
                    selector.unregister(key.fd)
                elif key.fd == printed:
                    heard.printed_bytes += len(data)
                    heard.printed = (heard.printed + data)[-_KEPT_BYTES:]
                else:
                    *lines, unread = (unread + data).split(b"\n")
                    if _take_in(lines, heard):
                        stage_begun = time.monotonic()
            now = time.monotonic()
            if ended:
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


def _take_in(lines: Sequence[bytes], heard: Heard) -> bool:
    """Keep the messages; return whether a stage has begun."""
    begins = False
    for line in lines:
        with contextlib.suppress(ValueError):
            message = json.loads(line)
            heard.messages.append(message)
            if "at" in message:
                heard.at, begins = message["at"], True
    return begins


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
