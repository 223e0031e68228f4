"""The page: complete, truthful, self-contained, the same every time."""

from __future__ import annotations

import json
import re
import shutil
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from simtier.errors import ResultError
from simtier.report import write_report

SECTIONS = [
    "objectives",
    "outcomes",
    "latency",
    "time",
    "load",
    "replicas",
    "topology",
    "parts",
    "workloads",
    "decisions",
    "assumptions",
    "traces",
    "timeline",
    "scenario",
]
VOID = {"meta", "link", "br", "hr", "img", "wbr"}


class Elements(HTMLParser):
    """All tags with their attributes; fails on tags that do not close in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def page_of(directory: Path) -> str:
    return (directory / "report.html").read_text(encoding="utf-8")


def document_of(directory: Path) -> dict[str, object]:
    read: dict[str, object] = json.loads((directory / "result.json").read_text(encoding="utf-8"))
    return read


@pytest.mark.parametrize("name", ["chain", "split", "fork"])
def test_every_section_is_there_in_order(name: str, request: pytest.FixtureRequest) -> None:
    page = page_of(request.getfixturevalue(name))
    found = re.findall(r'<section id="(\w+)">', page)
    assert found == SECTIONS


@pytest.mark.parametrize("name", ["chain", "split", "fork"])
def test_the_page_loads_nothing_and_runs_nothing(name: str, request: pytest.FixtureRequest) -> None:
    elements = Elements(page_of(request.getfixturevalue(name)))
    assert elements.open == []
    for tag, attributes in elements.found:
        assert tag not in ("script", "iframe", "object", "embed", "img")
        for key, value in attributes.items():
            assert not key.startswith("on")
            if key in ("src", "href", "xlink:href"):
                assert value == "timeline.json" or (value or "").startswith(("#", "data:,"))


@pytest.mark.parametrize("name", ["chain", "split", "fork"])
def test_the_page_is_small_and_its_ids_are_unique(name: str, request: pytest.FixtureRequest) -> None:
    page = page_of(request.getfixturevalue(name))
    ids = [attributes["id"] for _, attributes in Elements(page).found if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert len(page.encode()) < 2_000_000
    for used in re.findall(r'(?:url\(|href=")#([\w-]+)', page):
        assert used in ids


def test_every_figure_says_in_words_what_it_shows_and_every_heading_its_scope(chain: Path) -> None:
    page = page_of(chain)
    assert page.count("<figure>") == page.count("<figcaption>") >= 6
    assert all(attributes.get("scope") in ("col", "row") for tag, attributes in Elements(page).found if tag == "th")
    assert all(
        attributes.get("aria-label") for _, attributes in Elements(page).found if attributes.get("role") == "img"
    )


def test_what_people_wrote_stays_text(chain: Path) -> None:
    page = page_of(chain)
    assert "<script" not in page
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; a &#34;quote&#34;" in page


def test_hostile_names_stay_text_in_tables_and_figures(chain: Path, tmp_path: Path) -> None:
    evil = "</text><script>alert(1)</script>$\\frac{1}{0}$"
    hostile = tmp_path / "result"
    shutil.copytree(chain, hostile)
    text = json.dumps(document_of(chain))
    for name in ("hall", "cell", "cloud"):
        text = text.replace(json.dumps(name), json.dumps(f"{name}{evil}"))
    text = text.replace('"cell.back"', json.dumps(f"cell{evil}.back"))
    (hostile / "result.json").write_text(text, encoding="utf-8")
    page = write_report(hostile).read_text(encoding="utf-8")
    assert "<script" not in page
    assert re.search(r"<th[^<]*>[^<]*&lt;script&gt;alert", page)
    assert re.search(r"<text[^<]*>[^<]*&lt;/text&gt;", page)
    assert Elements(page).open == []


@pytest.mark.parametrize("name", ["chain", "split", "fork"])
def test_numbers_on_the_page_are_those_of_the_summary(name: str, request: pytest.FixtureRequest) -> None:
    directory = request.getfixturevalue(name)
    shown = {unescape(value) for value in re.findall(r'<data value="([^"]+)"', page_of(directory))}
    summary = document_of(directory)["summary"]
    for app in summary["apps"].values():  # type: ignore[index]
        assert {str(app[key]) for key in ("arrived", "ok", "unfinished")} <= shown
        assert {repr(app["latency_s"][key]) for key in ("mean", "p50", "p90", "p95", "p99", "max")} <= shown
        assert "slo" not in app or repr(app["slo"]["attainment"]) in shown
    for kind, keys in (("services", ("utilisation", "mean_queue")), ("nodes", ("utilisation", "energy_j", "cost_usd"))):
        for part in summary[kind].values():  # type: ignore[index]
            assert {repr(part[key]) for key in keys if part[key]} <= shown
    assert {repr(summary["energy_j"]), repr(summary["cost_usd"])} <= shown  # type: ignore[index]


def test_a_missed_objective_is_told_from_one_that_is_met(chain: Path, split: Path, tmp_path: Path) -> None:
    for directory in (chain, split):
        slo = next(iter(document_of(directory)["summary"]["apps"].values()))["slo"]  # type: ignore[index]
        page = page_of(directory)
        assert ("✓ Met" in page) == slo["met"]
        assert ("✗ Missed" in page) == (not slo["met"])


def test_verdicts_within_the_interval_are_not_trusted(chain: Path, tmp_path: Path) -> None:
    copy = tmp_path / "result"
    shutil.copytree(chain, copy)
    document = document_of(chain)
    slo = document["summary"]["apps"]["see"]["slo"]  # type: ignore[index]
    slo |= {"attainment": 0.92, "half_width_95": {"attainment": 0.05}, "met": True}
    (copy / "result.json").write_text(json.dumps(document), encoding="utf-8")
    assert "spans the promise" in write_report(copy).read_text(encoding="utf-8")
    slo["half_width_95"] = {"attainment": 0.01}
    (copy / "result.json").write_text(json.dumps(document), encoding="utf-8")
    assert "lies clear of the promise" in write_report(copy).read_text(encoding="utf-8")


def test_the_same_result_gives_the_same_bytes(chain: Path) -> None:
    before = page_of(chain), (chain / "timeline.json").read_bytes()
    write_report(chain)
    assert before == (page_of(chain), (chain / "timeline.json").read_bytes())
    assert not [path.name for path in chain.iterdir() if path.name.startswith(".")]


def test_the_legend_names_states_that_only_some_services_have(fork: Path) -> None:
    replicas = page_of(fork).split('<section id="replicas">')[1].split("</section>")[0]
    assert "starting" in replicas
    assert "ready" in replicas


def test_decisions_show_candidates_and_the_chosen_one(chain: Path) -> None:
    page = page_of(chain)
    assert "Candidates" in page
    assert '<tr class="chosen">' in page
    assert "object at 0x" not in page


def test_a_directory_without_a_result_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ResultError, match="is not a result directory"):
        write_report(tmp_path)


def test_a_result_without_a_table_is_refused_and_leaves_no_page(chain: Path, tmp_path: Path) -> None:
    copy = tmp_path / "result"
    shutil.copytree(chain, copy, ignore=shutil.ignore_patterns("report.html", "timeline.json", "stages.parquet"))
    with pytest.raises(ResultError, match="no table 'stages'"):
        write_report(copy)
    assert not (copy / "report.html").exists()


def test_a_result_that_lacks_its_layout_is_refused(chain: Path, tmp_path: Path) -> None:
    copy = tmp_path / "result"
    shutil.copytree(chain, copy)
    document = document_of(chain)
    del document["layout"]
    (copy / "result.json").write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(ResultError, match="lacks layout"):
        write_report(copy)
