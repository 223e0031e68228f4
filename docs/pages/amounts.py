"""Numbers with units, as pages show them."""

from __future__ import annotations

_PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def amount(value: float, unit: str) -> str:
    """Return `value` with four digits and a decimal prefix: 8.1e12 FLOP/s is "8.1 TFLOP/s"."""
    for factor, prefix in _PREFIXES:
        if value >= factor:
            return f"{value / factor:.4g} {prefix}{unit}"
    return f"{value:.4g} {unit}"


def quantity(text: str) -> str:
    """Return a dumped quantity such as "0.0 s" without needless zeros: "0 s"; "inf B/s" is "unlimited"."""
    number, _, unit = text.partition(" ")
    return "unlimited" if number == "inf" else f"{float(number):.12g} {unit}"
