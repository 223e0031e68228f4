"""What a policy writes to the evaluation's pipe wins nothing: it is not valid, and says why."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from simtier.errors import StudyError
from simtier.search import Evaluation, Suite, evaluate_policy, load_suite
from simtier.search.account import wrong_account
from simtier.search.told import Begun, Done, Failed, Faulty, Referred, Scored, Told, read, written

MM4 = Path(__file__).parents[2] / "scenarios/mm4.yaml"
SUITE = f"""
name: small
problem: scenarios
settings:
  kind: scheduling
  field: policies.scheduling
  baseline: fifo
  metrics: [{{name: latency_s.mean}}]
  cases:
    - {{name: first, stage: cheap, scenario: {MM4}, set: {{run.duration: 8 s, run.warmup: 1 s, run.replications: 1}}}}
limits: {{time: 3 min, stage_time: 1 min, memory: 900 MiB}}
"""
HEAD = """import json, os, stat, sys
from simtier import Scheduling

def write(data):
    for fd in range(3, 64):
        try:
            if stat.S_ISFIFO(os.fstat(fd).st_mode):
                os.write(fd, data)
        except OSError:
            pass

def tell(told):
    write((json.dumps(told) + "\\n").encode())

class Mine(Scheduling):
    def rank(self, request):
"""


def suite(folder: Path, text: str = SUITE) -> Suite:
    path = folder / "suite.yaml"
    path.write_text(text, encoding="utf-8")
    return load_suite(path)


def evaluated(folder: Path, body: str) -> Evaluation:
    path = folder / "mine.py"
    path.write_text(HEAD + "".join(f"        {line}\n" for line in body.splitlines()), encoding="utf-8")
    return evaluate_policy(str(path), suite(folder))


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("write(b'5\\n[1]\\nnull\\n')\nreturn 0.0", "a line came that is no message of the evaluation"),
        ("while True: write(b'x' * 65536)", "more than 1048576 bytes came without an end of the line"),
        pytest.param(
            "tell({'tells': 'scored', 'name': 'y', 'stage': 'cheap', 'score': 1e9, 'parts': {}})\ntell({'tells': 'done'})\nos._exit(0)",
            "a line came that is no message of the evaluation",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "tell({'tells': 'faulty', 'error': 'forged'})\nos._exit(0)",
            "a line came that is no message of the evaluation",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_what_a_policy_writes_to_the_pipe_makes_it_not_valid(tmp_path: Path, body: str, why: str) -> None:
    found = evaluated(tmp_path, body)
    assert (found.valid, found.score, found.stage, list(found.cases)) == (False, -1000.0, "cheap", [])
    (failure,) = found.failures
    assert failure["error"].startswith("what the evaluation told of its results cannot be believed")
    assert failure["error"].endswith(why)


def test_neither_arguments_nor_input_tell_of_the_pipe_or_the_word(tmp_path: Path) -> None:
    found = evaluated(tmp_path, "print([sys.argv[1:], sys.stdin.read()])\nreturn 0.0")
    assert found.valid
    assert found.printed.endswith("[[], '']\n")


def test_a_process_that_ends_otherwise_when_it_is_done_is_not_valid(tmp_path: Path) -> None:
    found = evaluated(tmp_path, "import atexit\natexit.register(os._exit, 3)\nreturn 0.0")
    assert (found.valid, found.score) == (False, -1000.0)
    assert "ended with code 3 when it was done" in found.failures[0]["error"]


def test_a_suite_at_fault_is_told_before_the_policy_is_imported(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(f"open({str(tmp_path / 'imported')!r}, 'w')\n", encoding="utf-8")
    broken = suite(tmp_path, SUITE.replace("name: latency_s.mean", "name: latency_s.maen"))
    with pytest.raises(StudyError, match=r"suite\.yaml cannot be played: no metric is called 'latency_s\.maen'"):
        evaluate_policy(str(path), broken)
    assert not (tmp_path / "imported").exists()


def test_two_cases_of_one_name_are_refused(tmp_path: Path) -> None:
    line = next(line for line in SUITE.splitlines() if "name: first" in line)
    with pytest.raises(StudyError, match="two cases are called 'first'"):
        suite(tmp_path, SUITE.replace(line, f"{line}\n{line}"))


LOAD, CHEAP, FULL, AFTER = (Begun(stage=name) for name in ("load", "cheap", "full", "references"))
ONE, TWO = (Scored(name=name, stage=stage, score=1.0, parts={}) for name, stage in (("one", "cheap"), ("two", "full")))
REFERRED = [Referred(name=name, scores={}) for name in ("one", "two")]
FAILED = Failed(case=None, error="", trace=())
ALL: list[Told] = [LOAD, CHEAP, ONE, FULL, TWO, AFTER, *REFERRED, Done()]


def wrong(messages: Sequence[Told], threshold: float | None = None) -> str:
    return wrong_account(messages, [("one", "cheap"), ("two", "full")], ("cheap", "full"), threshold)


def test_all_messages_in_turn_are_right_and_so_is_any_beginning_with_a_failure() -> None:
    assert [wrong(ALL[:number]) for number in range(len(ALL) + 1)] == [""] * (len(ALL) + 1)
    assert wrong([*ALL[:4], FAILED]) == ""
    assert wrong([LOAD, CHEAP, ONE, AFTER, REFERRED[0], Done()], threshold=1.5) == ""


@pytest.mark.parametrize(
    ("messages", "why"),
    [
        ([LOAD, CHEAP, ONE, ONE], "the score of case 'one' in stage 'cheap' came, and the stage 'full' was expected"),
        ([LOAD, CHEAP, TWO], "the score of case 'two' in stage 'full' came, and the score of case 'one'"),
        ([LOAD, CHEAP, FULL], "the stage 'full' came, and the score of case 'one' in stage 'cheap' was expected"),
        ([LOAD, CHEAP, ONE, AFTER], "the stage 'references' came, and the stage 'full' was expected"),
        ([LOAD, Done()], "the message 'done' came, and the stage 'cheap' was expected"),
        ([LOAD, Faulty(error="")], "the message 'faulty' came"),
        ([LOAD, FAILED, CHEAP], "the message 'failed' came"),
        ([*ALL, ONE], "came after the end"),
        ([ONE.model_copy(update={"name": "other"})], "the score of case 'other'"),
    ],
)
def test_what_is_twice_missing_or_out_of_turn_is_wrong(messages: list[Told], why: str) -> None:
    assert why in wrong(messages)


@pytest.mark.parametrize("message", ALL)
def test_a_message_is_read_as_it_was_written_and_only_with_its_word(message: Told) -> None:
    line = written(message, "word").removesuffix(b"\n")
    assert read(line, "word") == message
    with pytest.raises(ValueError, match="not the token"):
        read(line, "other")


@pytest.mark.parametrize(
    "text",
    [
        "5",
        "[" * 100_000,
        '{"tells": "none"}',
        '{"tells": "done", "more": 1}',
        '{"tells": "scored", "name": "one", "stage": "cheap", "score": NaN, "parts": {}}',
        '{"tells": "scored", "name": "one", "stage": "cheap", "score": "1", "parts": {}}',
        '{"tells": "scored", "name": "one", "stage": "cheap", "score": 1, "parts": {"a": Infinity}}',
        '{"tells": "referred", "name": "one", "scores": {"a": 1e999}}',
    ],
)
def test_what_is_no_message_with_finite_numbers_is_not_read(text: str) -> None:
    with pytest.raises(ValueError, match="no message"):
        read(f"word {text}".encode(), "word")
