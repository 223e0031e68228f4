"""The page of a study: what was swept, what failed, what matters, all of it from the table."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Mapping
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from html_page import Page
from swept import BASE, store

from simtier.cli.studies_shown import show_swept
from simtier.errors import ResultError, StudyError
from simtier.report.numbers import NOTHING
from simtier.report.study import write_study_report
from simtier.scenario.document import parse
from simtier.scenario.load import from_dict
from simtier.study.axes import cells
from simtier.study.file import Study
from simtier.study.sweep import Swept, load, sweep
from simtier.study.task import Base

FRONT, BACK, SCHEDULING = "services.front.replicas", "services.back.replicas", "policies.scheduling"
RATE, TIME = "workloads.people.arrivals.rate", "apps.buy.stages.a.time"
GRID = [{"grid": {FRONT: [1, 2, 3], BACK: [1, 2]}}, {"grid": {SCHEDULING: ["fifo", "lifo"]}}]
SHORT = "scheduling"
SECOND, CORES = "apps.buy.stages.b.time", "services.front.cores"
EVIL = "</text><script>alert(1)</script>"


def rows(values: Mapping[str, str], number: int) -> Mapping[str, float] | str:
    front, back = int(values[FRONT]), int(values[BACK])
    if front == 3 and values[SCHEDULING] == "lifo" and number == 1:
        return f"services.front: no room {EVIL}"
    noise = np.random.default_rng([number, front, back]).normal(size=2)
    latency = (
        0.1 / front
        + 0.05 / back
        + 0.01 / (front * back)
        + (0.02 if values[SCHEDULING] == "lifo" else 0.0)
        + 0.001 * noise[0]
    )
    return {
        "apps.buy.latency_s.mean": latency,
        "apps.buy.slo.attainment": 1 - latency + 0.001 * noise[1],
        "energy_j": 100.0 * front + 50.0 * back,
        "cost_usd": 0.1 * (front + back),
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = store(tmp_path_factory.mktemp("studies") / "made", GRID, rows, replications=3, set={"run.duration": "10 s"})
    write_study_report(made)
    return made


def page_of(folder: Path) -> str:
    return (folder / "report.html").read_text(encoding="utf-8")


def test_the_page_needs_nothing_else_and_is_whole(folder: Path) -> None:
    text = page_of(folder)
    found = Page(text)
    ids = [attributes["id"] for _, attributes in found.found if "id" in attributes]
    assert len(ids) == len(set(ids))
    for tag, attributes in found.found:
        assert tag not in ("iframe", "object", "embed", "img", "image")
        assert not any(key.startswith("on") for key in attributes)
        assert attributes.get("src") is None
        if attributes.get("href"):
            assert re.match(r"#|data:,|effects\.json$", attributes["href"] or "")
    assert all(attributes.get("scope") in ("col", "row") for tag, attributes in found.found if tag == "th")
    assert all(
        attributes.get("aria-label") for _, attributes in found.found if attributes.get("role") in ("img", "region")
    )
    assert re.findall(r'<section id="(\w+)"', text) == [
        "swept",
        "best",
        "fields",
        "effects",
        "pairs",
        "front",
        "cells",
        "again",
    ]
    assert text.count("<figure>") == text.count("<figcaption>") == 4 + 1 + 1
    assert text.count("<script>") == 1


def test_failures_are_grouped_and_their_messages_stay_text(folder: Path) -> None:
    text = page_of(folder)
    assert "<script>alert" not in text
    assert "services.front: no room &lt;/text&gt;&lt;script&gt;" in text
    assert re.search(r"<dt>failed</dt><dd>2 of 36</dd>", text)
    assert "2 cells in all metrics" in text


def test_every_cell_and_its_means_are_on_the_page(folder: Path) -> None:
    shown = set(re.findall(r'<data value="([^"]+)"', page_of(folder)))
    _, table = load(folder)
    frame = table.to_pandas()
    for _, cell in frame[frame["status"] == "ok"].groupby("cell"):
        assert repr(float(np.mean(cell["apps.buy.latency_s.mean"].to_numpy()))) in shown


def test_the_order_in_which_rows_came_does_not_change_a_byte(folder: Path, tmp_path: Path) -> None:
    copied = tmp_path / "again"
    shutil.copytree(folder, copied, ignore=shutil.ignore_patterns("rows", "report.html"))
    for path in sorted(folder.rglob("cell-*.parquet"), reverse=True):
        (copied / path.relative_to(folder)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copied / path.relative_to(folder))
    write_study_report(copied)
    for name in ("report.html", "effects.json"):
        assert (copied / name).read_bytes() == (folder / name).read_bytes()


def test_the_analysis_is_there_as_data_without_nan(folder: Path) -> None:
    def refuse(name: str) -> None:
        raise AssertionError(name)

    document = json.loads((folder / "effects.json").read_text(encoding="utf-8"), parse_constant=refuse)
    assert document["cells"] == 12
    by_metric = {each["metric"]: each for each in document["effects"]}
    cost = {each["field"]: each["share"] for each in by_metric["cost_usd"]["effects"]}
    assert cost[SCHEDULING] == pytest.approx(0, abs=1e-12)
    assert cost[FRONT] > cost[BACK] > 0
    assert [each["metric"] for each in document["front"]["objectives"]] == [
        "apps.buy.slo.attainment",
        "cost_usd",
        "energy_j",
    ]
    assert {point["place"] for point in document["front"]["points"] if point["on_front"]} <= set(range(12))


def test_what_the_page_says_makes_the_study_again(folder: Path, tmp_path: Path) -> None:
    blocks = [unescape(each) for each in re.findall(r"<pre>(.*?)</pre>", page_of(folder), re.DOTALL)]
    study_text, base_text = blocks[-2:]
    written, _ = parse(study_text, "study.yaml")
    base, _ = parse(base_text, "scenario.yaml")
    assert base == BASE
    again, (before, _) = Study.from_dict(written, folder=tmp_path), load(folder)
    assert again.axes == before.axes
    assert (again.set, again.replications, again.seed) == (before.set, before.replications, before.seed)
    command = shlex.split(next(block for block in blocks if block.startswith("simtier run")))
    changes = dict(command[place + 1].split("=", 1) for place, word in enumerate(command) if word == "--set")
    expected = {tuple(cell.changes) for cell in cells(before, Base(BASE))}
    assert tuple(changes.items()) in expected
    assert from_dict(BASE, changes).name == "shop"


def test_fields_drawn_from_ranges_get_trends_and_a_cloud(tmp_path: Path) -> None:
    def drawn(values: Mapping[str, str], number: int) -> Mapping[str, float]:
        rate, time = (float(values[path].split()[0]) for path in (RATE, TIME))
        return {"apps.buy.latency_s.mean": rate + 0.001 * time + 0.01 * number}

    axes = [
        {
            "latin_hypercube": {
                "count": 40,
                "fields": {
                    RATE: {"from": "1 /s", "to": "9 /s"},
                    TIME: {"from": "1 ms", "to": "100 ms", "scale": "log"},
                },
            }
        }
    ]
    text = write_study_report(store(tmp_path / "drawn", axes, drawn)).read_text(encoding="utf-8")
    assert "rank correlation" in text
    assert "every cell is a small point" in text
    assert len(re.findall(r'id="[^"]*xtick_\d+"', text)) >= 2 * 3
    assert re.search(r">[0-9.]{1,5} ms to [0-9.]{1,5} ms</text>", text)
    assert re.search(r"The fits explain, of what differs between cells, 100 % in", text)
    assert "There is no front" in text


def test_a_study_that_only_fails_or_has_one_cell_is_reported_too(tmp_path: Path) -> None:
    text = write_study_report(store(tmp_path / "failed", GRID, lambda values, number: "no")).read_text(encoding="utf-8")
    assert "24 of 24" in text
    alone = write_study_report(
        store(tmp_path / "alone", [{"grid": {FRONT: [1]}}], lambda values, number: {"cost_usd": 1.0}, replications=1)
    )
    assert "One replication: numbers have no interval" in alone.read_text(encoding="utf-8")
    Page(text)
    Page(alone.read_text(encoding="utf-8"))


def test_a_study_that_is_not_finished_says_so(tmp_path: Path) -> None:
    made = store(tmp_path / "begun", GRID, rows)
    (made / "rows" / "block=0000" / "cell-000003.parquet").unlink()
    text = write_study_report(made).read_text(encoding="utf-8")
    assert "Not finished." in text
    assert "11 of 12 cells" in text


def test_a_folder_without_a_study_or_with_other_rows_is_refused_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="holds no study"):
        write_study_report(tmp_path)
    made = store(tmp_path / "made", GRID, rows)
    about = json.loads((made / "study.json").read_text(encoding="utf-8"))
    about["study"]["axes"] = [{"grid": {"run.seed": [1, 2]}}]
    (made / "study.json").write_text(json.dumps(about), encoding="utf-8")
    with pytest.raises(ResultError, match=r"made does not hold the rows of its study .*sweep it again"):
        write_study_report(made)


def test_a_swept_study_is_reported(tmp_path: Path) -> None:
    base = {**BASE, "run": {"duration": "10 s", "seed": 3}}
    (tmp_path / "scenario.yaml").write_text(json.dumps(base), encoding="utf-8")
    study = Study.from_dict(
        {
            "name": "small",
            "question": "How many?",
            "base": "scenario.yaml",
            "axes": [{"grid": {TIME: ["10 ms", "100 ms"]}}],
            "replications": 2,
        },
        folder=tmp_path,
    )
    sweep(study, tmp_path / "out")
    text = write_study_report(tmp_path / "out").read_text(encoding="utf-8")
    assert re.search(
        r'<th scope="row">apps\.buy\.latency_s\.mean</th><td class="">less</td><td class="">10 ms</td>', text
    )


def test_the_command_line_prints_how_far_a_study_is_and_what_it_says(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    show_swept(folder, Swept(cells=12, done=12, began=3, to_play=27))
    printed = capsys.readouterr().out
    assert printed.startswith(
        "12 of 12 cells are finished, 3 of them before\n2 of 36 replications failed:\n  2 times, first in cell 9: services.front: no room"
    )
    assert all(title in printed for title in ("Best cell by each metric", "What each field explains", "Pareto front"))
    assert f"Report: {folder / 'report.html'}" in printed


def test_nothing_but_failures_is_told_of_a_study_that_was_stopped(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    show_swept(folder, Swept(cells=20, done=12, began=12, to_play=24))
    printed = capsys.readouterr().out
    assert "2 of 36 replications failed" in printed
    assert f"Not finished: the same command with --resume goes on with {folder}" in printed
    assert not any(title in printed for title in ("Best cell", "What each field explains", "Pareto front"))


def test_a_field_that_changes_nothing_has_no_lowest_and_no_highest(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    show_swept(folder, Swept(cells=12, done=12, began=0, to_play=36))
    table = capsys.readouterr().out.partition("What each field explains")[2].partition("Pareto")[0]
    told = [line for line in table.splitlines() if "cost_usd" in line and SHORT in line]
    assert [line.count(NOTHING) for line in told] == [3]
    row = re.search(rf'<th scope="row">cost_usd</th><td[^>]*>{SHORT}</td>.*?</tr>', page_of(folder), re.DOTALL)
    assert row is not None
    assert re.findall(r"<td[^>]*>([^<]*)</td>", row[0])[-3:] == [NOTHING] * 3
    assert f"{SCHEDULING}: changes nothing" in page_of(folder)


def test_the_command_line_says_of_how_many_fields_it_shows_five(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    levels = {FRONT: [1, 2], BACK: [1, 2], RATE: ["1 /s", "2 /s"], TIME: ["1 ms", "2 ms"], SECOND: ["1 ms", "2 ms"]}
    axes = [{"grid": {field: two}} for field, two in [*levels.items(), (CORES, [1, 2])]]

    def made(values: Mapping[str, str], number: int) -> Mapping[str, float]:
        return {"cost_usd": sum(2.0**place * float(text.split()[0]) for place, text in enumerate(values.values()))}

    out = store(tmp_path / "many", axes, made)
    show_swept(out, Swept(cells=64, done=64, began=0, to_play=128))
    assert "Of each metric the 5 fields that explain most of it, of 6; the report has all" in capsys.readouterr().out


def test_nothing_is_said_of_a_study_without_a_finished_cell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show_swept(tmp_path, Swept(cells=12, done=0, began=0, to_play=36))
    assert capsys.readouterr().out.startswith("0 of 12 cells are finished\nNot finished")
