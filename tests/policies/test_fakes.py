"""The fakes show all that the views show, and no more can be changed."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from simtier import testing
from simtier.contract import views
from simtier.contract.asking import describe

VIEWS = [name for name in vars(views) if name.endswith("View")]


@pytest.mark.parametrize("view", VIEWS)
def test_each_view_has_a_fake_with_all_that_it_shows(view: str) -> None:
    fake = getattr(testing, f"Fake{view.removesuffix('View')}")
    made = fake(tiers=(), hops=(), returns=(), crossing_bytes=()) if view == "SplitView" else fake()
    shown = [name for name in vars(getattr(views, view)) if not name.startswith("_")]
    assert shown
    assert all(hasattr(made, name) for name in shown)
    with pytest.raises(FrozenInstanceError):
        setattr(made, shown[0], None)


def test_a_fake_can_be_explained_like_a_view() -> None:
    assert describe(testing.FakeReplica(id=3))["node"]["name"] == "edge-0"


def test_a_fake_site_shows_the_time_of_its_clock_and_the_ways_it_was_given() -> None:
    clock = testing.FakeClock()
    site = testing.FakeSite(clock=clock, latencies={("a", "b"): 0.5})
    clock.now_s = 7.0
    assert site.now_s == 7.0
    assert (site.latency_s("a", "b"), site.latency_s("b", "a"), site.latency_s("a", "a")) == (0.5, 0.01, 0.0)
    assert site.transfer_s("a", "b", 1e7) == 1.5
    assert site.transfer_s("a", "a", 1e7) == 0.0
