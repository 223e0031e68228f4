"""What must hold of links whatever the network, the messages and the horizon."""

from __future__ import annotations

import math
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simtier.clock import Clock
from simtier.models.capacity import Capacity, Constant, Piecewise
from simtier.models.fair import max_min
from simtier.models.link import LinkSpec
from simtier.models.network import Network
from simtier.streams import Streams

laws = settings(derandomize=True, deadline=None, max_examples=150)
REQUEST, LINK, BYTES, QUEUED, STARTED, SENT, DELIVERED = range(7)
EXACT = 1e-9
"""Relative rounding of sums of a few dozen floats of one size."""

rates = st.floats(0.5, 100)
stamps = st.lists(st.floats(0, 30), min_size=1, max_size=5, unique=True).map(sorted)


@st.composite
def bumpy(draw: Any) -> Piecewise:
    """A periodic trace with outages, which carries something in every period."""
    times = draw(stamps)
    values = draw(st.lists(st.one_of(st.just(0.0), rates), min_size=len(times), max_size=len(times)))
    return Piecewise(times, [*values[:-1], values[-1] or 7.0], period_s=times[-1] + draw(st.floats(0.5, 5)))


capacities = st.one_of(rates.map(Constant), bumpy())
sizes = st.one_of(st.just(0.0), st.floats(0.1, 500))
messages = st.lists(st.tuples(st.floats(0, 50), sizes), min_size=1, max_size=12).map(sorted)


@st.composite
def chains(draw: Any) -> list[LinkSpec]:
    """One to three links in a row, of any kind."""
    specs = []
    for k in range(draw(st.integers(1, 3))):
        loss = draw(st.sampled_from([0.0, 0.0, 0.4]))
        specs.append(
            LinkSpec(
                f"l{k}",
                str(k),
                str(k + 1),
                draw(st.floats(0, 10)),
                draw(capacities),
                draw(st.sampled_from(["none", "fifo", "fair"])),
                jitter=draw(st.sampled_from([None, lambda rng, n: rng.exponential(2.0, n)])),
                loss=loss,
                retransmit_after_s=draw(st.sampled_from([None, 1.5])),
            )
        )
    return specs


class Played:
    """What came of sending `messages` over the whole chain until `horizon`."""

    def __init__(self, specs: list[LinkSpec], sent: list[tuple[float, float]], horizon: float = 1e9) -> None:
        self.clock = Clock()
        self.rows: list[tuple[float, ...]] = []
        self.delivered: list[int] = []
        self.lost: list[int] = []
        self.times: dict[int, float] = {}
        transfers: Any = SimpleNamespace(append=self.rows.append)
        self.network = Network(self.clock, Streams(5), transfers, lambda name: int(name[1:]))
        for spec in specs:
            self.network.add(spec)
        path = self.network.path("0", str(len(specs)))
        for i, (at, nbytes) in enumerate(sent):
            job = (i, i, nbytes, self._deliver, i, self.lost.append)
            self.clock.call_at(at, lambda job: path.send(*job), job)
        self.clock.play(horizon)
        self.network.close()
        self.waiting = [row for row in self.rows if math.isnan(row[STARTED])]
        self.rows = [row for row in self.rows if not math.isnan(row[STARTED])]

    def _deliver(self, i: int) -> None:
        self.delivered.append(i)
        self.times[i] = self.clock.now

    def on(self, link: int) -> list[tuple[float, ...]]:
        return sorted((row for row in self.rows if row[LINK] == link), key=lambda row: (row[QUEUED], row[REQUEST]))


@laws
@given(chains(), messages)
def test_every_message_is_delivered_or_lost_exactly_once(
    specs: list[LinkSpec], sent: list[tuple[float, float]]
) -> None:
    played = Played(specs, sent)
    assert sorted(played.delivered + played.lost) == list(range(len(sent)))
    for i in played.delivered:
        for link in range(len(specs)):
            arrived = [row for row in played.on(link) if row[REQUEST] == i and not math.isnan(row[DELIVERED])]
            assert [row[BYTES] for row in arrived] == [sent[i][1]]
    for i in played.lost:
        last = max((row for row in played.rows if row[REQUEST] == i), key=lambda row: row[LINK])
        assert math.isnan(last[DELIVERED])


@laws
@given(chains(), messages, st.floats(1, 100))
def test_at_any_horizon_every_message_is_delivered_or_lost_or_under_way(
    specs: list[LinkSpec], sent: list[tuple[float, float]], horizon: float
) -> None:
    played = Played(specs, sent, horizon)
    done = played.delivered + played.lost
    assert len(done) == len(set(done))
    final = Played(specs, sent)
    assert played.times == {i: at for i, at in final.times.items() if at < horizon}
    assert all(row[SENT] <= horizon and not row[DELIVERED] >= horizon for row in played.rows)
    whole = {row for row in final.rows if row[DELIVERED] < horizon}
    assert whole <= set(played.rows)
    for row in played.rows:
        assert 0 <= row[BYTES] <= sent[int(row[REQUEST])][1]
    for row in played.waiting:  # whole, and not begun in the run that goes on either, until later
        assert row[BYTES] == sent[int(row[REQUEST])][1]
        assert row[QUEUED] <= horizon
        later = [r[STARTED] for r in final.rows if r[:STARTED] == row[:STARTED]]
        assert all(started > horizon for started in later)


