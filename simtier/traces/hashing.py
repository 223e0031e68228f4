"""Numbers that look random and depend on nothing but what they are made of.

They are for choices that must not depend on a seed, a window, or the size of a batch. The hash is SplitMix64's finaliser over the sum of the key and the salt, spread by the golden ratio. Source: Steele, Lea and Flood,
"Fast splittable pseudorandom number generators", OOPSLA 2014, figure 17.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Keys = NDArray[np.uint64]
Floats = NDArray[np.float64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def mixed(keys: Keys, salt: int | Keys = 0) -> Keys:
    """Return 64 well mixed bits for each key; another salt gives another, independent choice."""
    with np.errstate(over="ignore"):
        z = (keys + np.asarray(salt, np.uint64) + np.uint64(1)) * _GOLDEN
        z = (z ^ (z >> np.uint64(30))) * _FIRST
        z = (z ^ (z >> np.uint64(27))) * _SECOND
        return np.asarray(z ^ (z >> np.uint64(31)))


def uniform(keys: Keys, salt: int | Keys = 0) -> Floats:
    """Return a number in [0, 1) for each key, a multiple of 2^-53."""
    return (mixed(mixed(keys), salt) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def text_key(text: str) -> int:
    """Return 64 bits for a text, the same everywhere."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def text_keys(column: Any) -> Keys:
    """Return 64 bits for each text of an Arrow column without nulls; texts are hashed once each."""
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    keys = np.array([text_key(text) for text in encoded.dictionary.to_pylist()], dtype=np.uint64)
    return np.asarray(keys[encoded.indices.to_numpy(zero_copy_only=False)])
