"""What prompts have in common reaches the engines: blocks of Mooncake's trace, conversations, and texts of a scenario."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from llm_routing import fleet, played
from playing import load

from simtier.errors import ScenarioError
from simtier.models.llm.prefix_source import popularity
from simtier.scenario.check import require_valid
from simtier.streams import Streams
from simtier.traces.hashing import text_key
from simtier.traces.tables import batch
from simtier.world.prefixes import prefixes
from simtier.world.traces import TraceShelf

CACHED = {"prefix_caching": True, "blocks": 2_000_000, "context": 131072}
TRACES = os.environ.get("SIMTIER_TRACES")


def mooncake(path: Path, rows: list[tuple[int, int, list[int]]]) -> dict[str, Any]:
    """Write a trace in Mooncake's form (seconds, tokens, blocks), and return the workload that replays it."""
    folder = path / "mooncake"
    folder.mkdir()
    lines = [
        json.dumps({"timestamp": at * 1000, "input_length": tokens, "output_length": 1, "hash_ids": blocks})
        for at, tokens, blocks in rows
    ]
    (folder / "own_trace.jsonl").write_text("\n".join(lines) + "\n")
    return {"trace": "mooncake/own"}


def cached(data: dict[str, Any], directory: Path | None = None) -> list[int]:
    """Return of each request, in order of their numbers, the tokens that were found."""
    rows = played(data, shelf=TraceShelf([directory] if directory else [])).table("sequences").sort_values("request")
    return [int(each) for each in rows["cached_tokens"]]


