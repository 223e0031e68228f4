"""Limits on how fast a function may grow."""

from __future__ import annotations


class Bucket:
    """A token bucket: `burst` starts at once, then `burst` more in every `per_s` seconds, evenly.

    As AWS Lambda limits each function's growth ("Lambda quotas": 1,000 instances every 10 seconds).
    """

    __slots__ = ("_burst", "_rate", "_since_s", "_tokens")

    def __init__(self, burst: int, per_s: float) -> None:
        self._burst = burst
        self._rate = burst / per_s
        self._tokens = float(burst)
        self._since_s = 0.0

    def take(self, now_s: float) -> float:
        """Take a token and return `now_s`; if there is none, return when there will be one, and take nothing."""
        self._tokens = min(self._burst, self._tokens + (now_s - self._since_s) * self._rate)
        self._since_s = now_s
        if self._tokens >= 1 - 1e-9:
            self._tokens -= 1
            return now_s
        return now_s + (1 - self._tokens) / self._rate

    def put_back(self) -> None:
        """Return a token that was taken at this instant."""
        self._tokens += 1
