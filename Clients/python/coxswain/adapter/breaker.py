"""Stops asking a sidecar that does not answer in time, and asks again after a while."""

from __future__ import annotations

import random


class Breaker:
    """Opens after `failures_max` failures in a row; each time for twice as long, with jitter, so that the ranks of one
    server do not come back together. Times are seconds of the caller's monotonic clock."""

    FIRST_S = 0.05
    #: With its jitter below 0.75 s: a sidecar that is well again gets its engines back within one second.
    LONGEST_S = 0.6
    JITTER = 0.25

    def __init__(self, failures_max: int, rng: random.Random | None = None):
        self.failures_max = failures_max
        self.failures = 0
        self.opened = 0
        self._rng = rng or random.Random()
        self._pause_s = self.FIRST_S
        self._until_s = 0.0

    def is_open(self, now_s: float) -> bool:
        return now_s < self._until_s

    def failed(self, now_s: float) -> None:
        self.failures += 1
        if self.failures >= self.failures_max:
            self.trip(now_s)

    def trip(self, now_s: float) -> None:
        """Opens at once."""
        self.opened += 1
        self._until_s = now_s + self._pause_s * (1 + self._rng.uniform(-self.JITTER, self.JITTER))
        self._pause_s = min(2 * self._pause_s, self.LONGEST_S)
        self.failures = max(1, self.failures)

    def succeeded(self) -> None:
        if self.failures:
            self.failures = 0
            self._pause_s = self.FIRST_S
            self._until_s = 0.0
