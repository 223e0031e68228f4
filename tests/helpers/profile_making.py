"""Writes profile directories whose times follow formulas."""

from __future__ import annotations

import itertools
from pathlib import Path

CHUNKS, BEFORES, DECODES, CONTEXTS = (0, 16, 64), (0, 32), (0, 1, 4), (0, 16, 128)
TOKENS, SEQUENCES = (1, 4, 16, 64, 128), (1, 2, 8)


def attention_us(new: int, before: int, decodes: int, context: int) -> float:
    """Microseconds of attention in one layer."""
    return 2.0 * (new > 0) + 0.01 * new + 0.002 * before * (new > 0) + 0.5 * decodes + 0.001 * decodes * context


def _measured(new: int, before: int, decodes: int, context: int) -> bool:
    return bool(new or decodes) and (new > 0 or before == 0) and (context > 0) == (decodes > 0)


def write_profile(folder: Path, meta: str = "model: made/Tiny\ngpu: NVIDIA Something\ntp_degrees: [1]\n") -> Path:
    """Write a profile: projections take 10 us a token, norms 1 us, the embedding 3 us, the final norm 5 us, sampling 7 us a sequence."""
    dense = ["layer,tokens,time_us"]
    for name, fixed, slope in (
        ("qkv_proj", 0.0, 10.0),
        ("layernorm", 1.0, 0.0),
        ("embedding", 3.0, 0.0),
        ("final_layernorm", 5.0, 0.0),
    ):
        dense += [f"{name},{tokens},{fixed + slope * tokens}" for tokens in TOKENS]
    attention = ["prefill_chunk,kv_prefill,n_decode,kv_decode,time_us"]
    points = itertools.product(CHUNKS, BEFORES, DECODES, CONTEXTS)
    attention += [f"{','.join(map(str, point))},{attention_us(*point)}" for point in points if _measured(*point)]
    sampling = ["layer,sequences,time_us", *(f"sampler,{number},{7.0 * number}" for number in SEQUENCES)]
    folder.mkdir(parents=True, exist_ok=True)
    for name, lines in (("dense", dense), ("attention", attention), ("per_sequence", sampling)):
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    if meta:
        (folder / "meta.yaml").write_text(meta, encoding="utf-8")
    return folder
