"""What an accelerator draws while it runs a language model, and how much longer that takes at a lower clock.

Both follow from how much of the hardware an iteration keeps busy. Of T tokens, the operations of the matrices take u = T / ridge times as long as
reading the weights does,

    ridge = peak x bytes of a parameter / (2 x bandwidth) x parameters / parameters that a token meets,

and |(1, u)| = sqrt(1 + u^2) is the longer of the two, with a rounded corner. An iteration draws, at the highest clock,

    P = peak power x (token + (prompt - token) u / |(1, u)|):

`token` where memory is all there is to wait for, as for a few decodes, and `prompt` where arithmetic is, as for prompts. At a share f of the
highest clock the part of P above idle is multiplied by f^exponent, and the iteration takes

    |(1, x / f)| / |(1, x)|   times as long,   x = u + core,

for arithmetic follows the clock and memory does not; `core` is what follows the clock even of a few decodes (caches, launches). So prompts slow
down nearly in proportion, and decodes hardly.

Source: Patel et al., "Characterizing Power Management Opportunities for LLMs in the Cloud" (POLCA), ASPLOS 2024, section 4: prompts draw about the
peak power or above it for less than a second, tokens less, and evenly; of an A100's peak power up to 20 % is saved by 1110 of 1410 MHz for up to 7 %
of its performance. `token` 0.5 gives the 0.5 to 0.7 of batches from 1 to 64 on an A100. `exponent` is fitted to these 20 %, `core` is chosen
within the 7 %; both are assumptions elsewhere.
Assumptions: attention and all-reduces count as matrices do; power is the same within an iteration; the clock changes at once. Far below the usual
clocks, at a power brake, times are a guess.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot

from simtier.models.llm.shape import LlmShape

PROMPT, TOKEN, EXPONENT, CORE = 1.0, 0.5, 1.1, 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class PhasePower:
    """The power of one accelerator and its clock; see the module.

    Attributes:
        idle_w, peak_w: of the accelerator, in watts.
        ridge_tokens: tokens at which operations take as long as reading the weights.
        prompt, token: shares of `peak_w`, `prompt` at least as large.
        exponent: how power above idle follows the clock.
        core: how much of the time of a few decodes follows the clock.
    """

    idle_w: float
    peak_w: float
    ridge_tokens: float
    prompt: float = PROMPT
    token: float = TOKEN
    exponent: float = EXPONENT
    core: float = CORE

    def watts(self, tokens: float, clock: float = 1.0) -> float:
        """Return what an iteration of so many tokens draws at a share of the highest clock, in (0, 1]."""
        work = tokens / self.ridge_tokens
        share = self.token + (self.prompt - self.token) * work / hypot(1.0, work)
        above = max(self.peak_w * share - self.idle_w, 0.0)
        return self.idle_w + (above if clock == 1.0 else above * scaled(clock, self.exponent))

    def slowdown(self, tokens: float, clock: float) -> float:
        """Return how many times as long an iteration of so many tokens takes at a share of the highest clock; 1 or more."""
        work = self.core + tokens / self.ridge_tokens
        return hypot(1.0, work / clock) / hypot(1.0, work)


def scaled(clock: float, exponent: float = EXPONENT) -> float:
    """Return by what power above idle is multiplied at a share of the highest clock."""
    return float(clock**exponent)


def ridge_tokens(shape: LlmShape, flop_per_s: float, bytes_per_s: float, parameter_bytes: float) -> float:
    """Return the tokens at which a model's operations take as long as reading its weights, on any number of such accelerators."""
    return flop_per_s * parameter_bytes / (2 * bytes_per_s) * shape.parameters / shape.active_parameters
