"""Replays and their hash against a slow twin that must agree to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from trace_replays import REPLAYS, SIZES, numbers_of, replayed, times_of, traces

from simtier.traces.hashing import _finished, text_key, uniform
from simtier.traces.replay import Replay

# The slow twin: one row after another, in Python's integers and floats.

MASK = 2**64 - 1


def _slow_finished(z: int) -> int:
    z = (z + 1) * 0x9E3779B97F4A7C15 & MASK
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ z >> 27) * 0x94D049BB133111EB & MASK
    return z ^ z >> 31


def _slow_mixed(key: int, salt: int) -> int:
    return _slow_finished(key + _slow_finished(salt) & MASK)


def _slow_uniform(key: int, salt: int = 0) -> float:
    return (_slow_mixed(key, salt) >> 11) / 2**53


def _slow_replay(replay: Replay, rows: Any) -> list[tuple[float, int]]:
    """(time, number in the trace) of all that is replayed."""
    left = list(enumerate(rows.to_pylist()))
    shift = 0.0
    if replay.window is not None:
        shift, stop = replay.window
        left = [(number, row) for number, row in left if shift <= row["arrival_s"] < stop]
    kept = []
    for number, row in left:
        text = row[replay.share_by] if replay.share_by else None
        key = number if text is None else text_key(text)
        chosen = replay.share == 1 or _slow_uniform(key, 1) < replay.share
        if chosen and (replay.scale_rate >= 1 or _slow_uniform(key, 2) < replay.scale_rate):
            kept.append((row["arrival_s"] - shift, number))
    out = []
    for place, (time, number) in enumerate(kept):
        end = kept[place + 1][0] if place + 1 < len(kept) else time
        more = int(replay.scale_rate) + (_slow_uniform(number, 2) < replay.scale_rate % 1) - 1
        base = _slow_mixed(number, 3)
        copies = [time + _slow_uniform(base + copy & MASK) * (end - time) for copy in range(1, more + 1)]
        out += [(at / replay.scale_time, number) for at in [time, *sorted(copies)]]
    return out


def test_the_hash_is_splitmix64() -> None:
    """The first numbers of the generator with seed 0, as Vigna's splitmix64.c prints them."""
    first = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F, 0xF88BB8A8724C81EC]
    assert _finished(np.arange(4, dtype=np.uint64)).tolist() == first
    assert [_slow_finished(place) for place in range(4)] == first


def test_hashes_of_neighbouring_keys_and_salts_never_coincide() -> None:
    keys = np.arange(1000, dtype=np.uint64)
    drawn = np.concatenate([uniform(keys, salt) for salt in range(50)])
    assert len(np.unique(drawn)) == len(drawn)


@settings(deadline=None, max_examples=200)
@given(rows=traces(), replay=REPLAYS, size=SIZES)
def test_fast_and_slow_agree_to_the_last_bit(rows: Any, replay: Replay, size: int) -> None:
    fast = replayed(replay, rows, size)
    assert list(zip(times_of(fast), numbers_of(fast), strict=True)) == _slow_replay(replay, rows)


@settings(deadline=None)
@given(rows=traces(), replay=REPLAYS, start=st.floats(0, 1e4), data=st.data(), size=SIZES)
def test_fast_and_slow_agree_in_a_window(rows: Any, replay: Replay, start: float, data: Any, size: int) -> None:
    at = data.draw(st.sampled_from(rows.column(0).to_pylist()))
    cut = Replay((min(start, at), at + 1.0), replay.share, replay.share_by, replay.scale_rate, replay.scale_time)
    fast = replayed(cut, rows, size)
    assert list(zip(times_of(fast), numbers_of(fast), strict=True)) == _slow_replay(cut, rows)
