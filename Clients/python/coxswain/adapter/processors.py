"""Whether an engine's thread has to wait for a processor."""

from __future__ import annotations


class ProcessorWatch:
    """Linux counts for each thread how long it ran and how long it was ready to run and did not (`schedstat`). Where
    the engine waits for more than a small share, the host has no processor to spare. Without the counts nothing is
    known, and the host passes for crowded."""

    LOOK_EVERY_S = 1.0
    #: Waited, of the time that it would have run: above this the host is crowded.
    WAITED_SHARE_MAX = 0.05
    #: Less work between two looks says nothing.
    WORK_LEAST_NS = 10_000_000
    #: A crowded host is believed to be so for this long.
    CROWDED_S = 30.0

    def __init__(self, path: str = "/proc/thread-self/schedstat"):
        self._path = path
        self._look_at_s = 0.0
        self._crowded_until_s = float("inf")
        self._last: tuple[int, int] | None = None

    def is_crowded(self, now_s: float) -> bool:
        return now_s < self._crowded_until_s

    def look(self, now_s: float) -> None:
        """Reads the counts of the thread that calls, once a second."""
        if now_s < self._look_at_s:
            return
        self._look_at_s = now_s + self.LOOK_EVERY_S
        counts = self._read()
        if counts is None:
            self._crowded_until_s = float("inf")
            return
        last = self._last or counts
        ran, waited = counts[0] - last[0], counts[1] - last[1]
        if self._last is not None and ran + waited < self.WORK_LEAST_NS:
            return
        self._last = counts
        if waited > self.WAITED_SHARE_MAX * (ran + waited):
            self._crowded_until_s = now_s + self.CROWDED_S
        elif self._crowded_until_s == float("inf") and ran > 0:
            self._crowded_until_s = now_s

    def _read(self) -> tuple[int, int] | None:
        try:
            with open(self._path, encoding="ascii") as file:
                ran, waited = file.read().split()[:2]
            return int(ran), int(waited)
        except (OSError, ValueError):
            return None
