"""What happens to a command that is told to end: its temporary files go."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

AGAIN_S = 5.0
"""After so long a command is told again, in seconds: what is raised while Python collects garbage, or in a callback, is lost."""


@contextmanager
def tidy() -> Iterator[None]:
    """Turn the signal to end (SIGTERM) into SystemExit, and Ctrl-C into KeyboardInterrupt, until one is heard.

    So what is left to do in a `finally` is done.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may handle signals
        return
    ends = {signal.SIGTERM: SystemExit(128 + signal.SIGTERM), signal.SIGINT: KeyboardInterrupt()}
    ignored = {number for number in ends if signal.getsignal(number) is signal.SIG_IGN}
    before = {number: signal.signal(number, _raising(end)) for number, end in ends.items() if number not in ignored}
    try:
        yield
    finally:
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0.0)
        for number, handler in before.items():
            signal.signal(number, handler)


def _raising(end: BaseException) -> Callable[[int, Any], None]:
    """Return a handler that raises `end`, and again later as long as that is not heard."""

    def handle(_: int, __: Any) -> None:
        if hasattr(signal, "setitimer"):  # not on Windows
            signal.signal(signal.SIGALRM, handle)
            signal.setitimer(signal.ITIMER_REAL, AGAIN_S)
        raise end

    return handle
