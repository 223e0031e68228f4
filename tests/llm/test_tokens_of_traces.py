"""Requests of a trace that tell no tokens: they are given one, and counted."""

from __future__ import annotations

from pathlib import Path

import simtier

ROWS = "arrival_s,input_tokens,output_tokens\n0,100,10\n1,100,0\n2,50,0\n3,0,5\n"


def test_answers_without_tokens_are_given_one_and_counted(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text(ROWS)
    (tmp_path / "s.yaml").write_text(
        """
name: failures
run: {duration: 10 s, drain: 10 s}
nodes: {gpu: {tier: cloud, cores: 8, accelerators: [a100_80g]}}
services: {chat: {on: gpu, llm: {model: llama-3-8b}}}
apps: {ask: {stages: {answer: {service: chat, tokens: traced}}}}
workloads: {all: {app: ask, from: gpu, trace: "own:./own.csv"}}
"""
    )
    result = simtier.run(simtier.Scenario.load(tmp_path / "s.yaml"), out=tmp_path / "out")
    rows = result.table("sequences")
    assert rows.output_tokens.tolist() == [10, 1, 1, 5]
    assert rows.input_tokens.tolist() == [100, 100, 50, 1]
    told = [line for line in result.assumptions if "are given 1" in line]
    assert len(told) == 1
    assert "3 requests" in told[0]
