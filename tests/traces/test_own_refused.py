"""What is wrong with a file of one's own, or its mapping, in the words that say what to do; and the same, dropped and counted."""

from __future__ import annotations

import gzip
import itertools
import zipfile
from pathlib import Path

import pytest

from simtier.errors import TraceError
from simtier.traces import Trace, find, read
from simtier.traces.ledger import OnError

REQUESTS = "arrival_s,input_tokens,output_tokens\n"
MAPPING = """\
file: my.csv
family: llm_requests
columns:
  arrival_s: {column: ts, unit: ms}
  input_tokens: prompt
  output_tokens: completion
"""

_BOMB = (
    "[&a [x, x], "
    + ", ".join(f"&{b} [{', '.join(['*' + a] * 9)}]" for a, b in itertools.pairwise("abcdefghijkl"))
    + "]"
)
"""Aliases that would be 9 ** 11 values if they were written out."""


def _put(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def _read(path: Path, on_error: OnError = "fail") -> Trace:
    return read(find(f"own:{path}", []), on_error)


def _message(path: Path, on_error: OnError = "fail") -> str:
    with pytest.raises(TraceError) as error:
        _read(path, on_error)
    return str(error.value).replace(f"{path.parent}/", "")


@pytest.mark.parametrize("on_error", ["fail", "drop"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "my.csv: the file is empty"),
        ("\n1,2,3\n", "my.csv, line 1: the line is blank"),
        (REQUESTS, "my.csv: the file has a header and no rows"),
        (
            "arrival_s;input_tokens;output_tokens\n1;2;3\n",
            (
                "my.csv: no column carries a name of simtier's families; the columns are 'arrival_s;input_tokens;output_tokens' (are "
                "they parted by a comma?): say by a mapping in YAML, or by --family and --map of `simtier traces import`, what they "
                "stand for; a file of a public dataset is named DATASET:PATH"
            ),
        ),
        (
            "a,b\n1,2\n",
            (
                "my.csv: no column carries a name of simtier's families; the columns are 'a, b': say by a mapping in YAML, or by "
                "--family and --map of `simtier traces import`, what they stand for; a file of a public dataset is named DATASET:PATH"
            ),
        ),
        (
            "arrival_s,input_tokens,model\n1,2,x\n",
            "my.csv: as llm_requests it lacks output_tokens; the columns are 'arrival_s, input_tokens, model'",
        ),
        (
            "arrival_s,function\n1,f\n",
            "my.csv: as invocations it lacks duration_s; the columns are 'arrival_s, function'",
        ),
        (
            "time_s,rate_bytes_per_s,available\n1,2,3\n",
            (
                "my.csv: the columns 'time_s, rate_bytes_per_s, available' are those of bandwidth and of availability: say which by a "
                "mapping, or by --family of `simtier traces import`"
            ),
        ),
        (
            "arrival_s,function,duration_s,model,input_tokens,output_tokens\n1,f,2,m,3,4\n",
            (
                "my.csv: the columns 'arrival_s, function, duration_s, model, input_tokens, output_tokens' are those of llm_requests and "
                "of invocations: say which by a mapping, or by --family of `simtier traces import`"
            ),
        ),
        (
            "arrival_s,input_tokens,output_tokens,input_tokens\n1,2,3,4\n",
            (
                "my.csv, line 1: two columns 'input_tokens'; the header is 'arrival_s,input_tokens,output_tokens,input_tokens', needed "
                "are 'arrival_s', 'input_tokens', 'output_tokens'"
            ),
        ),
    ],
)
def test_a_file_that_cannot_be_read_at_all(tmp_path: Path, on_error: OnError, content: str, message: str) -> None:
    assert _message(_put(tmp_path, "my.csv", content), on_error) == message


@pytest.mark.parametrize("on_error", ["fail", "drop"])
def test_a_file_that_is_cut_short(tmp_path: Path, on_error: OnError) -> None:
    rows = "".join(f"{k},{k * k % 997},{k * 7 % 31}\n" for k in range(5000))
    path = _put(tmp_path, "my.csv.gz", gzip.compress((REQUESTS + rows).encode())[:-900])
    assert _message(path, on_error).startswith("my.csv.gz: cut short or damaged (")


