"""What messages show of a file: never more than a line of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from simtier.traces.shown import LONGEST, listed, shown


def test_short_values_are_shown_as_they_are_and_long_ones_by_their_begin() -> None:
    assert [shown(value) for value in ("x", 7, None, [1, "2"])] == ["'x'", "7", "None", "[1, '2']"]
    assert shown("a" * 200_000) == f"{'a' * 60!r}... (200000 characters)"
    assert shown(list(range(11))) == "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]... (11 values)"
    assert shown(10**99) == f"1{'0' * 59}..."


def test_what_python_cannot_write_is_told_by_its_type() -> None:
    assert shown(10**5000) == "int too large to show"
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    assert shown(deep) == "list too large to show"


def test_of_many_names_ten_are_listed() -> None:
    assert listed(["a", "b" * 99]) == f"a, {'b' * 60}..."
    assert listed([str(k) for k in range(12)]) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more"


@given(st.recursive(st.text() | st.integers() | st.binary(), st.lists, max_leaves=200))
def test_nothing_takes_more_than_a_line_or_two(value: object) -> None:
    assert len(shown(value)) <= 4 * LONGEST + 40
