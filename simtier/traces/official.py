"""The official files of the public traces, and their download to where simtier looks for them.

The addresses are in `simtier.traces.addresses`, each with what speaks for it; none of them was tried when it was written down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from simtier.errors import TraceError, did_you_mean
from simtier.traces.addresses import OFFICIAL_FILES, OfficialFile
from simtier.traces.download import Downloaded, download, measured
from simtier.traces.paths import bare, is_file, quoted

__all__ = ["OfficialFile", "fetch", "official_files"]

FileProgress = Callable[[OfficialFile, int, int | None], None]
"""Called with the file, the bytes that are there, and the bytes there will be (None: nobody knows)."""


def official_files(name: str) -> tuple[OfficialFile, ...]:
    """Return the official files of a dataset, or of one item of it (`dataset/item`; a file's own name will do).

    Raises TraceError for a dataset without known addresses, and for an item that none of its files holds.
    """
    dataset, _, item = name.partition("/")
    if dataset not in OFFICIAL_FILES:
        raise TraceError(
            f"{quoted(name)}: no official files are known of dataset {quoted(dataset)}{did_you_mean(dataset, OFFICIAL_FILES)}"
        )
    files = tuple(
        file for file in OFFICIAL_FILES[dataset] if not (item and file.items) or item in {*file.items, file.filename}
    )
    if not files:
        known = (known for file in OFFICIAL_FILES[dataset] for known in file.items)
        raise TraceError(
            f"{quoted(name)}: no official file of {dataset} holds {quoted(item)}{did_you_mean(item, known)}"
        )
    return files


def fetch(
    name: str,
    into: Path,
    *,
    files: Iterable[OfficialFile] | None = None,
    progress: FileProgress | None = None,
    how: Callable[..., Downloaded] = download,
) -> list[Downloaded]:
    """Download the official files of a dataset or an item into the traces directory `into`, and return them in order.

    Files that are there and right are not downloaded again; one of which neither size nor hash is known is left as it is. If a
    file fails, those before it stay.

    Args:
        name: `dataset` or `dataset/item`.
        into: the traces directory; each file gets its dataset's folder in it.
        files: download these instead of those known by `name`.
        progress: called as bytes arrive.
        how: `simtier.traces.download.download`, perhaps with other bounds (`functools.partial(download, attempts=2)`).

    Raises:
        TraceError: as `official_files` and `download` do, and, before anything is downloaded, for a dataset that only a person can get.
    """
    chosen = official_files(name) if files is None else tuple(files)
    for file in chosen:
        if file.url is None:
            raise TraceError(f"{quoted(name)}: no program may download it to {bare(into / file.folder)}: {file.note}")
    return [_fetched(file, file.url, into / file.folder / file.filename, progress, how) for file in chosen if file.url]


def _fetched(
    file: OfficialFile, url: str, target: Path, progress: FileProgress | None, how: Callable[..., Downloaded]
) -> Downloaded:
    if file.size is None and file.sha256 is None and is_file(target):
        size, sha256 = measured(target)
        return Downloaded(target, size, sha256, size)
    tell = None if progress is None else partial(progress, file)
    return how(url, target, size=file.size, sha256=file.sha256, progress=tell)