@pytest.mark.parametrize(
    ("row", "message", "dropped"),
    [
        (
            "2,x,3",
            "column 2 (input_tokens): 'x' is not a whole number of at most 18 digits",
            "input_tokens: not a whole number of at most 18 digits",
        ),
        (
            "2,1.5,3",
            "column 2 (input_tokens): '1.5' is not a whole number of at most 18 digits",
            "input_tokens: not a whole number of at most 18 digits",
        ),
        ("2,3,-4", "column 3 (output_tokens): '-4': negative number", "output_tokens: negative number"),
        (",3,4", "column 1 (arrival_s): '': blank", "arrival_s: blank"),
        ("2,,4", "column 2 (input_tokens): '': blank", "input_tokens: blank"),
        ("soon,3,4", "column 1 (arrival_s): 'soon' is not a finite number", "arrival_s: not a finite number"),
        ("2,3", "expected 3 columns, as in the header, got 2", "wrong number of columns"),
    ],
)
def test_a_bad_row_is_named_or_dropped_and_counted(tmp_path: Path, row: str, message: str, dropped: str) -> None:
    path = _put(tmp_path, "my.csv", f"{REQUESTS}1,1,1\n\n{row}\n9,9,9\n")
    place = ", line 4: " if message.startswith("expected") else ", line 4, "
    assert _message(path) == f"my.csv{place}{message}"
    trace = _read(path, "drop")
    assert (trace.rows_read, trace.table.num_rows, trace.dropped) == (3, 2, {dropped: 1})
    assert trace.table.column("arrival_s").to_pylist() == [0.0, 8.0]


def test_failed_is_true_or_false(tmp_path: Path) -> None:
    path = _put(tmp_path, "my.csv", "arrival_s,input_tokens,output_tokens,failed\n1,1,1,no\n")
    assert _message(path) == "my.csv, line 2, column 4 (failed): 'no' is not true or false"
    assert _message(path, "drop") == "my.csv: the file has a header and no rows: all 1 were dropped"


