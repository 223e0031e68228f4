"""What a scenario may write to name a policy, and the exact words for what it may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from simtier.catalogue.policies import describe_policies, describe_policy, load_policy, written
from simtier.errors import PolicyError
from simtier.policies import BUILT_IN

OWN = '''
"""Rules of one's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from simtier.contract import Partitioning, Policy, Routing
from simtier.units import Bytes

@dataclass
class Mark:
    at: int = 1

class CheapestCut(Partitioning):
    """Cut early.

    Longer words.
    """

    on_link_change: ClassVar[bool] = True
    budget: Bytes = 1000.0
    """Most bytes
    to send."""

    def split(self, request, path):
        return [Mark().at] * (len(path.tiers) - 1)

class Silent(Routing):
    """Says nothing."""

class Kindless(Policy):
    """Has no kind."""

CONSTANT = 3
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "cuts.py").write_text(OWN)
    return tmp_path


def test_every_built_in_name_leads_to_a_policy_of_its_kind() -> None:
    for kind, names in BUILT_IN.items():
        assert [described.name for described in describe_policies(kind)] == list(names)
    assert len(describe_policies()) == sum(len(names) for names in BUILT_IN.values())


def test_parameters_are_read_with_their_units_and_defaults_kept() -> None:
    policy = load_policy("batching", "size_or_timeout", {"timeout": "20 ms"}, Path())
    assert policy.parameters() == {"size": 8, "timeout": 0.02}
    assert written(policy) == {"size": 8, "timeout": "0.02 s"}


def test_a_policy_is_found_by_module_and_class() -> None:
    use = "simtier.policies.scheduling.lifo:Lifo"
    assert type(load_policy("scheduling", use, {}, Path())).__name__ == "Lifo"


def test_a_policy_is_found_in_a_file_beside_the_scenario(folder: Path) -> None:
    policy = load_policy("partitioning", "./cuts.py:CheapestCut", {"budget": "2 kB"}, folder)
    assert policy.parameters() == {"budget": 2000.0}


def test_files_of_one_name_in_two_folders_are_two_modules_and_a_changed_file_is_read_again(tmp_path: Path) -> None:
    for name, at in (("one", 1), ("two", 2)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "cuts.py").write_text(OWN.replace("at: int = 1", f"at: int = {at}"))
    one, two = (load_policy("partitioning", f"./{name}/cuts.py:CheapestCut", {}, tmp_path) for name in ("one", "two"))
    assert type(one).__module__ != type(two).__module__
    (tmp_path / "one" / "cuts.py").write_text(OWN.replace("1000.0", "70000.0"))
    again = load_policy("partitioning", "./one/cuts.py:CheapestCut", {}, tmp_path)
    assert again.parameters() == {"budget": 70000.0}


