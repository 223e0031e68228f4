"""The page of a comparison: says what the numbers say, needs nothing else, and is the same every time."""

from __future__ import annotations

import json
import math
import re
from html import unescape
from pathlib import Path

import pytest
from html_page import Page
from swept import BASE

from simtier.cli.compare_shown import show_compared
from simtier.errors import ResultError
from simtier.report.comparison import as_document, write_comparison
from simtier.report.figures.amounts import Amounts
from simtier.report.metric_words import amount, relative, unit
from simtier.report.numbers import NOTHING
from simtier.report.verdict_words import decided, sentence, sentences
from simtier.statistics import independent, paired
from simtier.study import Asked, Base, Compared, Variant, compare, variants
from simtier.study.compared import in_metric

LATENCY, SLO, COST = "apps.buy.latency_s.mean", "apps.buy.slo.attainment", "cost_usd"
VALUES = {
    LATENCY: {
        "fifo": [0.100, 0.104, 0.096, 0.1],
        "shortest": [0.085, 0.090, 0.081, 0.086],
        "lifo": [0.1, 0.105, 0.0965, 0.0994],
    },
    SLO: {"fifo": [0.95, 0.96, 0.94, 0.95], "shortest": [0.97, 0.981, 0.959, 0.97], "lifo": [0.94, 0.95, 0.932, 0.94]},
    COST: {"fifo": [0.0] * 4, "shortest": [0.0] * 4, "lifo": [0.0, 0.01, 0.0, 0.01]},
}


def made(values: dict[str, dict[str, list[float]]] = VALUES, **about: object) -> Compared:  # type: ignore[assignment]
    names = list(next(iter(values.values())))
    return Compared(
        tuple(Variant(name, (("policies.scheduling", name),)) for name in names),
        tuple(in_metric(metric, each, 0.95) for metric, each in values.items()),
        4,
        0.95,
        None,
        0.05,
        fingerprints={name: ["f" * 8] * 4 for name in names},
        **about,  # type: ignore[arg-type]
    )


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_comparison(
        made(notes=("stopped early",)),
        tmp_path_factory.mktemp("compared"),
        "simtier compare shop.yaml --vary x=a,b",
        question="Which?",
    )


