"""The checks catch what they claim to catch, and guess the cause."""

# ruff: noqa: ANN001, ANN201, ANN202, ANN204 - a broken policy is kept to the line that breaks it

from __future__ import annotations

import random

import pytest

from simtier.catalogue.policies import load_policy
from simtier.contract import (
    WAIT,
    Admission,
    Autoscaling,
    Batching,
    Hold,
    Policy,
    Routing,
    Scheduling,
)
from simtier.testing import PROMISES, check_policy
from simtier.testing.play import answers
from simtier.units import Seconds


class Unseeded(Routing):
    def choose(self, request, replicas):
        return random.choice(replicas)


class StateInBody(Routing):
    turn = 0

    def choose(self, request, replicas):
        self.turn += 1
        return replicas[self.turn % len(replicas)]


class SharedList(Routing):
    seen = []  # noqa: RUF012 - the fault under test

    def start(self, site, rng):
        self.seen.clear()

    def choose(self, request, replicas):
        self.seen.append(request.id)
        return replicas[len(self.seen) % len(replicas)]


class ForgetsParameter(Scheduling):
    weight: float = 1.0

    def __init__(self, weight=1.0):
        self.weight = weight + 1.0

    def rank(self, request):
        return self.weight


class WrongAnnotation(Scheduling):
    slack: Seconds = -1.0

    def rank(self, request):
        return self.slack


class Sorter(Routing):
    def choose(self, request, replicas):
        replicas.sort(key=lambda replica: replica.in_flight)
        return replicas[0]


class Marker(Routing):
    def choose(self, request, replicas):
        replicas[0].in_flight += 1
        return replicas[0]


class Burglar(Routing):
    def choose(self, request, replicas):
        object.__setattr__(replicas[0], "in_flight", 99)
        return replicas[0]


class CountsFirst(Routing):
    takes_only_one = True

    def start(self, site, rng):
        self.turn = 0

    def choose(self, request, replicas):
        self.turn += 1
        return replicas[self.turn % len(replicas)]


class Patient(Routing):
    takes_only_one = True

    def choose(self, request, replicas):
        return WAIT if len(replicas) < 2 else replicas[0]


class HoldsForEver(Batching):
    def form(self, queue, limits):
        return Hold(limits.now_s + 1.0)


class HoldsUntilNow(Batching):
    def form(self, queue, limits):
        return Hold(limits.now_s) if len(queue) < 4 else queue[: limits.max_batch]


class HoldsUntilInfinity(Batching):
    def form(self, queue, limits):
        return Hold(float("inf")) if len(queue) < 4 else queue[: limits.max_batch]


class Remembers(Routing):
    def __init__(self):
        self.late = 0

    def observe(self, outcome):
        self.late += outcome.outcome == "timed_out"

    def choose(self, request, replicas):
        return replicas[self.late % len(replicas)]


class PassiveReject(Admission):
    passive = True

    def admit(self, request, service):
        return service.queued < 5


class PassiveShortest(Scheduling):
    passive = True

    def rank(self, request):
        return request.work_s


class PassivePairs(Batching):
    passive = True

    def form(self, queue, limits):
        return queue[: min(2, limits.max_batch)]


class PassiveOne(Autoscaling):
    passive = True

    def target(self, service):
        return 1


class PassiveRouting(Routing):
    passive = True

    def choose(self, request, replicas):
        return replicas[0]


BROKEN = [
    (Unseeded, "deterministic", "other than the `rng` given to start"),
    (StateInBody, "start_resets", "most likely state is made in the class body or __init__ instead of start()"),
    (Remembers, "start_resets", "most likely state is made in the class body or __init__ instead of start()"),
    (SharedList, "objects_are_independent", "most likely they share a list or dict on the class"),
    (WrongAnnotation, "parameters_round_trip", "parameter 'slack': input should be greater than or equal to 0"),
    (ForgetsParameter, "parameters_round_trip", "its own __init__ does not keep what it is given"),
    (Sorter, "views_are_untouched", "views are read-only"),
    (Marker, "views_are_untouched", "views are read-only"),
    (Burglar, "views_are_untouched", "changed what it was shown"),
    (CountsFirst, "takes_only_one", "most likely it counts or draws before"),
    (Patient, "takes_only_one", "answered WAIT instead"),
    (HoldsForEver, "holds_end", "most likely it never gives up"),
    (HoldsUntilNow, "holds_end", "it would be asked for ever, or never"),
    (HoldsUntilInfinity, "holds_end", "it would be asked for ever, or never"),
    (PassiveReject, "passive_does_nothing", "says it is passive"),
    (PassiveShortest, "passive_does_nothing", "says it is passive"),
    (PassivePairs, "passive_does_nothing", "says it is passive"),
    (PassiveOne, "passive_does_nothing", "says it is passive"),
    (PassiveRouting, "passive_does_nothing", "says it is passive"),
]


