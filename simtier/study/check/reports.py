"""A check for machines: JUnit XML, annotations of GitHub Actions, plain data."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from simtier.scenario.document import read
from simtier.study.check.guard import Checked
from simtier.study.check.words import conclusion, sentence


def as_junit(checked: Checked) -> str:
    """Return the check as JUnit XML: a suite with a case for each metric, and one for the course if that is strict.

    Source of the form: the schema of Apache Ant's JUnit report, as Jenkins, GitLab and GitHub's reporters read it; times are left out, so
    that the same check gives the same text.
    """
    failures = sum(each.failed for each in checked.metrics) + (checked.strict and bool(checked.changed))
    cases = len(checked.metrics) + checked.strict
    totals = {"tests": str(cases), "failures": str(failures), "errors": "0"}
    suites = ET.Element("testsuites", totals)
    suite = ET.SubElement(suites, "testsuite", {"name": f"simtier check {checked.scenario}", **totals})
    for each in checked.metrics:
        case = ET.SubElement(suite, "testcase", {"classname": checked.scenario, "name": each.name})
        if each.failed:
            ET.SubElement(case, "failure", {"type": each.verdict, "message": sentence(each)}).text = sentence(each)
        else:
            ET.SubElement(case, "system-out").text = sentence(each)
    if checked.strict:
        case = ET.SubElement(
            suite, "testcase", {"classname": checked.scenario, "name": "the course of every replication"}
        )
        if checked.changed:
            told = f"replications {', '.join(map(str, checked.changed))} took another course than in the baseline"
            ET.SubElement(case, "failure", {"type": "changed", "message": told}).text = told
    ET.SubElement(suite, "system-out").text = "\n".join(conclusion(checked))
    ET.indent(suites, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(suites, encoding="unicode") + "\n"


def for_github(checked: Checked) -> list[str]:
    """Return the workflow commands that make GitHub Actions show the check beside the scenario's policies.

    Source: GitHub's documentation, "Workflow commands for GitHub Actions", setting an error message.
    """
    line = policies_line(Path(checked.scenario))
    told = [
        _command(
            "error" if each.failed else "notice", checked.scenario, line, f"{each.name}: {each.verdict}", sentence(each)
        )
        for each in checked.metrics
        if each.failed or each.verdict == "better"
    ]
    if checked.strict and checked.changed:
        told.append(
            _command("error", checked.scenario, line, "another course than in the baseline", conclusion(checked)[-1])
        )
    return told + [_command("warning", checked.baseline, 1, "baseline", note) for note in checked.notes]


def policies_line(scenario: Path) -> int:
    """Return the line of the first `policies` in a scenario file, else 1."""
    _, lines = read(scenario, str(scenario))
    return min((line for path, line in lines.items() if path and path[-1] == "policies"), default=1)


def as_data(checked: Checked) -> dict[str, Any]:
    """Return the check as plain data for JSON, null for what cannot be known."""
    told: dict[str, Any] = _no_nan({"failed": checked.failed, **asdict(checked)})
    for each, judged in zip(told["metrics"], checked.metrics, strict=True):
        each |= {"rule": judged.rule.model_dump(), "failed": judged.failed, "sentence": sentence(judged)}
    return told | {"conclusion": conclusion(checked)}


def _command(kind: str, file: str, line: int, title: str, message: str) -> str:
    return f"::{kind} file={_property(file)},line={line},title={_property(title)}::{_escaped(message)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


def _no_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _no_nan(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_no_nan(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
