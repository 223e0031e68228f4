"""Engines against a real vLLM server and against Vidur, on the same requests."""

from __future__ import annotations

import csv
import json
import os
from functools import cache
from pathlib import Path
from typing import Any

from llm_driving import Driven, Row, closed_form, differences, drive, statistics, summary

from llm_claims.claim import Claim, once
from simtier.catalogue.llm import language_model
from simtier.contract import IterationBatching
from simtier.models.llm.blocks import Blocks
from simtier.models.llm.prefixes import PrefixBlocks
from simtier.models.llm.profile_files import read_profile
from simtier.models.llm.profiled import Profiled
from simtier.policies.batching.sarathi import Sarathi
from simtier.policies.batching.vllm import Vllm
from simtier.policies.batching.vllm_v1 import VllmV1

VIDUR, REAL = "vidur-llama2-7b-a100", "vllm-rtx4090"
REAL_BLOCKS = 2588


def available() -> bool:
    """Return whether the measurements are here."""
    return _folder(VIDUR) is not None and _folder(REAL) is not None


def _folder(name: str) -> Path | None:
    parts = [part for part in os.environ.get("SIMTIER_VALIDATION", "").split(os.pathsep) if part]
    return next((Path(part) / name for part in parts if (Path(part) / name).is_dir()), None)


def folder(name: str) -> Path:
    """Return a directory of measurements; raises LookupError if SIMTIER_VALIDATION names none."""
    found = _folder(name)
    if found is None:
        raise LookupError(f"SIMTIER_VALIDATION names no directory with {name}")
    return found


@cache
def _server() -> list[dict[str, float]]:
    lines = (folder(REAL) / "requests.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@cache
def _engine() -> Driven:
    """Return what simtier's engine does with the requests of the real server."""
    told = _server()
    begin_s = min(each["queued_ts"] for each in told)
    rows = sorted(
        (
            Row(at=each["queued_ts"] - begin_s, prompt=int(each["input_toks"]), output=int(each["output_toks"]))
            for each in told
        ),
        key=lambda row: row.at,
    )
    kernels = Profiled(read_profile(folder(REAL) / "profile").profile(language_model("llama-3-8b").layers))
    return drive(rows, VllmV1(), kernels, blocks=PrefixBlocks(REAL_BLOCKS, 16), context=32768)


def real_vllm() -> float:
    """Return the worst difference of twelve statistics from the real server, in %."""
    told = _server()
    expected = {
        "ttft": summary([each["first_token_ts"] - each["queued_ts"] for each in told]),
        "tpot": summary(
            [(each["last_token_ts"] - each["first_token_ts"]) / (each["output_toks"] - 1) for each in told]
        ),
        "latency": summary([each["last_token_ts"] - each["queued_ts"] for each in told]),
    }
    return _worst(_engine(), expected)


def real_preemptions() -> float:
    """Return how many preemptions there are."""
    return float(_engine().preemptions)


def vidur(workload: str, policy: str) -> float:
    """Return the worst difference of twelve statistics from Vidur's answer, in %."""
    policies: dict[str, IterationBatching] = {
        "vllm": Vllm(tokens=4096, sequences=128, watermark=0.01, padded=True),
        "sarathi": Sarathi(tokens=512),
    }
    with (folder(VIDUR) / f"{workload}_1000.csv").open(encoding="utf-8") as file:
        rows = [
            Row(
                at=float(row["arrived_at"]), prompt=int(row["num_prefill_tokens"]), output=int(row["num_decode_tokens"])
            )
            for row in csv.DictReader(file)
        ]
    told = json.loads((folder(VIDUR) / "reference.json").read_text(encoding="utf-8"))[f"{workload}1000_{policy}_r1"]
    expected = {"ttft": told["ttft_s"], "tpot": told["tpot_s_std(div by out_tokens-1)"], "latency": told["e2e_s"]}
    return _worst(drive(rows, policies[policy], closed_form(), blocks=Blocks(7424, 16)), expected)


def _worst(driven: Driven, expected: dict[str, Any]) -> float:
    return 100 * max(map(abs, differences(statistics(driven.done), expected).values()))


def _vidur_claim(workload: str, policy: str, words: str) -> Claim:
    return Claim(
        name=f"vidur_{policy}_{workload}",
        says=f"one engine does as Vidur says it does: `{policy}`, {words}",
        source="Vidur (Agrawal et al., MLSys 2024), run of commit 7d47513",
        setting="Llama-2-7B on an A100, 1,000 requests, 7,424 blocks, closed form of iterations",
        paper="its own TTFT, TPOT and latency",
        figure="largest difference of mean, p50, p90, p99 of the three, %",
        high=5.0,
        tolerance="5 %",
        kind="one run",
        measure=once(lambda: vidur(workload, policy)),
    )


CLAIMS = (
    Claim(
        name="real_vllm",
        says="an engine with a measured profile does as a real server did",
        source="vLLM on an RTX 4090 (LLMServingSim 2.0's runs), request by request",
        setting="`vllm_v1`, 300 requests, 2,588 blocks, profile of kernels, prefix caching",
        paper="its own TTFT, TPOT and latency",
        figure="largest difference of mean, p50, p90, p99 of the three, %",
        high=7.0,
        tolerance="7 %",
        kind="one run",
        measure=once(real_vllm),
    ),
    Claim(
        name="real_preemptions",
        says="so few blocks make an engine preempt",
        source="README of the same measurements",
        setting="the same",
        paper="186 preemptions",
        figure="preemptions",
        low=176.7,
        high=195.3,
        tolerance="5 %",
        kind="one run",
        surrogate="186 is what a plain scheduler over the same profile counts; the server's own number was not written down",
        measure=once(real_preemptions),
    ),
    _vidur_claim("fixed", "vllm", "requests of one length"),
    _vidur_claim("fixed", "sarathi", "requests of one length"),
    _vidur_claim("convslow", "vllm", "lengths of conversations"),
    _vidur_claim("convslow", "sarathi", "lengths of conversations"),
)
