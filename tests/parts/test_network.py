"""Paths through the network, and links that are refused."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from simtier.clock import Clock
from simtier.errors import ScenarioError, SimtierError
from simtier.journal import Column, Journal, TableSpec
from simtier.models.capacity import Constant
from simtier.models.link import LinkSpec
from simtier.models.network import Network, NoRoute
from simtier.streams import Streams


def network(*specs: LinkSpec) -> Network:
    made = Network(Clock(), Streams(1), SimpleNamespace(append=print), lambda _: 0)
    for spec in specs:
        made.add(spec)
    return made


def do_nothing(_: object) -> None:
    pass


def link(
    name: str = "up", latency: float = 0.0, capacity: float = 100.0, sharing: Any = "fifo", **more: Any
) -> LinkSpec:
    a, b = more.pop("a", "a"), more.pop("b", "b")
    return LinkSpec(name, a, b, latency, Constant(capacity), sharing, **more)


def test_a_path_estimates_what_a_transfer_takes() -> None:
    world = network(
        link(latency=1), link("back", 2, 50, "none", a="b", b="c"), link("fast", 3, math.inf, "none", a="c", b="d")
    )
    path = world.path("a", "d")
    assert (path.latency_s, path.delay_only, path.rate_bytes_per_s()) == (6, False, 50)
    assert path.transfer_s(100) == pytest.approx(6 + 1 + 2)
    assert path.transfer_s(0) == 6
    assert [live.name for live in path.links] == ["up", "back", "fast"]
    assert network(link(capacity=0)).path("a", "b").transfer_s(1) == math.inf


def test_the_path_has_the_least_latency_then_the_fewest_links_then_the_first_name() -> None:
    free = {"capacity": math.inf}
    world = network(
        link("long", 3, a="a", b="z", **free),
        link("ax", 1, a="a", b="x", **free),
        link("xz", 1, a="x", b="z", **free),
        link("am", 1, a="a", b="m", **free),
        link("mz", 1, a="m", b="z", **free),
        link("ab", 0, a="a", b="b", **free),
        link("bm", 1, a="b", b="m", **free),
    )
    assert [live.name for live in world.path("a", "z").links] == ["am", "mz"]
    world.add(link("az", 2, a="a", b="z", **free))
    assert [live.name for live in world.path("a", "z").links] == ["az"]
    world.add(link("ay", 2, a="a", b="z", **free))
    assert [live.name for live in world.path("a", "z").links] == ["ay"]


def test_latencies_that_differ_by_rounding_only_are_equal() -> None:
    """0.1 + 0.2 is not 0.3 in floats; the path of one link wins by its links, and among paths of two the name decides."""
    found = network(
        link("am", 0.1, a="a", b="m"),
        link("mz", 0.2, a="m", b="z"),
        link("ak", 0.3, a="a", b="k"),
        link("kz", 0, a="k", b="z"),
    )
    assert [live.name for live in found.path("a", "z").links] == ["ak", "kz"]


def test_the_journal_takes_the_rows() -> None:
    """A row has a request, the code of the link, its bytes, and the times of queueing, start, last byte and delivery."""
    names = ["request", "link", "nbytes", "queued_s", "started_s", "sent_s", "delivered_s"]
    spec = TableSpec("transfers", "", tuple(Column(name, "number", "") for name in names))
    written: list[pa.RecordBatch] = []
    journal = Journal({"transfers": spec}, SimpleNamespace(write=lambda _, batch: written.append(batch)))
    clock = Clock()
    made = Network(clock, Streams(1), journal.tables["transfers"], journal.code)
    made.add(link(latency=1))
    made.path("a", "b").send(0, 4, 50, do_nothing, None, do_nothing)
    clock.play(10)
    journal.flush()
    expected = {"request": 4, "link": 0, "nbytes": 50, "queued_s": 0, "started_s": 0, "sent_s": 0.5, "delivered_s": 1.5}
    assert written[0].to_pylist() == [{"replication": 0, **expected}]


def test_a_path_is_found_once() -> None:
    found = network(link())
    assert found.path("a", "b") is found.path("a", "b")
    before = found.path("a", "b")
    found.invalidate()
    assert found.path("a", "b") is not before


def test_without_a_route_the_message_names_both_ends() -> None:
    found = network(link(), link("far", a="edge", b="cloud"))
    with pytest.raises(NoRoute, match="no chain of links leads from node 'b' to node 'a': add a link"):
        found.path("b", "a")
    with pytest.raises(NoRoute, match=re.escape("no link starts or ends at node 'clud' (did you mean 'cloud'?)")):
        found.path("edge", "clud")
    assert issubclass(NoRoute, SimtierError)
    assert issubclass(NoRoute, LookupError)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: link(latency=-1), "links.up.latency_s: -1 must be a finite number, 0 or more"),
        (
            lambda: link(retransmit_after_s=math.nan),
            "links.up.retransmit_after_s: nan must be a finite number, 0 or more",
        ),
        (lambda: link(sharing="all"), "links.up.sharing: 'all' must be 'none', 'fifo' or 'fair'"),
        (lambda: link(loss=1.5), "links.up.loss: 1.5 must be a probability between 0 and 1"),
        (lambda: link(loss=1, retransmit_after_s=1), "links.up.loss: 1 with retransmission would send for ever"),
        (lambda: network(link(), link()), "links.up: another link has this name"),
        (
            lambda: network(link(medium="m"), link("two", medium="m", capacity=1)),
            "links.two: shares medium 'm' with 'up': give both the same capacity and sharing",
        ),
    ],
)
def test_a_wrong_link_is_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ScenarioError, match=re.escape(message)):
        make()
