"""`simtier traces`: each command as a user calls it, with what goes wrong."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from http_site import site
from typer.testing import CliRunner, Result

from simtier.cli import app
from simtier.traces import find
from simtier.traces.imported import provenance
from simtier.traces.source import Source

CSV = "TIMESTAMP,ContextTokens,GeneratedTokens\n"
ROWS = [f"2023-11-16 18:00:0{second}.0000000,{10 + second},{second}" for second in range(5)]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, without traces but the checkout's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SIMTIER_TRACES", raising=False)
    return tmp_path


def cli(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["traces", *arguments])


def _file(name: str, *rows: str) -> str:
    Path(name).write_text(CSV + "\n".join(rows or ROWS) + "\n", encoding="utf-8")
    return name


# --- list


def test_list_tells_of_every_dataset_what_it_is_and_its_licence() -> None:
    told = json.loads(cli("list", "--json").stdout)
    assert {"azure-llm-2023", "burstgpt", "huawei-2025", "azure-functions-2019", "mooncake", "aws-spot"} <= set(told)
    assert all(each["title"] and each["licence"] and each["obtain"] for each in told.values())
    assert told["norway-hsdpa"]["found"]["norway-hsdpa/bus-1"]["family"] == "bandwidth"
    assert "CC-BY 4.0" in cli("list").stdout


def test_list_of_one_dataset_says_what_to_cite_and_where_it_goes() -> None:
    told = cli("list", "azure-llm-2023").stdout
    assert 'Cite: Patel et al., "Splitwise' in told
    assert "azure-llm-2023/conv" in told
    assert "Put it under burstgpt with BurstGPT_*;" in cli("list", "burstgpt").stdout
    wrong = cli("list", "azure-lm-2023")
    assert (wrong.exit_code, wrong.stderr) == (
        2,
        "error: no dataset 'azure-lm-2023' (did you mean 'azure-llm-2023'?)\n",
    )


# --- info


def test_info_of_a_file_tells_rows_rate_gaps_and_percentiles() -> None:
    name = f"azure-llm-2023:{_file('mine.csv')}"
    shown = cli("info", name).stdout
    assert f"{name}: 5 rows of llm_requests" in shown
    assert all(word in shown for word in ("gap CV", "dispersion of counts in 60 s", "input_tokens", "p99"))
    told = json.loads(cli("info", name, "--json").stdout)
    assert (told["rows"], told["rows_read"], told["dropped"], told["span_s"]) == (5, 5, {}, 4.0)
    assert told["numbers"]["input_tokens"]["p50"] == 12
    assert told["arrivals"]["gap_cv"] == 0


def test_info_draws_what_it_tells() -> None:
    name = f"azure-llm-2023:{_file('mine.csv')}"
    assert "Drawn to a.png" in cli("info", name, "--plot", "a.png").stdout
    assert Path("a.png").read_bytes().startswith(b"\x89PNG")
    assert cli("info", name, "--plot", "a.bmp").exit_code == 2


def test_a_bad_row_is_an_error_with_its_place_or_dropped_and_counted() -> None:
    name = f"azure-llm-2023:{_file('mine.csv', *ROWS[:2], '2023-11-16 18:00:09,x,1', '2023-11-16 18:00:09,,-1')}"
    failed = cli("info", name)
    place = "mine.csv, line 4, column 2 (ContextTokens)"
    assert (failed.exit_code, failed.stderr) == (2, f"error: {place}: 'x' is not a whole number of at most 18 digits\n")
    dropped = cli("info", name, "--on-error", "drop").stdout
    assert "Dropped: 1 of 4 rows: ContextTokens: not a whole number of at most 18 digits" in dropped
    assert "Dropped: 1 of 4 rows: ContextTokens: blank" in dropped
    assert cli("info", name, "--on-error", "ignore").exit_code == 2


# --- import


def test_import_keeps_rows_provenance_and_counts() -> None:
    done = cli(
        "import",
        _file("AzureLLMInferenceTrace_mine.csv", ROWS[1], ROWS[0], "broken,1,1"),
        "--as",
        "azure-llm-2023/mine",
        "--on-error",
        "drop",
    )
    assert done.exit_code == 0, done.output
    assert "azure-llm-2023/mine: 2 rows in traces/azure-llm-2023/mine.parquet" in done.stdout
    assert "Dropped: 1 rows: TIMESTAMP: not a time stamp" in done.stdout
    told = json.loads(cli("info", "azure-llm-2023/mine", "--json").stdout)
    assert (told["rows"], told["span_s"]) == (2, 1.0)
    assert any("1 of 3 rows were dropped when it was converted" in note for note in told["read_notes"])
    assert any("1 rows lay before the row above them" in note for note in told["read_notes"])


def test_import_does_not_write_over_a_trace_nor_outside_the_directory() -> None:
    name = _file("AzureLLMInferenceTrace_mine.csv")
    assert cli("import", name, "--as", "azure-llm-2023/mine").exit_code == 0
    again = cli("import", name, "--as", "azure-llm-2023/mine")
    assert (again.exit_code, "exists already" in again.stderr) == (2, True)
    for wrong in ("mine", "azure-llm-2023/../../mine", "/tmp/mine", "nothing/mine"):
        assert cli("import", name, "--as", wrong).exit_code == 2
    assert [str(path) for path in Path().rglob("*.parquet")] == ["traces/azure-llm-2023/mine.parquet"]


def test_counts_are_imported_with_their_functions_or_not_at_all() -> None:
    folder = Path("invitro_extremes")
    folder.mkdir()
    key = "HashOwner,HashApp,HashFunction"
    (folder / "invocations.csv").write_text(f"{key},Trigger,1,2\no,a,f,http,1,2\n", encoding="utf-8")
    header = f"{key},Average,Count,Minimum,Maximum," + ",".join(
        f"percentile_Average_{p}" for p in (0, 1, 25, 50, 75, 99, 100)
    )
    durations = folder / "durations.csv"
    durations.write_text(f"{header}\no,a,f,x,1,1,1,1,1,1,1,1,1,1\n", encoding="utf-8")
    arguments = ("import", str(folder / "invocations.csv"), "--as", "azure-functions-2019/mine")
    assert cli(*arguments).exit_code == 2
    assert not Path("traces").exists()
    durations.write_text(
        f"{header}\no,a,g,x,1,1,1,1,1,1,1,1,1,1\no,a,f,100,1,100,100,100,100,100,100,100,100,100\n", encoding="utf-8"
    )
    assert cli(*arguments).exit_code == 2
    told = cli(*arguments, "--on-error", "drop").stdout
    assert "azure-functions-2019/mine-functions: 1 rows in traces/azure-functions-2019/mine-functions.parquet" in told
    assert "Dropped: 1 rows: Average: not a finite number" in told
    notes = json.loads(cli("info", "azure-functions-2019/mine-functions", "--json").stdout)["read_notes"]
    assert notes == [
        "1 of 3 rows were dropped when it was converted: Average: not a finite number",
        "0 functions have durations and no minutes, 0 have minutes and no durations",
        "no table of memory lies beside it (d13 and d14 have none): memory is not known",
    ]
    assert sorted(path.name for path in Path("traces").rglob("*.parquet")) == ["mine-functions.parquet", "mine.parquet"]
    assert find("azure-functions-2019/mine", [Path("traces")]).functions().to_pylist()[0]["duration_mean_s"] == 0.1


def test_functions_of_a_look_alike_are_imported_as_such() -> None:
    assert cli("import", "azure-functions-2019/invitro-extremes", "--as", "own/like").exit_code == 0
    for name in ("own/like", "own/like-functions"):
        assert "Note: a generated look-alike, not the published data" in cli("info", name).stdout


def test_info_says_of_which_file_the_hash_of_a_converted_trace_is() -> None:
    cli("import", _file("AzureLLMInferenceTrace_mine.csv"), "--as", "azure-llm-2023/mine")
    sha256 = hashlib.sha256(Path("AzureLLMInferenceTrace_mine.csv").read_bytes()).hexdigest()
    line = f"\nSHA-256 of AzureLLMInferenceTrace_mine.csv, from which it was converted: {sha256}\n"
    assert line in cli("info", "azure-llm-2023/mine").stdout
    cli("synthesize", "azure-llm-2023/conv", "--rows", "300", "--as", "own/like", "--into", "made")
    sha256 = hashlib.sha256(Path("made/own/like.parquet").read_bytes()).hexdigest()
    assert f"\nSHA-256: {sha256}\n" in cli("info", "own/like", "--traces", "made").stdout


def test_import_of_a_file_of_ones_own_by_options() -> None:
    Path("web.csv").write_text("ts,prompt,answer\n1000,5,6\n3500,7,8\n", encoding="utf-8")
    options = [
        "--family",
        "llm_requests",
        "--map",
        "arrival_s=ts:ms",
        "--map",
        "input_tokens=prompt",
        "--map",
        "output_tokens=answer",
    ]
    assert cli("import", "web.csv", "--as", "own/web", *options).exit_code == 0
    told = json.loads(cli("info", "own/web", "--json").stdout)
    assert (told["rows"], told["span_s"], told["numbers"]["output_tokens"]["max"]) == (2, 2.5, 8)
    wrong = cli("import", "web.csv", "--as", "burstgpt/web", *options)
    assert wrong.stderr == "error: --family and --map are for files of your own: call it own/web\n"


def test_import_of_an_address_keeps_the_address_and_leaves_no_download_behind() -> None:
    data = (CSV + "\n".join(ROWS) + "\n").encode()
    with site(lambda handler, _: handler.send(data)) as server:
        url = server.url.replace("file.csv", "AzureLLMInferenceTrace_far.csv")
        done = cli("import", url, "--as", "azure-llm-2023/far")
    assert done.exit_code == 0, done.output
    path = Path("traces/azure-llm-2023/far.parquet")
    assert provenance(Source(path))["source"] == url
    assert [each.name for each in Path().rglob("*") if each.is_file()] == [path.name]


# --- fetch


def test_fetch_shows_addresses_and_says_what_only_a_person_can_get() -> None:
    shown = cli("fetch", "burstgpt/1", "--show").stdout
    assert "BurstGPT_1.csv: https://" in shown
    assert "SHA-256 4bb3783693d0a435686fbfc885615d2349bd067239079fa4b749f2e679e12122" in shown
    refused = cli("fetch", "huawei-2025")
    assert (refused.exit_code, "no program may download it" in refused.stderr) == (2, True)
    assert not Path("traces").exists()


# --- fit and synthesize


def test_a_look_alike_is_made_by_name_and_says_that_it_is_one() -> None:
    done = cli("synthesize", "azure-llm-2023/conv", "--rows", "300", "--seed", "3", "--into", "made")
    assert "azure-llm-2023/conv: 300 generated rows in made/azure-llm-2023/conv.parquet" in done.stdout
    told = json.loads(cli("info", "azure-llm-2023/conv", "--json", "--traces", "made").stdout)
    assert (told["rows"], told["read_notes"][0]) == (300, "a generated look-alike, not the published data")
    cli("synthesize", "azure-llm-2023/conv", "--rows", "300", "--seed", "3", "--into", "again")
    again = json.loads(cli("info", "azure-llm-2023/conv", "--json", "--traces", "again").stdout)
    assert again["numbers"] == told["numbers"]


def test_parameters_fitted_to_a_trace_make_a_look_alike_of_it() -> None:
    cli("synthesize", "azure-llm-2023/conv", "--rows", "2000", "--into", "made")
    fitted = cli("fit", "azure-llm-2023/conv", "--out", "mine.yaml", "--traces", "made")
    assert fitted.exit_code == 0, fitted.output
    assert (
        Path("mine.yaml")
        .read_text(encoding="utf-8")
        .startswith("# A look-alike fitted by `simtier traces fit` to azure-llm-2023/conv")
    )
    assert (
        cli(
            "synthesize", "--parameters", "mine.yaml", "--as", "own/like", "--duration", "60 s", "--into", "made"
        ).exit_code
        == 0
    )
    told = json.loads(cli("info", "own/like", "--json", "--traces", "made").stdout)
    assert told["span_s"] < 60
    assert cli("fit", "azure-llm-2023/conv", "--out", "mine.yaml", "--traces", "made").exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["azure-llm-2023/conv"], "say how much: --rows, --duration, or both"),
        (["lumos5g/driving", "--rows", "5"], "say by --as what to call it, for example own/mine"),
        (["norway-hsdpa", "--rows", "5"], "say by --as what to call it, for example own/mine"),
        (
            ["azure-llm-2023/con", "--rows", "5"],
            "no look-alike 'azure-llm-2023/con' (did you mean 'azure-llm-2023/conv'?)",
        ),
        (["azure-llm-2023/conv", "--duration", "60"], "60"),
        (["azure-llm-2023/conv", "--parameters", "x.yaml"], "not both"),
    ],
)
def test_what_cannot_be_made_is_said(arguments: list[str], message: str) -> None:
    wrong = cli("synthesize", *arguments)
    assert wrong.exit_code == 2
    assert message in wrong.stderr


def test_without_a_name_the_look_alikes_are_listed() -> None:
    shown = cli("synthesize").stdout
    assert "huawei-2025/R1-cold-starts" in shown
    assert "cold_starts" in shown