REFUSED = [
    ("rooting", "random", {}, "no kind of policy is called 'rooting' (did you mean 'routing'?)"),
    ("routing", "rond_robin", {}, "no routing policy is called 'rond_robin' (did you mean 'round_robin'?)"),
    (
        "admission",
        "xyz",
        {},
        "no admission policy is called 'xyz' (known: bounded_queue, deadline_feasible, early_rejection, everyone)",
    ),
    (
        "scheduling",
        "least_in_flight",
        {},
        (
            "'least_in_flight' is a routing policy, not scheduling "
            "(known: earliest_deadline, fifo, lifo, priority, shortest_first)"
        ),
    ),
    (
        "batching",
        "size_or_timeout",
        {"timeout": "10"},
        "parameter 'timeout': '10' has no unit: expected time, such as '20 ms'",
    ),
    (
        "batching",
        "size_or_timeout",
        {"timeout": 10},
        "parameter 'timeout': 10 has no unit: expected time, such as '20 ms'",
    ),
    (
        "batching",
        "size_or_timeout",
        {"tiemout": "10 ms", "size": 0},
        (
            "parameter 'tiemout' is unknown to 'size_or_timeout' (did you mean 'timeout'?)\n"
            "parameter 'size': input should be greater than or equal to 1, got 0"
        ),
    ),
    (
        "batching",
        "size_or_timeout",
        {"size": True},
        "parameter 'size': expected integer >= 1, got True",
    ),
    ("scheduling", "fifo", {"slack": 1}, "parameter 'slack' is unknown to 'fifo': it takes no parameters"),
    ("partitioning", "fixed_cut", {}, "parameter 'cuts' is missing: 'fixed_cut' has no default for it"),
    (
        "partitioning",
        "fixed_cut",
        {"cuts": [1, "x"]},
        "parameter 'cuts[1]': input should be a valid integer, unable to parse string as an integer, got 'x'",
    ),
    (
        "partitioning",
        "neurosurgeon",
        {"objective": "money"},
        "parameter 'objective': input should be 'latency' or 'energy', got 'money'",
    ),
    ("partitioning", "all_on_edge", {"tier": "cloud"}, "parameter 'tier': input should be 'edge', got 'cloud'"),
    (
        "partitioning",
        "./cuts.py:CheapestCut",
        {"buget": "1 B"},
        "parameter 'buget' is unknown to './cuts.py:CheapestCut' (did you mean 'budget'?)",
    ),
    (
        "partitioning",
        "./cuts.py:CheapestCuts",
        {},
        "'./cuts.py' has no 'CheapestCuts' (did you mean 'CheapestCut'?)",
    ),
    (
        "routing",
        "./cuts.py:CheapestCut",
        {},
        "'./cuts.py:CheapestCut' is a partitioning policy, not routing: derive it from simtier.contract.Routing",
    ),
    ("routing", "./cuts.py:Silent", {}, "'./cuts.py:Silent' does not answer choose(), which every routing policy must"),
    (
        "scheduling",
        "simtier.contract:Scheduling",
        {},
        "'simtier.contract:Scheduling' does not answer rank() or pick(), which every scheduling policy must",
    ),
    (
        "routing",
        "./cuts.py:Kindless",
        {},
        "'./cuts.py:Kindless' has no kind: derive it from simtier.contract.Routing",
    ),
    (
        "routing",
        "./cuts.py:CONSTANT",
        {},
        "'./cuts.py:CONSTANT' is no policy: derive it from simtier.contract.Routing",
    ),
    (
        "routing",
        "no_such_module:Rule",
        {},
        "'no_such_module' cannot be imported: ModuleNotFoundError: No module named 'no_such_module'",
    ),
]


@pytest.mark.parametrize(("kind", "use", "parameters", "message"), REFUSED, ids=[case[3][:60] for case in REFUSED])
def test_what_is_wrong_is_refused_in_these_words(
    kind: str, use: str, parameters: dict[str, object], message: str, folder: Path
) -> None:
    with pytest.raises(PolicyError) as refusal:
        load_policy(kind, use, parameters, folder)
    assert str(refusal.value) == message


def test_a_missing_file_is_named_with_the_folder(tmp_path: Path) -> None:
    with pytest.raises(PolicyError) as refusal:
        load_policy("routing", "./none.py:Rule", {}, tmp_path)
    assert str(refusal.value) == f"there is no file './none.py' in {str(tmp_path)!r}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 / 0", "'./bad.py' cannot be imported: ZeroDivisionError: division by zero"),
        ("class A(:", "'./bad.py' cannot be imported: SyntaxError: invalid syntax (bad.py, line 1)"),
        (
            "open('nowhere.txt')",
            "'./bad.py' cannot be imported: FileNotFoundError: [Errno 2] No such file or directory: 'nowhere.txt'",
        ),
    ],
)
def test_a_file_that_fails_tells_why(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "bad.py").write_text(text)
    with pytest.raises(PolicyError) as refusal:
        load_policy("routing", "./bad.py:Rule", {}, tmp_path)
    assert str(refusal.value) == message


def test_an_annotation_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    text = OWN.replace("from simtier.units import Bytes", "")
    (tmp_path / "cuts.py").write_text(text)
    with pytest.raises(PolicyError, match="an annotation of CheapestCut cannot be read: name 'Bytes' is not defined"):
        load_policy("partitioning", "./cuts.py:CheapestCut", {"budget": "1 B"}, tmp_path)


def test_a_policy_of_ones_own_is_described_like_a_built_in_one(folder: Path) -> None:
    described = describe_policy("partitioning", "./cuts.py:CheapestCut", folder)
    assert (described.summary, described.doc) == ("Cut early.", "Cut early.\n\nLonger words.")
    (budget,) = described.parameters
    assert (budget.name, budget.default, budget.doc) == ("budget", "1000.0 B", "Most bytes\nto send.")
    assert budget.type == "data with its unit, for example '1.5 MB'; B inside"


def test_every_built_in_policy_and_parameter_is_described() -> None:
    for described in describe_policies():
        assert described.summary.endswith(".")
        assert all(parameter.doc and parameter.type for parameter in described.parameters), described.name
    (size, timeout) = describe_policy("batching", "size_or_timeout", Path()).parameters
    assert (size.type, size.default) == ("integer >= 1", "8")
    assert timeout.default == "0.01 s"
