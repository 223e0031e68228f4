"""Files of one's own by the options of `simtier traces import`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from simtier.errors import TraceError
from simtier.traces import Trace
from simtier.traces.datasets.own import mapping_from_options, read_mapped
from simtier.traces.ledger import Ledger
from simtier.traces.source import Source


def _put(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def _columns(trace: Trace, *names: str) -> list[list[Any]]:
    return [trace.table.column(name).to_pylist() for name in names]


def test_options_map_columns_without_a_mapping_file(tmp_path: Path) -> None:
    path = _put(tmp_path, "my.csv", "ts,prompt,output_tokens\n1000,5,6\n3000,7,8\n")
    mapping = mapping_from_options("llm_requests", path, ["arrival_s=ts:ms", "input_tokens=prompt"])
    ledger = Ledger()
    (part,) = read_mapped(mapping, Source(path), ledger)
    assert part.column("arrival_s").to_pylist() == [0.0, 2.0]
    assert part.column("output_tokens").to_pylist() == [6, 8]
    assert mapping_from_options(None, path, ["arrival_s=ts:ms", "input_tokens=prompt"]) == mapping


def test_a_colon_may_be_part_of_a_column(tmp_path: Path) -> None:
    path = _put(tmp_path, "my.csv", "time:ms,a,b\n1000,5,6\n")
    mapping = mapping_from_options("llm_requests", path, ["arrival_s=time:ms", "input_tokens=a", "output_tokens=b"])
    assert (mapping.columns["arrival_s"].column, mapping.columns["arrival_s"].unit) == ("time:ms", None)


@pytest.mark.parametrize(
    ("family", "options", "message"),
    [
        ("requests", [], "no family 'requests' (did you mean 'llm_requests'?)"),
        ("llm_requests", ["ts"], "--map 'ts': expected COLUMN=THEIRS or COLUMN=THEIRS:UNIT, as in arrival_s=ts:ms"),
        ("llm_requests", ["arrival_s=ts", "arrival_s=a"], "--map 'arrival_s=a': arrival_s is mapped twice"),
        ("llm_requests", ["arival_s=ts"], "{path}: llm_requests has no column 'arival_s' (did you mean 'arrival_s'?)"),
        ("llm_requests", ["arrival_s=tss:ms"], "{path}: there is no column 'tss' (did you mean 'ts'?)"),
        (
            "llm_requests",
            ["arrival_s=ts:MB"],
            "{path}: arrival_s: 'MB' is no unit of time, such as s, ms, us, ns, min, h, or stamp for date-times",
        ),
        (
            "llm_requests",
            ["input_tokens=a:ms"],
            "{path}: input_tokens has no unit, so it cannot be in 'ms': leave it out",
        ),
        (
            "llm_requests",
            ["input_tokens=a", "output_tokens=a"],
            "{path}: column 'a' stands for two columns of llm_requests",
        ),
        (
            "llm_requests",
            ["arrival_s=ts"],
            "{path}: as llm_requests it lacks input_tokens, output_tokens; the columns are 'ts, a'",
        ),
        (
            None,
            ["arrival_s=ts", "input_tokens=a"],
            "{path}: as llm_requests it lacks output_tokens; the columns are 'ts, a, arrival_s, input_tokens'",
        ),
    ],
)
def test_options_that_do_not_fit_are_refused(
    tmp_path: Path, family: str | None, options: list[str], message: str
) -> None:
    path = _put(tmp_path, "my.csv", "ts,a\n1,2\n")
    with pytest.raises(TraceError) as error:
        mapping_from_options(family, path, options)
    assert str(error.value) == message.format(path=path)
