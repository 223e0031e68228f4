"""Numbers that look random and depend on nothing but what they are made of.

They are for choices that must not depend on a window, on the size of a batch, or on what else there is. For one salt, the numbers of
the keys 0, 1, 2, ... are a SplitMix64 stream; the salt, mixed itself, says where on the generator's cycle of 2^64 it begins, so keys
and salts that are small numbers do not run into one another.

Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014, figures 16 and 17.
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


def mixed(keys: Keys, salt: int = 0) -> Keys:
    """Return 64 well mixed bits for each key; another salt, from 0 to 2^64 - 1, gives another, independent choice."""
    begin = _finished(np.array([salt], np.uint64))
    return _finished(keys + begin)


def uniform(keys: Keys, salt: int = 0) -> Floats:
    """Return a number in [0, 1) for each key, a multiple of 2^-53."""
    return (mixed(keys, salt) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def text_key(text: str) -> int:
    """Return 64 bits for a text, the same everywhere."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def text_keys(column: Any) -> Keys:
    """Return 64 bits for each text of an Arrow column without nulls; each text that occurs is hashed once."""
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    keys = np.zeros(len(encoded.dictionary), dtype=np.uint64)
    there = np.unique(codes)
    keys[there] = np.array([text_key(text) for text in encoded.dictionary.take(pa.array(there)).to_pylist()], np.uint64)
    return np.asarray(keys[codes])


def _finished(z: Keys) -> Keys:
    """Return the SplitMix64 output at each place of its cycle; arithmetic is modulo 2^64."""
    z = (z + np.uint64(1)) * _GOLDEN
    z = (z ^ (z >> np.uint64(30))) * _FIRST
    z = (z ^ (z >> np.uint64(27))) * _SECOND
    return z ^ (z >> np.uint64(31))
