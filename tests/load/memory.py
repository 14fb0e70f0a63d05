"""Memory of gunicorn's workers, as the kernel counts it."""

from __future__ import annotations

import asyncio
import statistics
import time
from pathlib import Path
from typing import Final

EVERY_SECONDS: Final = 2.0


def workers_of(master: int) -> list[int]:
    """Return the process ids of a gunicorn's workers."""
    children = Path(f"/proc/{master}/task/{master}/children").read_text()
    return [int(word) for word in children.split()]


def megabytes(pid: int) -> float:
    """Return what a process has in memory, its share of what it shares counted once (PSS)."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("the kernel does not say")


class MemoryWatch:
    """Notes the memory of all workers together, every few seconds, until it is stopped."""

    def __init__(self, master: int) -> None:
        self._master = master
        #: (seconds since it began, megabytes)
        self.notes: list[tuple[float, float]] = []

    async def run(self) -> None:
        """Note until cancelled."""
        began = time.monotonic()
        while True:
            total = sum(megabytes(pid) for pid in workers_of(self._master))
            self.notes.append((time.monotonic() - began, total))
            await asyncio.sleep(EVERY_SECONDS)

    def growth(self) -> tuple[float, float]:
        """Return the medians of the second fifth and the last, in megabytes: the first warms up."""
        end = self.notes[-1][0]
        early = [size for at, size in self.notes if end / 5 <= at < 2 * end / 5]
        late = [size for at, size in self.notes if at >= 4 * end / 5]
        return statistics.median(early), statistics.median(late)