def test_the_page_needs_nothing_else_and_its_ids_are_unique(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    found = Page(text)
    ids = [attributes["id"] for _, attributes in found.found if "id" in attributes]
    assert len(ids) == len(set(ids))
    for tag, attributes in found.found:
        assert tag not in ("iframe", "object", "embed", "img", "image")
        assert not any(key.startswith("on") for key in attributes)
        assert attributes.get("src") is None
        if attributes.get("href"):
            assert re.match(r"#|data:,|comparison\.json$", attributes["href"] or "")
    for used in re.findall(r'(?:url\(|href=")#([\w-]+)', text):
        assert used in ids
    assert len(text.encode()) < 500_000
    assert text.count("<script>") == 1


def test_every_section_table_and_figure_is_named_for_those_who_do_not_see_it(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert re.findall(r'<section id="(\w+)"', text) == [
        "verdicts",
        "differences",
        "table",
        "rankings",
        "means",
        "how",
        "again",
    ]
    assert text.count("<figure>") == text.count("<figcaption>") == 2
    found = Page(text).found
    assert all(attributes.get("scope") in ("col", "row") for tag, attributes in found if tag == "th")
    assert all(attributes.get("aria-label") for _, attributes in found if attributes.get("role") in ("img", "region"))


def test_the_verdict_stands_first_and_all_numbers_of_the_comparison_are_on_the_page(page: Path) -> None:
    text = unescape(page.read_text(encoding="utf-8"))
    compared = made()
    places = [text.index(f"{each}.") for each in sentences(compared)]
    assert places == sorted(places)
    assert places[-1] < text.index("How large are the differences?")
    shown = set(re.findall(r'<data value="([^"]+)"', text))
    for metric in compared.metrics:
        for against in metric.against:
            assert {
                repr(against.comparison.difference),
                repr(against.comparison.base),
                repr(against.p_adjusted),
            } <= shown
    assert "simtier compare shop.yaml --vary x=a,b" in text
    assert "stopped early" in text
    assert "f" * 8 in text


def test_the_same_comparison_gives_the_same_bytes_and_other_numbers_other_ones(page: Path, tmp_path: Path) -> None:
    again = write_comparison(
        made(notes=("stopped early",)),
        tmp_path / "made" / "here",
        "simtier compare shop.yaml --vary x=a,b",
        question="Which?",
    )
    for name in ("comparison.html", "comparison.json"):
        assert (again.parent / name).read_bytes() == (page.parent / name).read_bytes()
    other = {**VALUES, LATENCY: {**VALUES[LATENCY], "fifo": [0.2, 0.204, 0.196, 0.2]}}
    changed = write_comparison(made(other), tmp_path / "other", "simtier compare")
    assert changed.read_bytes() != page.read_bytes()


def test_the_data_are_complete_exact_and_without_nan(page: Path) -> None:
    def refuse(name: str) -> None:
        raise AssertionError(name)

    text = (page.parent / "comparison.json").read_text(encoding="utf-8")
    document = json.loads(text, parse_constant=refuse)
    compared = made(notes=("stopped early",))
    assert {key: document[key] for key in as_document(compared)} == as_document(compared)
    first = compared.metrics[0].against[0].comparison
    assert document["metrics"][0]["against"][0]["comparison"]["low"] == first.low
    assert document["metrics"][0]["against"][0]["comparison"]["relative"] == first.relative
    assert document["metrics"][0]["values"]["shortest"] == VALUES[LATENCY]["shortest"]
    assert len(document["metrics"][0]["ranking"]["pairs"]) == 3
    alone = as_document(made({LATENCY: {"a": [1.0], "b": [2.0]}}))
    assert alone["metrics"][0]["against"][0]["comparison"]["p_value"] is None


def test_names_that_look_like_a_page_stay_text(tmp_path: Path) -> None:
    evil = "</text><script>alert(1)</script>$x$"
    values = {
        f"apps.{evil}.latency_s.mean": {f"a{evil}": [1.0, 1.1, 0.9], f"b{evil}": [2.0, 2.1, 2.2], "c": [1.0, 2.0, 1.5]}
    }
    text = write_comparison(made(values, notes=(evil,)), tmp_path, f"simtier compare {evil}", scenario=evil).read_text(
        encoding="utf-8"
    )  # type: ignore[arg-type]
    Page(text)
    assert "<script>alert" not in text
    assert text.count("<script>") == 1


def test_a_folder_that_cannot_be_written_is_told_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(ResultError, match=r"cannot write .*file/comparison\.json"):
        write_comparison(made(), tmp_path / "file", "simtier compare")


def test_verdicts_in_words() -> None:
    told = sentences(made())
    assert told[0] == (
        "shortest is better than fifo in apps.buy.latency_s.mean: 14.50 % lower (95 % interval 13.58 to 15.42 %), effect size 25; 4 replications"
    )
    assert re.fullmatch(
        "no difference shown between lifo and fifo in apps.buy.latency_s.mean: 0.2[0-9]* % higher [(]95 % interval \N{MINUS SIGN}[0-9.]+ to [0-9.]+ %[)]; "
        r"about [\d,]+ replications would show one of this size 4 times in 5; 4 replications",
        told[1],
    )
    assert told[2].startswith(
        "shortest is better than fifo in apps.buy.slo.attainment: 2.00 percentage points higher (95 % interval 1."
    )
    assert told[4] == "shortest and fifo are the same in cost_usd, in every replication; 4 replications"
    assert told[5].startswith(
        "no difference shown between lifo and fifo in cost_usd: 0.00500 USD higher (95 % interval -0.00419 USD to 0.0142 USD)"
    )


def test_a_metric_that_is_neither_is_lower_or_higher_and_one_value_tells_nothing() -> None:
    neither = in_metric(
        "nodes.site.utilisation", {"a": [0.5, 0.5, 0.6, 0.5, 0.5], "b": [0.7, 0.7, 0.8, 0.7, 0.7]}, 0.95
    )
    assert sentence(neither.name, neither.against[0], "a").startswith(
        "b is higher than a in nodes.site.utilisation: 20"
    )
    luck = in_metric(LATENCY, {"a": [1.0, 2.0], "b": [2.0, 3.0]}, 0.95)
    assert luck.against[0].verdict == "unknown"
    assert "so few that it may be luck; 2 replications" in sentence(LATENCY, luck.against[0], "a")
    alone = in_metric(LATENCY, {"a": [1.0], "b": [2.0]}, 0.95)
    assert sentence(LATENCY, alone.against[0], "a") == f"b and a cannot be compared in {LATENCY}: 1 replication"


def test_how_it_was_decided_says_what_was_done() -> None:
    assert "common random numbers" in decided(made())[0]
    assert any("corrected for the 2 variants" in line for line in decided(made()))
    alone = Compared(
        (Variant("a", ()), Variant("b", ())),
        (in_metric(LATENCY, {"a": [1.0, 2.0], "b": [1.0, 3.0]}, 0.98),),
        2,
        0.98,
        False,
        0.05,
        warmup_s=30.0,
    )
    told = decided(alone)
    assert "30 s" in told[-1]
    assert any("not reached" in line and "98 %" in line for line in told)
    apart = in_metric(
        LATENCY,
        {"a": [1.0, 2.0], "b": [1.0, 3.0, 2.0]},
        0.95,
        lambda one, other: independent([1.0, 2.0], [1.0, 3.0, 2.0]),
    )
    assert "Welch" in decided(Compared((Variant("a", ()), Variant("b", ())), (apart,), 2, 0.95, None, 0.05))[0]
    assert sentence(LATENCY, apart.against[0], "a").endswith("2 and 3 replications")


def test_a_real_comparison_is_told_and_drawn(tmp_path: Path) -> None:
    base = Base(
        {
            **BASE,
            "run": {"duration": "20 s", "warmup": "1 s", "seed": 3},
            "apps": {"buy": {**BASE["apps"]["buy"], "slo": {"latency": "50 ms", "percentile": 90}}},
        }
    )
    compared = compare(base, variants(["apps.buy.stages.a.time=10 ms,30 ms"]), Asked(replications=3))
    text = write_comparison(compared, tmp_path, "simtier compare shop.yaml").read_text(encoding="utf-8")
    assert "30 ms is worse than 10 ms in apps.buy.latency_s.mean" in text
    assert compared.fingerprints["30 ms"][0] in text


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (LATENCY, "s"),
        (SLO, "%"),
        ("energy_j", "J"),
        (COST, "USD"),
        ("apps.buy.goodput.requests_per_s", "/s"),
        ("apps.buy.ok", ""),
        ("platforms.f.cold_ratio", "%"),
        ("x.idle_byte_s", "B s"),
    ],
)
def test_units_are_told_by_names(metric: str, expected: str) -> None:
    assert unit(metric) == expected


