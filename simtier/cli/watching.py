"""What happens around a run: a progress bar on stderr, and Ctrl-C that ends it in good order."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from simtier.runner import Progress as Step


@contextmanager
def stopping(what: str = "ending the run") -> Iterator[Callable[[], bool]]:
    """Give a function that says whether Ctrl-C was pressed, or the process was told to end; twice raises KeyboardInterrupt.

    `what` is then said to happen.
    """
    pressed = threading.Event()

    def press(signum: int, frame: FrameType | None) -> None:
        if pressed.is_set():
            signal.default_int_handler(signum, frame)
        pressed.set()
        Console(stderr=True).print(f"interrupted: {what}; press Ctrl-C again to abort at once")

    if threading.current_thread() is not threading.main_thread():
        yield pressed.is_set  # only the main thread may handle signals
        return
    before = {number: signal.signal(number, press) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield pressed.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def count_bar(of_what: str, *, shown: bool) -> Iterator[Callable[[int, int, str], object]]:
    """Give a function that draws how many of how many are done, with the time left and whatever else is to be told."""
    if not shown:
        yield lambda *_: None
        return
    columns = (BarColumn(), TextColumn("{task.completed} of {task.total} {task.description}"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(of_what, total=None)

        def draw(done: int, total: int, told: str) -> None:
            text = ", ".join(filter(None, [of_what, told]))
            bar.update(task, total=total, completed=done, description=text)

        yield draw


@contextmanager
def progress_bar(*, shown: bool) -> Iterator[Callable[[Step], None] | None]:
    """Give a function that draws each step of a run, or None if nothing is to be shown."""
    if not shown:
        yield None
        return
    columns = (
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.description}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield _Drawer(bar, bar.add_task("starting", total=None)).draw


class _Drawer:
    """Turns the steps of replication after replication into one bar."""

    def __init__(self, bar: Progress, task: TaskID) -> None:
        self._bar, self._task = bar, task
        self._began = time.perf_counter()

    def draw(self, step: Step) -> None:
        """Show `step`: simulated time, requests done, requests per second of real time."""
        done = step.requests_done
        speed = done / max(time.perf_counter() - self._began, 1e-9)
        replication = f"replication {step.replication + 1}/{step.replications}  " if step.replications > 1 else ""
        text = f"{replication}{step.time_s:,.0f} of {step.until_s:,.0f} s simulated  {done:,} requests  {speed:,.0f}/s"
        total = step.until_s * step.replications
        completed = step.until_s * step.replication + step.time_s
        self._bar.update(self._task, total=total, completed=completed, description=text)
