"""An unfinished download on disk: the bytes that came, and of which version of the file they are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from simtier.errors import TraceError
from simtier.traces.paths import bare


@dataclass(frozen=True)
class Version:
    """What `<target>.part.json` says of the bytes in `<target>.part`.

    Attributes:
        url: where they come from.
        validator: the strong ETag or the Last-Modified date of the version they are of; None if the server gave neither.
        total: bytes of the whole file; None if the server did not say.
    """

    url: str
    validator: str | None
    total: int | None


@dataclass(frozen=True)
class Part:
    """The unfinished file that is to become `target`."""

    target: Path

    @property
    def path(self) -> Path:
        """The bytes that came."""
        return self.target.with_name(self.target.name + ".part")

    @property
    def about(self) -> Path:
        """Which version they are of."""
        return self.target.with_name(self.target.name + ".part.json")

    def held(self, url: str) -> tuple[int, Version]:
        """Return how many bytes can be kept, and of which version; 0 if they cannot be gone on from."""
        nothing = Version(url, None, None)
        try:
            version = Version(**json.loads(self.about.read_text(encoding="utf-8")))
            length = self.path.stat().st_size
        except (OSError, ValueError, TypeError, RecursionError):
            return 0, nothing
        validator = version.validator
        fit_for_a_header = isinstance(validator, str) and validator.isascii() and validator.isprintable()
        known = version.url == url and fit_for_a_header and isinstance(version.total, int)
        return (length, version) if known and length <= (version.total or 0) else (0, nothing)

    def begin(self, version: Version) -> None:
        """Start anew; the bytes go before their description changes, so that the two never contradict each other."""
        with writing(self.target):
            self.path.write_bytes(b"")
            self.about.write_text(json.dumps(asdict(version)), encoding="utf-8")

    def remove(self) -> None:
        """Leave nothing behind."""
        with writing(self.target):
            self.path.unlink(missing_ok=True)
            self.about.unlink(missing_ok=True)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a full disk, a folder without rights and the like into a TraceError that names the file."""
    try:
        yield
    except (OSError, ValueError) as error:  # a ValueError is a path with a sign that no path can have
        said = getattr(error, "strerror", None) or error
        raise TraceError(f"{bare(path)}: cannot be written ({said}): make room or name another folder") from error
