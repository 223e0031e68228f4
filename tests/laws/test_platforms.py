"""What must hold of every run of a function platform: laws of the tables, over generated platforms."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from platform_laws import LAWS, peak
from platform_playing import cold_share, faas, keeps, starts, visits
from platform_systems import platform_systems
from playing import Played, exponential, play, played_once

from simtier.errors import ScenarioError

laws = settings(
    derandomize=True, deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow], database=None
)


def played_if_it_fits(system: str) -> Played:
    """Play a platform once; where provisioned instances do not fit there is nothing to play."""
    try:
        return played_once(system)
    except ScenarioError as error:
        assume("provisioned" not in str(error))
        raise


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@laws
@given(system=platform_systems())
def test_law(law: Callable[[Played], None], system: str) -> None:
    law(played_if_it_fits(system))  # derandomised: every law is put to the same systems, so each is played once


@pytest.mark.slow
@settings(laws, max_examples=1500)
@given(system=platform_systems())
def test_all_laws_hold_of_many_platforms(system: str) -> None:
    played = played_if_it_fits(system)
    for law in LAWS:
        law(played)


@laws
@given(system=platform_systems())
def test_equal_seeds_leave_equal_tables_however_they_are_played(system: str) -> None:
    fingerprint = played_if_it_fits(system).fingerprint
    assert play(json.loads(system)).fingerprint == fingerprint
    assert play(json.loads(system), step=True).fingerprint == fingerprint
    assert play(json.loads(system), explain=20).fingerprint == fingerprint


# -- one function, under common random numbers

times = st.sampled_from(["0 s", exponential("200 ms"), "150 ms", {"distribution": "gamma", "mean": "200 ms", "cv": 2}])


@laws
@given(st.sampled_from(["0.5 /s", "3 /s", "20 /s"]), times, st.sampled_from(["0 s", "300 ms"]), st.integers(0, 50))
def test_longer_keep_alive_never_starts_more_colds(rate: str, time: Any, cold: str, seed: int) -> None:
    number = [
        len(starts(play(faas(rate, time, policies=keeps(idle_s), cold_start=cold, duration="60 s", seed=seed))))
        for idle_s in (0.0, 0.2, 1.0, 5.0, 1000.0)
    ]
    assert number == sorted(number, reverse=True)


@laws
@given(st.sampled_from(["3 /s", "20 /s"]), times, st.integers(0, 50))
def test_forever_with_room_starts_no_more_than_ever_were_in_service(rate: str, time: Any, seed: int) -> None:
    played = play(faas(rate, time, duration="60 s", seed=seed))
    rows = visits(played)
    ran = rows[rows["finished_s"] > rows["started_s"]]
    assert len(starts(played)) == max(1, peak(ran["started_s"], ran["finished_s"]))
    assert cold_share(played) == pytest.approx(len(starts(played)) / len(rows))