@pytest.fixture
def by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Seven requests a minute apart, so that each finds what those before it left."""
    monkeypatch.setenv("SIMTIER_TRACES", str(tmp_path))
    rows = [
        (0, 1500, [1, 2, 3]),
        (60, 1500, [1, 2, 4]),  # 1,024 in common
        (120, 1500, [1, 2, 3]),  # the same: 1,500 - 1, in whole blocks of 16 known by their ids: 1,488
        (180, 800, [5, 6]),  # nothing
        (240, 512, [1]),  # all but the block with the last token: 496
        (300, 2000, [9, 10, 11, 12]),  # nothing: an id stands for a block and all before it
        (360, 2000, [1, 2, 3, 8]),  # 1,488 of the first are known: its last block was not full
    ]
    return mooncake(tmp_path, rows)


def test_blocks_that_begin_alike_are_found(by_hand: dict[str, Any]) -> None:
    data = fleet(1, "traced", by_hand, duration="400 s", llm={"model": "llama-3-8b", "prefix_caching": True})
    assert cached(data) == [0, 1024, 1488, 0, 496, 0, 1488]


def test_without_a_cache_nothing_is_found(by_hand: dict[str, Any]) -> None:
    assert cached(fleet(1, "traced", by_hand, duration="400 s")) == [0] * 7


def test_lengths_of_the_scenario_s_own_have_no_blocks_of_the_trace(by_hand: dict[str, Any]) -> None:
    tokens = {"input": 1500, "output": 1}
    data = fleet(1, tokens, by_hand, duration="400 s", llm={"model": "llama-3-8b", "prefix_caching": True})
    assert cached(data) == [0] * 7


@pytest.mark.skipif(TRACES is None, reason="SIMTIER_TRACES is not set")
def test_hits_of_a_window_of_mooncake_are_those_counted_from_its_file() -> None:
    """An independent count: of each prompt the leading ids met before, with an unbounded cache, one engine, and requests far apart."""
    data = fleet(
        1,
        {"input": "traced", "output": 1},
        {"trace": "mooncake/conversation", "window": ["0 s", "30 s"], "scale_time": 0.005},
        duration="6000 s",
        llm={"model": "qwen2.5-7b", **CACHED, "blocks": 400_000},
    )
    found = cached(data)
    import gzip

    met: dict[tuple[int, ...], int] = {}
    expected = []
    trace = Path(str(TRACES)) / "mooncake" / "conversation_trace.jsonl.gz"
    with gzip.open(trace, "rt") as lines:
        rows = [json.loads(line) for line in lines]
    for row in (row for row in rows if row["timestamp"] < 30_000):
        tokens, ids = row["input_length"], row["hash_ids"]
        blocks = [(ids[place * 16 // 512], place % 32) for place in range(tokens // 16)]
        known = 0
        while known < min(len(blocks), (tokens - 1) // 16) and blocks[known] in met:
            known += 1
        expected.append(known * 16)
        met.update(dict.fromkeys(blocks, 1))
    assert len(expected) > 50
    assert sum(expected) > 10_000
    assert found == expected


def requests(**columns: Any) -> Any:
    rows = len(next(iter(columns.values())))
    return batch(
        "llm_requests",
        {"arrival_s": np.arange(rows, dtype=np.float64), "output_tokens": np.ones(rows, dtype=np.int64)}
        | {"input_tokens": np.full(rows, 1000), "failed": np.zeros(rows, dtype=bool)}
        | columns,
        rows,
    )


def test_a_conversation_begins_as_it_did_before() -> None:
    sessions = pa.array(["a", "b", None, "a", "a"], pa.string())
    told = list(prefixes(requests(session=sessions, input_tokens=np.array([600, 600, 600, 1600, 100])), 7))
    assert [len(numbers) for numbers in told] == [2, 2, 0, 4, 1]
    assert told[3][:2] == told[0]
    assert told[4] == told[0][:1]
    assert not set(told[0]) & set(told[1])


def test_traces_do_not_share_the_blocks_of_others() -> None:
    blocks = pa.array([[1, 2], [1], None], pa.list_(pa.int64()))
    one, other = (list(prefixes(requests(blocks=blocks), text_key(name))) for name in ("mooncake/a", "mooncake/b"))
    assert one[0][0] == one[1][0]
    assert one[2] == ()
    assert not {*one[0]} & {*other[0]}


def test_a_slice_of_a_batch_has_its_own_blocks() -> None:
    blocks = pa.array([[1, 2], [3], [4, 5, 6]], pa.list_(pa.int64()))
    whole = requests(blocks=blocks)
    assert list(prefixes(whole.slice(1, 2), 9)) == list(prefixes(whole, 9))[1:]


def test_traces_without_prefixes_tell_none() -> None:
    assert list(prefixes(requests(input_tokens=np.array([1, 2])), 9)) == [(), ()]


PERIODIC = {"process": "periodic", "rate": "0.1 /s", "phase": "0 s"}


def test_a_system_prompt_is_computed_once() -> None:
    """Of 1,000 shared tokens 62 blocks of 16 are full: 992."""
    tokens = {"input": 1500, "output": 2, "shared": {"tokens": 1000}}
    data = fleet(1, tokens, PERIODIC, duration="45 s", llm={"prefix_caching": True})
    assert cached(data) == [0, 992, 992, 992, 992]


def test_a_prompt_shorter_than_the_shared_text_has_that_much_of_it() -> None:
    tokens = {"input": 100, "output": 2, "shared": {"tokens": 1000}}
    data = fleet(1, tokens, PERIODIC, duration="25 s", llm={"prefix_caching": True})
    assert cached(data) == [0, 96, 96]


@pytest.mark.parametrize("zipf", [0.0, 1.0, 2.0])
def test_texts_are_as_popular_as_zipf_says(zipf: float) -> None:
    """Within 4 standard errors of k^-zipf over its sum."""
    shares = np.arange(1, 9.0) ** -zipf
    shares /= shares.sum()
    drawn = popularity(8, zipf)(Streams(3).stream("texts"), 40_000)
    counts = np.bincount(drawn.astype(int), minlength=8) / 40_000
    assert np.all(np.abs(counts - shares) < 4 * np.sqrt(shares * (1 - shares) / 40_000))


def test_hits_of_many_texts_are_those_counted_by_hand() -> None:
    """The first request with a text computes it, all later ones find it: hits are requests less texts met."""
    tokens = {"input": 1100, "output": 2, "shared": {"tokens": 1024, "texts": 20, "zipf": 1.0}}
    found = cached(fleet(1, tokens, PERIODIC, duration="1000 s", llm={"prefix_caching": True}))
    assert set(found) == {0, 1024}
    assert 10 <= found.count(0) <= 20
    assert found[:1] == [0]


@pytest.mark.parametrize(
    ("llm", "message"),
    [
        ({"prefix_caching": True, "block": 24}, "prefixes are told in pieces of 512 tokens"),
        ({}, "chat would not find what prompts share: set `prefix_caching: true` in its `llm`"),
    ],
)
def test_what_cannot_be_found_is_refused(llm: dict[str, Any], message: str) -> None:
    tokens = {"input": 1100, "output": 2, "shared": {"tokens": 1024}}
    with pytest.raises(ScenarioError, match=message.replace("(", r"\(")):
        require_valid(load(fleet(1, tokens, PERIODIC, llm=llm)))
