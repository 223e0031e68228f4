"""`simtier traces import`: a file, or one at an address, checked and kept as Parquet with where it came from."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from simtier.traces import Found
    from simtier.traces.convert import Converted
    from simtier.traces.ledger import OnError

_LONGEST_NAME = 100

Source = Annotated[str, typer.Argument(metavar="SOURCE", help="A file, a trace's name, or an http(s) address.")]
As = Annotated[str, typer.Option("--as", metavar="NAME", help="What to call it, dataset/item: burstgpt/3, own/web.")]
Into = Annotated[Path, typer.Option("--into", metavar="DIR", help="The traces directory to put it in.")]
Family = Annotated[
    str | None,
    typer.Option("--family", metavar="FAMILY", help="Of a CSV or Parquet file of your own: what its rows are."),
]
Map = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="COLUMN=THEIRS[:UNIT]", help="Of a file of your own: arrival_s=ts:ms; repeatable."),
]
OnErrors = Annotated[
    str, typer.Option("--on-error", metavar="fail|drop", help="Whether a bad row is an error, or left out and counted.")
]


def import_(
    source: Source,
    *,
    name: As,
    into: Into = Path("traces"),
    family: Family = None,
    mapping: Map = None,
    on_error: OnErrors = "fail",
) -> None:
    """Convert a trace to Parquet: verified, sorted, with source, hash, reader version and counts in the file."""
    from simtier.cli.traces.options import error_rule
    from simtier.cli.traces.stopping import tidy
    from simtier.traces.convert import convert, target_for
    from simtier.traces.paths import check_new

    rule = error_rule(on_error)
    target = target_for(name, into)
    check_new(target)
    with tidy(), _local(source) as (path, said):
        found = _found(path, name, family, mapping or [])
        companion = _functions(found, target, said, rule)  # first, for the counts are of no use without it
        try:
            done = convert(found, target, said, rule)
        except BaseException:
            if companion is not None:
                companion.path.unlink(missing_ok=True)
            raise
    _tell(name, done)
    if companion is not None:
        _tell(f"{name}-functions", companion)


def _tell(name: str, done: Converted) -> None:
    typer.echo(f"{name}: {done.rows:,} rows in {done.path}")
    for reason, rows in sorted(done.dropped.items()):
        typer.echo(f"Dropped: {rows:,} rows: {reason}")
    for note in done.notes:
        typer.echo(f"Note: {note}")


@contextmanager
def _local(source: str) -> Iterator[tuple[str, str]]:
    """Yield a file's path, or a trace's name, and how the provenance calls it; what lies at an address is downloaded and let go."""
    if not re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", source):
        yield source, source
        return
    from simtier.errors import TraceError
    from simtier.traces.download import download

    with tempfile.TemporaryDirectory(prefix="simtier-") as folder:
        file = Path(folder).resolve() / _file_name(source)
        download(source, file)
        try:
            yield str(file), source
        except TraceError as error:  # the user knows nothing of the temporary file
            raise TraceError(str(error).replace(str(file), source)) from error


def _file_name(address: str) -> str:
    """Return the last part of an address, of which the end tells the format."""
    last = re.split(r"[?#]", address)[0].rpartition("/")[2]
    return last[-_LONGEST_NAME:] if last.strip(".") else "trace"


def _found(source: str, name: str, family: str | None, mapping: list[str]) -> Found:
    """Return the trace that `source` stands for, read as a file of the dataset it is imported into."""
    from simtier.errors import TraceError
    from simtier.traces import find, search_directories
    from simtier.traces.guess import find_any, found_with
    from simtier.traces.paths import expanded, is_file

    dataset = name.partition("/")[0]
    if (family or mapping) and dataset != "own":
        raise TraceError(f"--family and --map are for files of your own: call it own/{name.partition('/')[2]}")
    if family or mapping:
        return found_with(Path(source), family, mapping)
    path = expanded(Path(source))
    if is_file(path):
        return find(f"{dataset}:{path.resolve()}", ())
    return find_any(source, search_directories(()))


def _functions(found: Found, target: Path, said: str, rule: OnError) -> Converted | None:
    """Write the table of functions that lies beside a trace of counts beside `target`, if there is one."""
    from simtier.traces import open_trace
    from simtier.traces.convert import write_functions
    from simtier.traces.ledger import Ledger

    ledger = Ledger(rule)
    table = found.functions(ledger)
    if table is None:
        return None
    beside = target.with_name(f"{target.stem}-functions.parquet")
    return write_functions(beside, table, said, ledger, generated=open_trace(found).generated)