@pytest.mark.parametrize(
    ("policy", "promise", "guess"), BROKEN, ids=[f"{case[0].__name__}:{case[1]}" for case in BROKEN]
)
def test_a_broken_policy_is_caught_and_the_cause_is_guessed(policy, promise, guess):
    with pytest.raises(AssertionError, match=guess.replace("(", r"\(").replace(")", r"\)")):
        PROMISES[promise](policy())
    with pytest.raises(AssertionError):
        check_policy(policy)


HASH_ORDER = """
from simtier.contract import Routing

class HashOrder(Routing):
    def choose(self, request, replicas):
        names = {replica.node.name for replica in replicas}
        first = next(iter(names))
        return next(replica for replica in replicas if replica.node.name == first)
"""
ENGINE = """
{line}
from simtier.contract import Admission

class Nosy(Admission):
    def admit(self, request, service):
        return True
"""


def test_relying_on_the_order_of_a_set_is_caught_by_another_process(tmp_path):
    (tmp_path / "rules.py").write_text(HASH_ORDER)
    with pytest.raises(AssertionError, match=r"most likely it relies on set order or hash\(\) of text"):
        PROMISES["same_in_another_process"](load_policy("routing", "./rules.py:HashOrder", {}, tmp_path))


def test_a_policy_found_by_its_module_name_is_checked_in_another_process_too(tmp_path, monkeypatch):
    (tmp_path / "importable_rules.py").write_text(HASH_ORDER)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(AssertionError, match="relies on set order"):
        check_policy(load_policy("routing", "importable_rules:HashOrder", {}, tmp_path))


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("import simpy", "simpy"),
        ("from simpy.core import Environment", "simpy.core.Environment"),
        ("import simtier.models", "simtier.models"),
        ("from simtier import models", "simtier.models"),
        ("from simtier.models import dnn", "simtier.models.dnn"),
    ],
)
def test_importing_the_engine_is_caught(tmp_path, line, named):
    (tmp_path / "nosy.py").write_text(ENGINE.format(line=line))
    policy = load_policy("admission", "./nosy.py:Nosy", {}, tmp_path)
    with pytest.raises(AssertionError, match=f"imports {named};"):
        PROMISES["knows_no_engine"](policy)


def test_reading_the_clock_of_the_contract_is_no_engine(tmp_path):
    (tmp_path / "nosy.py").write_text(ENGINE.format(line="from simtier.units import Seconds"))
    PROMISES["knows_no_engine"](load_policy("admission", "./nosy.py:Nosy", {}, tmp_path))


def test_what_a_policy_raises_is_told_with_its_name_and_forgotten_state_is_guessed():
    class Forgetful(Routing):
        def choose(self, request, replicas):
            return replicas[self.turn]

    with pytest.raises(
        AssertionError, match=r"Forgetful\.choose\(\) raised AttributeError.*start\(\) does not make 'turn'"
    ):
        check_policy(Forgetful)


def test_a_policy_that_learns_from_outcomes_is_shown_some():
    class Learns(Remembers):
        def start(self, site, rng):
            self.late = 0

    learned = Learns()
    check_policy(learned)
    PROMISES["views_are_untouched"](learned)
    assert len(set(answers(Learns()))) > 1
    assert vars(learned) == {}  # the object given is left as it was: the checks make their own


def test_a_class_that_is_no_whole_policy_is_refused():
    class Silent(Routing):
        pass

    class Kindless(Policy):
        pass

    class Needy(Admission):
        limit: int

        def admit(self, request, service):
            return True

    with pytest.raises(AssertionError, match=r"Silent does not answer choose\(\)"):
        check_policy(Silent)
    with pytest.raises(AssertionError, match="Kindless has no kind: derive it from one of partitioning, placement"):
        check_policy(Kindless)
    with pytest.raises(AssertionError, match="is of kind 'routing', not 'placement'"):
        check_policy(Sorter, kind="placement")
    with pytest.raises(AssertionError, match="'limit'; give check_policy an object with its parameters"):
        check_policy(Needy)
