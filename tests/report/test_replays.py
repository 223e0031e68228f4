"""What the page says of traces: how they were replayed, in words, and what was done to their rows."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pytest

Play = Callable[..., Path]

SCENARIO = """
name: replayed
run: {{duration: 60 s, drain: 60 s, seed: 1, samples: 0}}
nodes: {{here: {{tier: edge, cores: 8}}}}
services: {{pool: {{on: here, cores: 8, concurrency: 1000}}}}
apps: {{ask: {{stages: {{only: {{service: pool, time: {time}}}}}}}}}
workloads: {{asks: {{app: ask, from: here, trace: {trace}}}}}
"""


@pytest.fixture(autouse=True)
def _only_shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIMTIER_TRACES", raising=False)


def page_of(directory: Path) -> str:
    """Return the page's text, tags as spaces."""
    page = (directory / "report.html").read_text(encoding="utf-8")
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page)).split())


def section(page: str, begin: str, end: str) -> str:
    return page.rpartition(f" {begin} ")[2].partition(f" {end} ")[0]


def write(folder: Path, *rows: str) -> str:
    path = folder / "own.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return f'"own:{path}"'


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("azure-llm-2023/conv", "trace azure-llm-2023/conv 0 B"),
        (
            "azure-llm-2023/conv, window: [10 min, 40 min], share: 0.5, share_by: session, scale_rate: 1.5, scale_time: 2, on_error: drop",
            "trace azure-llm-2023/conv; 600 s to 2400 s; 50 % of the requests, by session; 1.5 times the requests; 2 times as fast; bad rows dropped",
        ),
        (
            "azure-functions-2019/invitro-extremes, expand: {process: gamma, cv: 3, default_duration: 2 s}",
            "trace azure-functions-2019/invitro-extremes; counts expanded by gamma, cv 3.0, default duration 2.0 s",
        ),
    ],
)
def test_a_replay_is_told_in_words(written: str, told: str, play: Play) -> None:
    assert told in page_of(play(SCENARIO.format(trace=written, time="1 ms")))


def test_dropped_rows_and_notes_are_told(tmp_path: Path, play: Play) -> None:
    rows = ("arrival_s,input_tokens,output_tokens,mood", "0,1,2,good", "1,many,2,bad", "3,4,5,good", "2,4,5,good")
    page = page_of(play(SCENARIO.format(trace=f"{write(tmp_path, *rows)}, on_error: drop", time="1 ms")))
    told = section(page, "Traces used", "Timeline")
    assert "own.csv 4 1 " in told
    assert "1 rows lay before the row above them; sorted by time" in told
    assert "columns not used: mood" in told
    assert re.search(r" [0-9a-f]{64}$", told)


def test_a_look_alike_is_called_one(play: Play) -> None:
    page = page_of(play(SCENARIO.format(trace="azure-llm-2023/conv", time="1 ms")))
    assert "a generated look-alike, not the published data" in section(page, "Traces used", "Timeline")


def test_what_expanding_left_out_is_told(tmp_path: Path, play: Play) -> None:
    ids = ("HashOwner,HashApp,HashFunction", "o,a,f", "o,b,g")
    minutes = ",".join(map(str, range(1, 1441)))
    rates = tmp_path / "invocations_per_function_md.anon.d01.csv"
    zeros = ",0" * 1439
    rates.write_text(
        f"{ids[0]},Trigger,{minutes}\n{ids[1]},http,2{zeros}\n{ids[2]},http,1300{zeros}\n", encoding="utf-8"
    )
    percentiles = ",".join(f"percentile_Average_{p}" for p in (0, 1, 25, 50, 75, 99, 100))
    durations = tmp_path / "function_durations_percentiles.anon.d01.csv"
    durations.write_text(
        f"{ids[0]},Average,Count,Minimum,Maximum,{percentiles}\n{ids[1]},9,4,9,9{',9' * 7}\n", encoding="utf-8"
    )
    written = f'"azure-functions-2019:{rates}", expand: even'
    page = page_of(play(SCENARIO.format(trace=written, time="{distribution: traced, duration: 1}")))
    told = section(page, "Traces used", "Timeline")
    assert "where its counts became requests, in all replications: 1,300 " in told
