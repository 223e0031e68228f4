"""Quantiles of many latencies: exact, and in memory that does not follow their number."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simtier.metrics import latencies as module
from simtier.metrics.latencies import Latencies, buckets

SHARES = [0.0, 0.5, 0.9, 0.95, 0.99, 1.0]
values = st.lists(st.floats(0, 1e9) | st.sampled_from([0.0, -0.0, 1.0, 1.0 + 2**-52, 5e-324]), min_size=1, max_size=60)


def _of(parts: list[list[float]]) -> Latencies:
    made = Latencies()
    for part in parts:
        made.add(np.array(part))
    return made


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HELD", 5)


@given(parts=st.lists(values, min_size=1, max_size=5), others=st.lists(values, max_size=3))
def test_many_values_have_the_quantiles_that_numpy_finds(parts: list[list[float]], others: list[list[float]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "HELD", 5)
        joined = Latencies().join([_of(parts), _of(others)])
        every = np.array([value for part in (*parts, *others) for value in part])
        again = every[np.isin(buckets(every), joined.wanted(SHARES))]
        assert joined.long == (len(every) > 5)
        assert joined.quantiles(SHARES, again) == np.quantile(every, SHARES).tolist()
        assert (joined.count, joined.max) == (len(every), every.max())
        assert joined.mean == pytest.approx(every.mean(), rel=1e-12)


@pytest.mark.usefixtures("short")
def test_what_is_counted_is_not_kept() -> None:
    made = _of([list(np.linspace(1.0, 2.0, 1000))] * 50)
    assert made.count == 50_000
    assert made._held == []
    assert len(made._counts) == 257


def test_few_values_are_kept_and_need_no_second_look() -> None:
    made = _of([[3.0, 1.0], [2.0]])
    assert (made.long, len(made.wanted(SHARES)), made.quantiles([0.5], np.empty(0))) == (False, 0, [2.0])
    assert (Latencies().mean, Latencies().max) == (None, None)
