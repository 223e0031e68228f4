"""What a world that plays a part of a scenario records: its rows, and when each was written, so that parts can be put together.

Two things that happen at one instant happen in the order in which they were scheduled: by whatever happened earlier. So the order of all things
of all parts follows from what each part tells of its own: time and priority of each thing done, the serial number it was scheduled with, and the
serial number that was next when it was done, which tells what it scheduled. That is `Doings`, one row a thing done.
"""

from __future__ import annotations

from heapq import heappop as _pop
from itertools import repeat
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from simtier.clock import _NEVER, _SLICE, ARRIVAL, Clock
from simtier.errors import ResultError, SimulationError
from simtier.journal import Journal, Table, TableSpec

NOTHING = -2
"""No doing at all."""
BEFORE = -1
"""Number of the doing that is the world's making, before anything is done."""
KEYED = 1.5
"""Priority of arrivals, between completions and decisions, which come in the order of requests' numbers; and of what is ordered by a key alike."""
WIDTH = 4
AFTER_WIDTH = 5


class Doings:
    """What was done, in order, and what is written down at the end as if it were done then.

    Attributes:
        now: number of what is being done.
        note: takes (time, priority, serial number or key, next serial number) of what begins now.
    """

    def __init__(self, folder: Path) -> None:
        self.now = BEFORE
        self._rows: list[float] = []
        self.note = self._rows.extend
        self._file = _File(folder / "doings")
        self._after: list[tuple[float, ...]] = []
        self._folder = folder

    def pack(self) -> None:
        """Write down what was done of late."""
        self._file.write(np.fromiter(self._rows, np.float64, len(self._rows)))
        self._rows.clear()

    def after(
        self, phase: int, key: float = 0.0, *, time: float = 0.0, priority: float = KEYED, like: int = NOTHING
    ) -> int:
        """Return the number of one more doing, after the end, which from now on is what is being done.

        What is done after the end is ordered by phase, then as what happens during the run; `like` another doing if its number is given.
        """
        self._after.append((phase, time, priority, key, like))
        self.now = self._count + len(self._after) - 1
        return self.now

    def end(self) -> None:
        """Hear that the run has ended: only `after` follows."""
        self._count = self.now + 1

    def close(self) -> None:
        """Finish the files."""
        self.pack()
        self._file.close()
        np.array(self._after, dtype=np.float64).reshape(-1, AFTER_WIDTH).tofile(self._folder / "after")


class RecordingClock(Clock):
    """A clock that tells what it does; in the same order as any."""

    doings: Doings

    def _play_slice(self) -> None:
        """Do the next few thousand things, as Clock does."""
        doings, note, begins = self.doings, self.doings.note, self.next_serial
        queue, cancelled, feed = self._queue, self._cancelled, self._feed
        arrival_time, arrive, what = self._next_arrival
        try:
            for _ in repeat(None, _SLICE):
                time = queue[0][0]
                if time < arrival_time or (time == arrival_time and queue[0][1] < ARRIVAL):
                    self.now, priority, serial, act, argument = _pop(queue)
                    if cancelled and serial in cancelled:
                        cancelled.discard(serial)
                        continue
                    doings.now += 1
                    note((time, priority, serial, begins()))
                    act(argument)
                else:
                    self.now = arrival_time
                    doings.now += 1
                    note((arrival_time, KEYED, what, begins()))
                    act, argument = arrive, what
                    arrival_time, arrive, what = next(feed, _NEVER)
                    act(argument)
        finally:
            self._next_arrival = _NEVER if arrive is _NEVER[1] else (arrival_time, arrive, what)


class RecordingTable(Table):
    """A table whose rows go to a file as they are, each with the number of what was being done when it was appended.

    Attributes:
        stamps: these numbers, of the rows not yet packed.
    """

    def __init__(self, spec: TableSpec, doings: Doings, folder: Path) -> None:
        super().__init__(spec)
        self.stamps: list[int] = []
        self._doings = doings
        self._file = _File(folder / f"{spec.name}.rows")
        self._stamp_file = _File(folder / f"{spec.name}.stamps")
        self.append = self._stamped

    def _stamped(self, row: tuple[float, ...]) -> None:
        self.stamps.append(self._doings.now)
        self._buffer.extend(row)

    def pack(self) -> None:
        """Write the rows appended of late."""
        if not self._buffer:
            return
        self.rows_written += len(self.stamps)
        self._file.write(np.fromiter(self._buffer, np.float64, len(self._buffer)))
        self._stamp_file.write(np.fromiter(self.stamps, np.int64, len(self.stamps)))
        self._buffer.clear()
        self.stamps.clear()

    def close(self) -> None:
        """Finish the files."""
        self.pack()
        self._file.close()
        self._stamp_file.close()


Words = tuple[int, str, bool, tuple[float | str, ...]]
"""When a text or a tag was first used: number of the doing, the tag's table ("" for a text), whether in traced tables, the text or the values."""


class RecordingJournal(Journal):
    """A journal for a part; its codes and tags are its own, and `words` tells what they stand for, in the order of their first use."""

    def __init__(self, specs: dict[str, TableSpec], doings: Doings, folder: Path) -> None:
        super().__init__(specs, Nowhere())
        self.recording = {name: RecordingTable(spec, doings, folder) for name, spec in specs.items()}
        self.tables = dict(self.recording)
        self.words: list[Words] = []
        self._doings = doings

    def code(self, text: str, *, traced: bool = True) -> int:
        """See Journal; a new text is a new word."""
        book = self._books[traced]
        if text not in book:
            self.words.append((self._doings.now, "", traced, (text,)))
        return super().code(text, traced=traced)

    def tag(self, table: str, *values: float | str) -> int:
        """See Journal; a new tag is a new word."""
        known = self.tables[table].tags
        before = len(known)
        number = super().tag(table, *values)
        if len(known) > before:
            self.words.append((self._doings.now, table, True, values))
        return number

    def flush(self, at_least: int = 1) -> None:
        """Write everything appended of late, however little it is."""
        del at_least
        for table in self.recording.values():
            table.pack()
        self._doings.pack()

    def close(self) -> None:
        """Finish the files."""
        for table in self.recording.values():
            table.close()
        self._doings.close()


class Nowhere:
    """A sink that nothing may be written to."""

    def write(self, table: str, batch: Any) -> None:  # noqa: ARG002 - a sink takes them
        """Refuse a batch: rows of this world go elsewhere, or it is never played."""
        raise SimulationError(f"rows of table {table!r} are written to no place")


class _File:
    """A file of numbers; raises ResultError if it cannot be written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] = path.open("wb")

    def write(self, numbers: NDArray[Any]) -> None:
        try:
            self._file.write(numbers.data)
        except OSError as error:
            raise ResultError(f"cannot write {self._path}: {error.strerror or error}") from error

    def close(self) -> None:
        try:
            self._file.close()
        except OSError as error:
            raise ResultError(f"cannot write {self._path}: {error.strerror or error}") from error
