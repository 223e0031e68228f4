"""What is compared: variants of one scenario, from `--vary FIELD=value,value`."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from simtier.errors import ScenarioError, StudyError
from simtier.scenario.document import parse_value
from simtier.study.file import text_of
from simtier.study.task import Changes, in_order

MOST_VARIANTS = 100


@dataclass(frozen=True)
class Variant:
    """One variant of a scenario.

    Attributes:
        name: as tables and plots call it.
        changes: what it changes.
    """

    name: str
    changes: Changes


def variants(varied: Sequence[str], common: Changes = ()) -> list[Variant]:
    """Return the variants that texts such as `policies.scheduling=fifo,earliest_deadline` describe, the base first.

    Several fields give every combination. A single value is compared with the scenario as it is. `common` changes are made to all. Raises
    StudyError for no text, one of another form, a field or a value that is there twice, or more than MOST_VARIANTS combinations.
    """
    if not varied:
        raise StudyError(
            "nothing to compare: give --vary FIELD=VALUE,VALUE, such as policies.scheduling=fifo,earliest_deadline"
        )
    axes = [_axis(text) for text in varied]
    paths = [path for path, _ in axes]
    twice = next((path for path in paths if paths.count(path) > 1), None)
    if twice is not None:
        raise StudyError(f"--vary {twice} is given twice: name all its values in one")
    if "run.seed" in paths or "run.replications" in paths:
        raise StudyError(
            "variants share seed and replications, or they would not face the same requests: vary something else"
        )
    total = 1
    for _, values in axes:
        total *= len(values)
    if total > MOST_VARIANTS:
        raise StudyError(
            f"these are {total:,} variants, more than {MOST_VARIANTS}: use a study file and `simtier sweep`"
        )
    called = _called(paths)
    made = []
    for chosen in itertools.product(*(values for _, values in axes)):
        named = ", ".join(f"{field} {_shown(value)}".strip() for field, value in zip(called, chosen, strict=True))
        made.append(Variant(named, in_order([*common, *zip(paths, chosen, strict=True)])))
    if len({each.name for each in made}) < len(made):  # the number 1 and the text "1", say
        made = [
            Variant(", ".join(f"{path}={value}" for path, value in each.changes if path in paths), each.changes)
            for each in made
        ]
    if total == 1:
        made.insert(0, Variant("as it is", common))
    return made


def _axis(text: str) -> tuple[str, list[str]]:
    path, sign, rest = text.partition("=")
    if not sign or not path.strip() or not rest.strip():
        raise StudyError(
            f"--vary {text}: write it as FIELD=VALUE,VALUE, such as policies.scheduling=fifo,earliest_deadline"
        )
    try:
        values = parse_value(f"[{rest}]")
    except ScenarioError as error:
        raise StudyError(f"--vary {path}: {error.problems[0].message}") from error
    texts = [text_of(value) for value in values]
    if len(set(texts)) < len(texts):
        raise StudyError(f"--vary {path}: a value stands there twice: {rest}")
    return path.strip(), texts


def _called(paths: Sequence[str]) -> list[str]:
    """Return what fields are called: the ends of their paths if these differ, nothing if there is only one."""
    if len(paths) == 1:
        return [""]
    ends = [path.rpartition(".")[2] for path in paths]
    return ends if len(set(ends)) == len(ends) else list(paths)


def _shown(value: str) -> str:
    """Return how a value is called: policies by their name and parameters, without brackets and quotes."""
    return re.sub(r'[{}"]', "", value).replace("use: ", "")
