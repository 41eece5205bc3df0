"""What an adapter did, counted."""

from __future__ import annotations

import json
import os
from bisect import bisect_left
from collections import Counter
from typing import Any

#: Upper bounds of the histogram of times per step, in microseconds; the last bucket is open.
BOUNDS_US = (50, 100, 150, 200, 300, 400, 600, 800, 1000, 1500, 2000, 2500, 3000, 4000, 6000, 10000, 100000)


class Counters:
    """Counts by name, and a histogram of the time that a step spent on the sidecar."""

    def __init__(self):
        self.counts: Counter[str] = Counter()
        self.client_us = [0] * (len(BOUNDS_US) + 1)
        self.client_us_max = 0
        #: Steps that took longer than the deadline plus one millisecond.
        self.overruns = 0

    def __getitem__(self, name: str) -> int:
        return self.counts[name]

    def add(self, name: str, count: int = 1) -> None:
        self.counts[name] += count

    def took(self, elapsed_us: int, limit_us: float) -> None:
        self.client_us[bisect_left(BOUNDS_US, elapsed_us)] += 1
        if elapsed_us > self.client_us_max:
            self.client_us_max = elapsed_us
        self.overruns += elapsed_us > limit_us

    def percentile_us(self, share: float) -> int:
        """Upper bound of the bucket that holds this share of all steps."""
        wanted = share * sum(self.client_us)
        seen = 0
        for bound, count in zip((*BOUNDS_US, self.client_us_max), self.client_us):
            seen += count
            if seen >= wanted and seen:
                return min(bound, self.client_us_max)
        return 0

    def summary(self) -> dict[str, Any]:
        return {
            **dict(sorted(self.counts.items())),
            "client_us": {
                "p50": self.percentile_us(0.5), "p99": self.percentile_us(0.99), "p999": self.percentile_us(0.999),
                "max": self.client_us_max, "overruns": self.overruns},
        }

    def write(self, path: str, extra: dict[str, Any]) -> None:
        """Replaces the file whole, so that a reader never sees half of it."""
        partial = f"{path}.{os.getpid()}"
        with open(partial, "w", encoding="utf-8") as file:
            json.dump({**extra, **self.summary()}, file)
        os.replace(partial, path)
