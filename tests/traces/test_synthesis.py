"""What every look-alike generator promises, whatever its parameters."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simtier.errors import TraceError
from simtier.streams import Streams
from simtier.traces.synthesis import CLASSES, GENERATORS, Generator, as_document, fit, from_document
from simtier.traces.tables import SCHEMAS

NAMES = sorted(GENERATORS)


def _made(name: str, seed: int = 1, **extent: Any) -> pa.Table:
    return GENERATORS[name].parameters.generate(Streams(seed).stream, **extent).read_all()


def _times(table: pa.Table) -> np.ndarray:
    return table.column(0).to_numpy()


@pytest.mark.parametrize("name", NAMES)
def test_rows_are_as_many_as_asked_for_sorted_and_from_zero(name: str) -> None:
    table = _made(name, rows=5000)
    times = _times(table)
    assert table.num_rows == 5000
    assert table.schema.equals(SCHEMAS[GENERATORS[name].family], check_metadata=True)
    assert times[0] == 0
    assert np.all(np.diff(times) >= 0)
    table.validate(full=True)
    for field in table.schema:
        assert field.nullable or not table.column(field.name).null_count


@pytest.mark.parametrize("name", NAMES)
def test_a_duration_bounds_the_times_and_is_the_prefix_of_a_longer_one(name: str) -> None:
    short, long = _made(name, duration_s=3000.0), _made(name, duration_s=6000.0)
    assert _times(short)[-1] < 3000
    assert np.count_nonzero(_times(long) < 3000) == short.num_rows
    assert long.slice(0, short.num_rows).equals(short)


@pytest.mark.parametrize("name", NAMES)
def test_the_size_of_batches_changes_nothing_but_the_batches(name: str) -> None:
    parameters = GENERATORS[name].parameters
    whole = _made(name, rows=3000)
    batches = list(parameters.generate(Streams(1).stream, rows=3000, batch_rows=700))
    assert [batch.num_rows for batch in batches] == [700, 700, 700, 700, 200]
    assert pa.Table.from_batches(batches).equals(whole)


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_gives_the_same_rows_and_another_seed_others(name: str) -> None:
    assert _made(name, seed=3, rows=1000).equals(_made(name, seed=3, rows=1000))
    assert not _made(name, seed=3, rows=1000).equals(_made(name, seed=4, rows=1000))


@pytest.mark.parametrize("name", NAMES)
def test_parameters_survive_being_written_as_json(name: str) -> None:
    parameters = GENERATORS[name].parameters
    assert from_document(json.loads(json.dumps(as_document(parameters)))) == parameters


@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_key_is_named(name: str) -> None:
    document = GENERATORS[name].parameters.as_dict()
    key = next(iter(document))
    kind = type(GENERATORS[name].parameters)
    with pytest.raises(TraceError, match=f"p.{key}s: not a parameter of {kind.__name__}.*did you mean '{key}'"):
        kind.from_dict({**document, f"{key}s": 1}, "p")
    with pytest.raises(TraceError, match=f"p: {kind.__name__} also takes {key}"):
        kind.from_dict({k: v for k, v in document.items() if k != key}, "p")
    with pytest.raises(TraceError, match=f"p.{key}"):
        kind.from_dict({**document, key: object()}, "p")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"failed_share": "few"}, "p.failed_share: 'few' is not a number"),
        ({"failed_share": True}, "p.failed_share: True is not a number"),
        ({"failed_share": 1.5}, "p: failed_share is 0 to below 1, not 1.5"),
        ({"kinds": {}}, "p.kinds: {} is not a list"),
        ({"kinds": []}, "p: at least one kind of requests is needed"),
        ({"arrivals": 3}, "p.arrivals: 3 is not a mapping of Bursts's parameters"),
    ],
)
def test_a_wrong_value_is_named_with_its_place(change: dict[str, Any], message: str) -> None:
    parameters = GENERATORS["azure-llm-2023/conv"].parameters
    with pytest.raises(TraceError) as error:
        type(parameters).from_dict({**parameters.as_dict(), **change}, "p")
    assert str(error.value) == message


def test_nested_values_are_named_with_their_place() -> None:
    parameters = GENERATORS["azure-llm-2023/conv"].parameters
    document = parameters.as_dict()
    document["kinds"][0]["input_tokens"]["levels"][1] = "half"
    with pytest.raises(TraceError, match=r"p.kinds\[0\].input_tokens.levels\[1\]: 'half' is not a number"):
        type(parameters).from_dict(document, "p")
    document = parameters.as_dict()
    document["kinds"][0]["input_tokens"]["levels"][0] = 0.4
    with pytest.raises(TraceError, match=r"p.kinds\[0\].input_tokens: levels go from 0 to 1"):
        type(parameters).from_dict(document, "p")


def test_a_document_of_no_generator_is_refused() -> None:
    with pytest.raises(TraceError, match=r"no generator 'Bandwith'.*did you mean 'Bandwidth'"):
        from_document({"generator": "Bandwith", "parameters": {}})
    with pytest.raises(TraceError, match="takes the keys 'generator' and 'parameters'"):
        from_document({"parameters": {}})


@pytest.mark.parametrize(
    ("extent", "message"),
    [
        ({}, "give rows or duration_s"),
        ({"rows": 0}, "rows must be above 0, not 0"),
        ({"duration_s": -1.0}, "duration_s must be above 0, not -1.0"),
        ({"duration_s": float("nan")}, "duration_s must be above 0, not nan"),
        ({"duration_s": float("inf")}, r"duration_s must be at most 3.15576e\+09, a century, not inf"),
        ({"rows": 10, "batch_rows": 0}, "batch_rows must be above 0, not 0"),
    ],
)
def test_a_look_alike_needs_an_end(extent: dict[str, Any], message: str) -> None:
    with pytest.raises(TraceError, match=message):
        GENERATORS["fcc"].parameters.generate(Streams(1).stream, **extent)


@pytest.mark.parametrize("name", ["burstgpt/1", "huawei-2025/R1-cold-starts", "azure-functions-2021/sample"])
def test_memory_does_not_grow_with_the_rows(name: str) -> None:
    def peak(rows: int) -> int:
        tracemalloc.start()
        most = 0
        for batch in GENERATORS[name].parameters.generate(Streams(1).stream, rows=rows):
            most = max(most, pa.total_allocated_bytes() - before)
            del batch
        _, python = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return python + most

    before = pa.total_allocated_bytes()
    assert peak(1_000_000) < 1.5 * peak(200_000) + 5e6


def test_every_generator_has_a_name_of_its_own_and_notes() -> None:
    used = {type(entry.parameters) for entry in GENERATORS.values()}
    assert used == set(CLASSES.values())
    for entry in GENERATORS.values():
        assert isinstance(entry.parameters, Generator)
        assert entry.family == entry.parameters.family
        assert entry.notes.endswith(".") or entry.notes


@pytest.mark.parametrize(
    ("name", "period"), [("fcc", 320.0), ("aws-spot", 320.0), ("lumos5g/walking", 320.0), ("norway-hsdpa", 320.0)]
)
def test_a_link_says_its_period_once_it_is_read(name: str, period: float) -> None:
    made = GENERATORS[name].parameters.generate(Streams(1).stream, duration_s=period)
    assert "period_s" not in made.facts
    last = _times(made.read_all())[-1]
    assert last < float(made.facts["period_s"]) <= period
    by_rows = GENERATORS["fcc"].parameters.generate(Streams(1).stream, rows=7)
    by_rows.read_all()
    assert by_rows.facts["period_s"] == "7.0"
    assert by_rows.facts["origin"] == "generated"


@pytest.mark.parametrize("name", [name for name in NAMES if GENERATORS[name].family == "bandwidth"])
def test_times_of_a_link_rise_strictly(name: str) -> None:
    assert np.all(np.diff(_times(_made(name, rows=20_000))) > 0)


def test_the_total_of_a_cold_start_is_the_sum_of_its_parts() -> None:
    table = _made("huawei-2025/R2-cold-starts", rows=20_000)
    names = ("pod_allocation_s", "deploy_code_s", "deploy_dependency_s", "scheduling_s")
    parts = [table.column(name).to_numpy() for name in names]
    assert np.array_equal(sum(parts[1:], start=parts[0]), table.column("total_s").to_numpy())
    assert (parts[2] == 0).mean() > 0.5


@pytest.mark.parametrize("name", NAMES)
def test_dictionaries_hold_each_text_once(name: str) -> None:
    for column in _made(name, rows=2000).combine_chunks().itercolumns():
        if pa.types.is_dictionary(column.type):
            known = column.chunk(0).dictionary.to_pylist()
            assert len(set(known)) == len(known)


def test_a_failed_request_has_no_tokens_and_any_other_has() -> None:
    table = _made("burstgpt/1", rows=20_000)
    failed = table.column("failed").to_numpy(zero_copy_only=False)
    for name in ("input_tokens", "output_tokens"):
        assert np.array_equal(table.column(name).to_numpy() == 0, failed)


def test_the_table_of_functions_is_that_of_the_rates() -> None:
    parameters = GENERATORS["azure-functions-2019/day"].parameters
    table = pa.Table.from_batches([parameters.functions_table(Streams(1).stream)])
    rates = _made("azure-functions-2019/day", duration_s=86_400.0).to_pandas()
    seen = rates.groupby("series", observed=True)["value"].sum()
    stated = table.to_pandas().set_index("function")["invocations"]
    busy = stated[stated > 10_000].index
    assert set(seen.index) <= set(stated.index)
    assert len(busy) > 20
    assert np.median(seen[busy] / stated[busy]) == pytest.approx(1, abs=0.1)


def test_timers_call_at_one_distance() -> None:
    parameters = GENERATORS["azure-functions-2019/day"].parameters
    table = pa.Table.from_batches([parameters.functions_table(Streams(1).stream)]).to_pandas()
    timers = set(table["function"][table["trigger"] == "timer"])
    rates = _made("azure-functions-2019/day", duration_s=86_400.0).to_pandas()
    found = 0
    for series, rows in rates[rates["series"].isin(timers)].groupby("series", observed=True):
        assert rows["value"].nunique() == 1, series
        assert rows["time_s"].diff().dropna().nunique() <= 1, series
        found += len(rows) > 3
    assert found > 50


def test_a_continued_prompt_begins_with_blocks_of_an_earlier_one() -> None:
    lists = _made("mooncake/conversation", rows=2000).column("blocks").to_pylist()
    tokens = _made("mooncake/conversation", rows=2000).column("input_tokens").to_numpy()
    seen: set[tuple[int, ...]] = set()
    continued = 0
    for ids, length in zip(lists, tokens, strict=True):
        assert len(ids) == -(-length // 512)
        new = next((i for i, block in enumerate(ids) if (block,) not in seen), len(ids))
        assert tuple(ids[:new]) in seen or new == 0
        assert all((block,) not in seen for block in ids[new:])
        continued += new > 1
        seen.update((block,) for block in ids)
        seen.update(tuple(ids[:k]) for k in range(1, len(ids) + 1))
    assert continued / len(lists) == pytest.approx(0.387, abs=0.03)


@settings(max_examples=20, deadline=None)
@given(name=st.sampled_from(NAMES), rows=st.integers(1, 400), size=st.integers(1, 500), seed=st.integers(0, 2**31))
def test_any_extent_holds_for_any_seed(name: str, rows: int, size: int, seed: int) -> None:
    batches = list(GENERATORS[name].parameters.generate(Streams(seed).stream, rows=rows, batch_rows=size))
    assert sum(batch.num_rows for batch in batches) == rows
    assert all(0 < batch.num_rows <= size for batch in batches)
    times = np.concatenate([batch.column(0).to_numpy() for batch in batches])
    assert times[0] == 0
    assert np.all(np.diff(times) >= 0)


@pytest.mark.parametrize(
    "family", ["llm_requests", "invocations", "cold_starts", "rates", "bandwidth", "availability", "functions"]
)
def test_a_trace_that_is_too_short_is_refused_with_the_reason(family: Any) -> None:
    name = next(name for name in NAMES if GENERATORS[name].family == family or family == "functions")
    with pytest.raises(TraceError, match=r"takes at least|says nothing about time"):
        fit(family, _made(name, rows=2))


def test_a_trace_of_another_family_is_refused() -> None:
    with pytest.raises(TraceError, match="not a table of llm_requests: it lacks arrival_s"):
        fit("llm_requests", _made("fcc", rows=100))