@laws
@given(chains(), messages, st.floats(1, 100))
def test_nothing_happens_before_its_cause(
    specs: list[LinkSpec], sent: list[tuple[float, float]], horizon: float
) -> None:
    played = Played(specs, sent, horizon)
    for row in played.rows:
        assert sent[int(row[REQUEST])][0] <= row[QUEUED] <= row[STARTED] <= row[SENT]
        assert not row[DELIVERED] < row[SENT] + specs[int(row[LINK])].latency_s
    for link, (before, after) in enumerate(pairwise(specs)):
        if (before.sharing, after.sharing) == ("fair", "fair") and not before.loss and not after.loss:
            continue  # one fluid
        arrivals = {row[REQUEST]: row[DELIVERED] for row in played.on(link) if not math.isnan(row[DELIVERED])}
        first = {row[REQUEST]: row[QUEUED] for row in reversed(played.on(link + 1))}
        assert first == {request: arrivals[request] for request in first}


@laws
@given(chains(), messages, st.floats(1, 100))
def test_no_medium_is_faster_than_its_capacity(
    specs: list[LinkSpec], sent: list[tuple[float, float]], horizon: float
) -> None:
    played = Played(specs, sent, horizon)
    for link, spec in enumerate(specs):
        rows = played.on(link)
        for row in rows:
            assert row[BYTES] <= spec.capacity.bytes_between(row[STARTED], row[SENT]) * (1 + EXACT) + EXACT
        if spec.sharing == "none":
            continue
        for a in {row[STARTED] for row in rows}:
            for b in {row[SENT] for row in rows}:
                inside = sum(row[BYTES] for row in rows if a <= row[STARTED] and row[SENT] <= b)
                assert inside <= spec.capacity.bytes_between(a, b) * (1 + EXACT) + EXACT


@laws
@given(capacities, messages)
def test_a_fifo_link_transmits_one_after_the_other_and_never_rests(
    capacity: Capacity, sent: list[tuple[float, float]]
) -> None:
    rows = Played([LinkSpec("l0", "0", "1", 0, capacity, "fifo")], sent).on(0)
    free_at = 0.0
    for row in rows:
        assert row[STARTED] == max(row[QUEUED], free_at)
        free_at = row[SENT]


@laws
@given(capacities, messages)
def test_a_fair_link_never_rests_while_it_has_something_to_send(
    capacity: Capacity, sent: list[tuple[float, float]]
) -> None:
    rows = [row for row in Played([LinkSpec("l0", "0", "1", 0, capacity, "fair")], sent).on(0) if row[BYTES]]
    busy: list[list[float]] = []
    for row in rows:
        if busy and row[QUEUED] < busy[-1][1]:
            busy[-1] = [busy[-1][0], max(busy[-1][1], row[SENT]), busy[-1][2] + row[BYTES]]
        else:
            busy.append([row[QUEUED], row[SENT], row[BYTES]])
    for start, end, nbytes in busy:
        assert nbytes == pytest.approx(capacity.bytes_between(start, end), rel=EXACT, abs=EXACT)


@laws
@given(capacities, messages, st.booleans())
def test_fifo_links_keep_the_order_whatever_the_jitter(
    capacity: Capacity, sent: list[tuple[float, float]], twice: bool
) -> None:
    jitter = lambda rng, n: rng.exponential(20.0, n)  # noqa: E731 - a sampler
    specs = [LinkSpec(f"l{k}", str(k), str(k + 1), 1, capacity, "fifo", jitter=jitter) for k in range(1 + twice)]
    played = Played(specs, sent)
    assert played.delivered == list(range(len(sent)))
    for link in range(len(specs)):
        for column in (STARTED, SENT, DELIVERED):
            values = [row[column] for row in played.on(link)]
            assert values == sorted(values)


@laws
@given(st.floats(0.5, 50), st.floats(1, 4), messages, st.sampled_from(["fifo", "fair", "none"]))
def test_more_capacity_delivers_no_message_later(
    rate: float, factor: float, sent: list[tuple[float, float]], sharing: Any
) -> None:
    slow, fast = (
        Played([LinkSpec("l0", "0", "1", 1, Constant(r), sharing)], sent).times for r in (rate, rate * factor)
    )
    assert all(fast[i] <= slow[i] * (1 + EXACT) for i in slow)


@laws
@given(bumpy(), st.floats(0, 200), st.floats(0, 50), st.floats(0.1, 2000), st.floats(0, 500))
def test_what_starts_or_ends_later_is_through_later(
    capacity: Piecewise, t: float, wait: float, nbytes: float, more: float
) -> None:
    end = capacity.finish(t, nbytes)
    assert end >= t
    assert capacity.finish(t + wait, nbytes) >= end * (1 - EXACT)
    assert capacity.finish(t, nbytes + more) >= end * (1 - EXACT)
    assert capacity.bytes_between(t, end) == pytest.approx(nbytes, rel=EXACT, abs=EXACT)


@laws
@given(
    st.lists(rates, min_size=4, max_size=4),
    st.lists(st.tuples(st.integers(1, 5), st.lists(st.integers(0, 3), min_size=1, max_size=4)), min_size=1, max_size=8),
)
def test_every_flow_has_a_bottleneck_where_nobody_is_faster(
    limits: list[float], groups: list[tuple[int, list[int]]]
) -> None:
    """The condition that defines max-min fairness (Bertsekas & Gallager, section 6.5.2), and feasibility."""
    counts, crossings = [n for n, _ in groups], [media for _, media in groups]
    given_rates = max_min(counts, crossings, limits)
    used = [
        sum(n * media.count(m) * rate for (n, media), rate in zip(groups, given_rates, strict=True)) for m in range(4)
    ]
    assert all(u <= limit * (1 + EXACT) for u, limit in zip(used, limits, strict=True))
    for media, rate in zip(crossings, given_rates, strict=True):
        assert any(
            used[m] >= limits[m] * (1 - EXACT)
            and all(r <= rate * (1 + EXACT) for c, r in zip(crossings, given_rates, strict=True) if m in c)
            for m in media
        )
