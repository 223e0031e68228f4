"""`simtier traces` with what it cannot use: refused in a sentence before it works, and nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from http_site import site
from typer.testing import CliRunner

from simtier.cli import app

LONG = "a" * 5000
TRACE = "azure-llm-2023/conv"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, without traces but the checkout's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SIMTIER_TRACES", raising=False)
    monkeypatch.setenv("no_proxy", "*")
    return tmp_path


def refused(*arguments: str, left: int = 0) -> str:
    """Return why the command is refused, after looking that no file is there but `left`."""
    answer = CliRunner().invoke(app, ["traces", *arguments])
    assert answer.exit_code == 2, answer.output
    assert answer.stderr.count("\n") == 1
    assert len(answer.stderr) < 900
    assert len([path for path in Path().rglob("*") if path.is_file()]) == left
    return answer.stderr.strip().removeprefix("error: ")


@pytest.mark.parametrize("command", [["list"], ["info", TRACE], ["fit", TRACE], ["import", TRACE, "--as", "own/a"]])
def test_a_missing_directory_in_the_environment_is_told_instead_of_taking_look_alikes(
    monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setenv("SIMTIER_TRACES", os.pathsep.join([".", "typo"]))
    assert refused(*command) == "SIMTIER_TRACES names 'typo', which is no directory: correct it, or unset it"


@pytest.mark.parametrize("command", [["info"], ["fit"], ["import", "--as", "own/a"]])
def test_a_file_that_is_not_there_and_a_dataset_alone_are_told_as_such(command: list[str]) -> None:
    for path in ("none.csv", "data/none.csv.gz"):
        assert refused(*command, path) == (
            f"'{path}': there is no such file; a trace is named dataset/item, as `simtier traces list` shows them"
        )
    assert refused(*command, "burstgpt") == (
        "'burstgpt' is a dataset: name one of its traces; `simtier traces list burstgpt` shows them"
    )
    assert "did you mean 'azure-llm-2023'?" in refused(*command, "azur-llm-2023/conv")


@pytest.mark.parametrize("name", ["~nosuchuser/a.csv", "own:~nosuchuser/a.csv"])
@pytest.mark.parametrize("command", [["info"], ["fit"], ["import", "--as", "own/a"]])
def test_a_home_of_nobody_is_told(name: str, command: list[str]) -> None:
    assert refused(*command, name).startswith("'~nosuchuser/a.csv': there is no home folder of '~nosuchuser'")


@pytest.mark.parametrize(
    "arguments",
    [
        ["import", TRACE, "--as", "own/a", "--into"],
        ["import", "--as", "own/a", "--family", "bandwidth"],
        ["synthesize", TRACE, "--rows", "5", "--into"],
        ["synthesize", "--as", "own/a", "--rows", "5", "--parameters"],
        ["samples", "--out"],
        ["fit", TRACE, "--out"],
        ["info", TRACE, "--plot"],
        ["list", "--traces"],
    ],
)
def test_a_home_of_nobody_is_told_of_every_path(arguments: list[str]) -> None:
    assert "there is no home folder of '~nosuchuser'" in refused(*arguments, "~nosuchuser/a.png")


@pytest.mark.parametrize("name", [LONG, f"own:{LONG}", f"own/{LONG}", f"{LONG}/a", "a\0b", "own:a\0b", "own/a\0b"])
@pytest.mark.parametrize(
    "command", [["info"], ["fit"], ["import", "--as", "own/a"], ["list"], ["fetch"], ["synthesize", "--rows", "1"]]
)
def test_names_that_no_file_can_have_are_refused_and_cut(command: list[str], name: str) -> None:
    assert ("... (" in refused(*command, name)) == (len(name) > 300)


@pytest.mark.parametrize("path", ["none/x.png", "file/x.png", ".", f"{LONG}.png", "x.bmp"])
def test_a_plot_that_cannot_be_written_is_refused_before_the_trace_is_read(path: str) -> None:
    Path("file").touch()
    Path("bad.csv").write_text("TIMESTAMP,ContextTokens,GeneratedTokens\nx,y,z\n", encoding="utf-8")
    assert "bad.csv" not in refused("info", "azure-llm-2023:bad.csv", "--plot", path, left=2)


@pytest.mark.parametrize("path", ["none/x.yaml", "file/x.yaml", ".", f"{LONG}.yaml", "file"])
def test_parameters_that_cannot_be_written_are_refused_before_the_trace_is_read(path: str) -> None:
    Path("file").touch()
    Path("bad.csv").write_text("TIMESTAMP,ContextTokens,GeneratedTokens\nx,y,z\n", encoding="utf-8")
    assert "bad.csv" not in refused("fit", "azure-llm-2023:bad.csv", "--out", path, left=2)


@pytest.mark.parametrize("path", ["file", "file/below", LONG])
def test_a_directory_that_cannot_be_is_refused(path: str) -> None:
    Path("file").touch()
    for command in (
        ["synthesize", TRACE, "--rows", "5", "--into"],
        ["import", TRACE, "--as", "own/a", "--into"],
        ["samples", "--out"],
    ):
        assert any(word in refused(*command, path, left=1) for word in ("file is no directory", "File name too long"))


def test_a_target_that_is_taken_is_told_before_anything_is_downloaded() -> None:
    Path("traces/own").mkdir(parents=True)
    Path("traces/own/a.parquet").touch()
    with site(lambda handler, _: handler.send(b"time_s\n")) as server:
        assert "exists already" in refused("import", server.url, "--as", "own/a", left=1)
        assert server.seen == []


@pytest.mark.parametrize("duration", ["inf s", "-inf s", "nan s", "0 s", "-1 s", "1e300 s", "101 d" * 20, "36600 d"])
def test_a_duration_without_end_is_refused(duration: str) -> None:
    told = refused("synthesize", TRACE, "--duration", duration, "--as", "own/a")
    assert "a century at most, such as '2 h'" in told or "is not a number" in told


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 20_000, "x.yaml, line 1: nested more than 40 levels deep; parameters are as"),
        ("", "x.yaml, line 1: the file is empty; parameters are as"),
        ("a: &a [*a]", "x.yaml, line 1: "),
        ("a: !!python/name:os.system x", "x.yaml, line 1: the tag "),
        ("a: [1", "x.yaml, line 1: not YAML"),
        ("a: 1\na: 2", "x.yaml, line 2: the key 'a' is written twice"),
        (f"a: {'9' * 5000}", "x.yaml, line 1: '999"),
        ("- 1", "x.yaml: takes the keys 'generator' and 'parameters', and no other"),
        ("generator: [1]\nparameters: {}", "x.yaml.generator: no generator [1]"),
        (f"generator: {LONG}\nparameters: {{}}", f"x.yaml.generator: no generator '{'a' * 60}'... (5000 characters)"),
        ("generator: MinuteCounts\nparameters: [1]", "x.yaml.parameters: [1] is not a mapping"),
        (
            f"generator: MinuteCounts\nparameters: {{{LONG[:900]}: 1}}",
            f"x.yaml.parameters.{'a' * 60}...: not a parameter of",
        ),
    ],
)
def test_parameters_that_are_none_are_refused_with_their_place(text: str, message: str) -> None:
    Path("x.yaml").write_text(text, encoding="utf-8")
    told = refused("synthesize", "--parameters", "x.yaml", "--rows", "5", "--as", "own/a", left=1)
    assert told.startswith(message)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (".nan", "nan is not a finite number"),
        (".inf", "inf is not a finite number"),
        ("1e999", "inf is not a finite number"),
        ("9" * 400, "has more than 18 digits"),
        ("true", "True is not a number"),
        ("'5'", "'5' is not a number"),
        ("null", "None is not a number"),
        ("[[1, 2], [3]]", "[[1, 2], [3]] is not a number"),
    ],
)
def test_a_parameter_of_another_kind_is_refused_with_its_place(value: str, why: str) -> None:
    fitted = CliRunner().invoke(app, ["traces", "synthesize", "norway-hsdpa", "--rows", "200", "--as", "own/a"])
    assert fitted.exit_code == 0
    CliRunner().invoke(app, ["traces", "fit", "own/a", "--traces", "synthesized", "--out", "x.yaml"])
    text = Path("x.yaml").read_text(encoding="utf-8")
    changed = [f"  level_share: {value}" if "level_share:" in line else line for line in text.splitlines()]
    Path("x.yaml").write_text("\n".join(changed), encoding="utf-8")
    told = refused("synthesize", "--parameters", "x.yaml", "--rows", "5", "--as", "own/b", left=2)
    assert told.startswith("x.yaml.parameters.level_share: ")
    assert why in told


@pytest.mark.parametrize("path", ["none.yaml", ".", "", LONG, "~nosuchuser/x.yaml"])
def test_a_file_of_parameters_that_is_none_is_refused(path: str) -> None:
    refused("synthesize", "--parameters", path, "--rows", "5", "--as", "own/a")


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "the file is empty"),
        (b"a,b\n1,2\n", "no column carries a name of simtier's families"),
        (b"time_s,rate_bytes_per_s\n0,x\n", ", line 2, column 2 (rate_bytes_per_s)"),
    ],
)
@pytest.mark.parametrize("last", ["file.csv", "file.csv?key=1#top", f"{'a' * 500}.csv"])
def test_a_fault_in_what_an_address_gave_names_the_address(data: bytes, what: str, last: str) -> None:
    with site(lambda handler, _: handler.send(data)) as server:
        url = server.url.replace("file.csv", last)
        answer = CliRunner().invoke(app, ["traces", "import", url, "--as", "own/a"])
    assert answer.exit_code == 2
    assert answer.stderr.startswith(f"error: {url}")
    assert what in answer.stderr
    assert "simtier-" not in answer.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_look_alike_that_is_stopped_leaves_nothing_behind(here: Path, number: int, code: int) -> None:
    command = [sys.executable, "-m", "simtier", "traces", "synthesize", TRACE, "--rows", "1000000000000"]
    if signal.getsignal(number) is signal.SIG_IGN:
        pytest.skip("this signal is ignored here, and so it is by every program that is started from here")
    with subprocess.Popen(command, cwd=here, stderr=subprocess.PIPE) as process:
        while not list(here.rglob(".conv.parquet-*")) and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(number)
        try:
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == code, said
    assert b"Traceback" not in said
    assert [path for path in here.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_a_command_told_to_end_while_garbage_is_collected_is_told_again(name: str, code: int) -> None:
    """What a handler raises within a destructor is lost, wherever Python runs one."""
    program = f"""
import os, signal, sys, time
from simtier.cli.traces import stopping
stopping.AGAIN_S = 0.2
class Garbage:
    def __del__(self):
        os.kill(os.getpid(), signal.{name})
        time.sleep(0.05)
try:
    with stopping.tidy():
        Garbage()
        for _ in range(600):
            time.sleep(0.05)
except KeyboardInterrupt:
    sys.exit(130)
"""
    if signal.getsignal(getattr(signal, name)) is signal.SIG_IGN:
        pytest.skip("this signal is ignored here, and so it is by every program that is started from here")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60, check=False)
    assert b"Exception ignored" in done.stderr  # it was lost
    assert done.returncode == code