def test_differences_of_shares_are_in_points_and_of_nothing_in_no_per_cent() -> None:
    share = paired([0.90, 0.92], [0.92, 0.94])
    assert relative(SLO, share).text == "+2.00 points"
    assert relative(COST, paired([0.0, 0.0], [1.0, 2.0])).text == NOTHING
    assert amount(LATENCY, -0.0125, 0.0031).text == "\N{MINUS SIGN}12.5 ± 3.1 ms"
    assert amount(LATENCY, math.nan).text == NOTHING


def test_ticks_tell_their_values_apart() -> None:
    assert Amounts("J").format_ticks([42_019.0, 42_019.5, 42_020.0]) == ["42.0190 kJ", "42.0195 kJ", "42.0200 kJ"]
    assert Amounts("s").format_ticks([0.0, 0.0015, 0.003]) == ["0.0 ms", "1.5 ms", "3.0 ms"]
    assert Amounts("%").format_ticks([0.9, 0.95]) == ["90 %", "95 %"]
    assert Amounts("")(2.5) == "2.5"


def test_the_command_line_prints_the_same_verdicts_and_where_the_page_lies(capsys: pytest.CaptureFixture[str]) -> None:
    show_compared(made(notes=("stopped early",)), Path("reports/comparison.html"))
    printed = capsys.readouterr().out
    assert printed.splitlines()[: len(sentences(made()))] == sentences(made())
    assert "fifo has the best mean in cost_usd, and is not told apart from shortest, lifo" in printed
    assert "Note: stopped early" in printed
    assert "4 replications of each variant, 95 % intervals, p-values corrected for several variants (Holm)." in printed
    assert printed.endswith("Page: reports/comparison.html\n")