@pytest.mark.parametrize(
    "blocks",
    [
        "[1, x]",
        "[1_000]",
        "[\u0661]",
        "[9223372036854775808]",
        "[1,]",
        "1, 2",
        "[1 2]",
        "[0x1]",
        "[" + "9" * 5000 + "]",
    ],
)
def test_blocks_are_a_list_of_whole_numbers(tmp_path: Path, blocks: str) -> None:
    content = f'arrival_s,input_tokens,output_tokens,blocks\n1,1,1,"{blocks}"\n2,1,1,"[ -5, +9223372036854775807 ]"\n'
    path = _put(tmp_path, "my.csv", content)
    shown = repr(blocks) if len(blocks) < 60 else f"{blocks[:60]!r}... ({len(blocks)} characters)"
    reason = "not a list of whole numbers of 64 bits"
    assert _message(path) == f"my.csv, line 2, column 4 (blocks): {shown} is {reason}"
    trace = _read(path, "drop")
    assert (trace.dropped, trace.table["blocks"].to_pylist()) == ({f"blocks: {reason}": 1}, [[-5, 2**63 - 1]])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("family: llm", "famly: x\nfamily: llm", "my.yaml, line 2: unknown key 'famly' (did you mean 'family'?)"),
        (
            "unit: ms",
            "units: ms",
            "my.yaml, line 4: unknown key 'columns.arrival_s.units' (did you mean 'unit'?)",
        ),
        (
            "file: my.csv\n",
            "",
            "my.yaml: there is no 'file'; a mapping has file, family, delimiter, columns (delimiter may be left out)",
        ),
        ("my.csv", "none.csv", "my.yaml, line 1: there is no file 'none.csv'"),
        ("llm_requests", "llm_request", "my.yaml, line 2: no family 'llm_request' (did you mean 'llm_requests'?)"),
        ("my.csv", "7", "my.yaml, line 1: file is 7, expected text (in quotes if it is a number)"),
        (
            "family:",
            "delimiter: '\"'\nfamily:",
            "my.yaml, line 2: '\"' is not one ASCII character that can part fields",
        ),
        ("family:", "delimiter: ab\nfamily:", "my.yaml, line 2: 'ab' is not one ASCII character that can part fields"),
        ("prompt", "7", "my.yaml, line 5: expected a column's name, {column, unit} or {constant}, got 7"),
        ("prompt", "{unit: ms}", "my.yaml, line 5: expected either column or constant"),
        ("prompt", "{constant: []}", "my.yaml, line 5: the constant is a list, neither text nor a number"),
        ("prompt", "{constant: -5}", "my.yaml, line 5: input_tokens: the constant '-5': negative number"),
        (
            "{column: ts, unit: ms}",
            "{constant: 5}",
            "my.yaml, line 4: arrival_s is a column, it cannot be one constant",
        ),
        ("prompt", "prompts", "my.yaml, line 5: there is no column 'prompts' (did you mean 'prompt'?)"),
        (
            "unit: ms",
            "unit: MB",
            "my.yaml, line 4: arrival_s: 'MB' is no unit of time, such as s, ms, us, ns, min, h, or stamp for date-times",
        ),
        (
            "prompt",
            "{column: prompt, unit: ms}",
            "my.yaml, line 5: input_tokens has no unit, so it cannot be in 'ms': leave it out",
        ),
        (
            "  input_tokens: prompt\n",
            "",
            "my.csv: as llm_requests it lacks input_tokens; the columns are 'ts, prompt, completion'",
        ),
        (
            "  input_tokens",
            "  inputtokens",
            "my.yaml, line 5: llm_requests has no column 'inputtokens' (did you mean 'input_tokens'?)",
        ),
        ("prompt", "[", "my.yaml, line 7: not YAML (expected ',' or ']', but got '<stream end>')"),
        (
            "family:",
            "file: b.csv\nfamily:",
            "my.yaml, line 2: the key 'file' is written twice",
        ),
        ("  input", "  arrival_s: x\n  input", "my.yaml, line 5: the key 'columns.arrival_s' is written twice"),
        ("  input", "  ? [a]\n  : x\n  input", "my.yaml, line 5: a key is a plain word, not a list"),
        (
            "prompt",
            "{<<: {column: prompt}}",
            "my.yaml, line 5: unknown key 'columns.input_tokens.<<' (known: column, constant, unit)",
        ),
        (
            "prompt",
            "!!python/object/apply:os.system [ls]",
            "my.yaml, line 5: expected a column's name, {column, unit} or {constant}, got a list",
        ),
        ("prompt", "[" * 20_000, "my.yaml: nested too deeply; a mapping needs three levels"),
        ("my.csv", _BOMB, "my.yaml, line 1: file is a list, expected text (in quotes if it is a number)"),
        ("family:", "x" * 99 + ": 1\nfamily:", f"my.yaml, line 2: unknown key {'x' * 60!r}... (99 characters)*"),
        (MAPPING, "- 1\n", "my.yaml: expected a mapping with file, family, delimiter, columns"),
        (MAPPING, "", "my.yaml: the file is empty"),
    ],
)
def test_a_wrong_mapping_is_refused_with_its_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    _put(tmp_path, "my.csv", "ts,prompt,completion\n1,2,3\n")
    assert old in MAPPING
    told = _message(_put(tmp_path, "my.yaml", MAPPING.replace(old, new, 1))).replace(f"{tmp_path}/", "")
    assert told.startswith(message[:-1]) if message.endswith("*") else told == message


@pytest.mark.parametrize("name", ['"a\\0b.csv"', "x" * 5000])
def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path, name: str) -> None:
    mapping = _put(tmp_path, "my.yaml", MAPPING.replace("my.csv", name))
    message = _message(mapping)
    assert message.startswith("my.yaml, line 1: ")
    assert len(message) < 300


def test_of_many_columns_that_are_not_used_ten_are_named(tmp_path: Path) -> None:
    names = ["n" * 99, *(f"c{k}" for k in range(3000))]
    path = _put(tmp_path, "my.csv", f"{REQUESTS.strip()},{','.join(names)}\n1,2,3{',4' * len(names)}\n")
    (note,) = _read(path).notes
    assert note == f"columns not used: {'n' * 60}..., c0, c1, c2, c3, c4, c5, c6, c7, c8 and 2991 more"


def test_a_file_of_several_tables_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "my.zip", "w") as packed:
        packed.writestr("a.csv", "ts,prompt,completion\n1,2,3\n")
        one = _put(tmp_path, "my.yaml", MAPPING.replace("my.csv", "my.zip"))
    assert _read(one).table.column("input_tokens").to_pylist() == [2]
    with zipfile.ZipFile(tmp_path / "my.zip", "a") as packed:
        packed.writestr("b.csv", "")
    assert _message(one) == "my.yaml, line 1: my.zip: an archive of 2 files; name one file"
