"""Call slots: how many calls of this process may wait for remote servers at once.

A thread that waits serves nobody. When all of them waited for one slow server, no page would open any more.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from app.errors import BusyError


class CallSlots:
    """So many slots, of which one person never gets the last one, where there is more than one."""

    def __init__(self, slots: int) -> None:
        self._lock = threading.Lock()
        self._slots = slots
        self._of_person = max(1, slots - 1)
        self._taken: Counter[int] = Counter()

    @contextmanager
    def take(self, user_id: int) -> Iterator[None]:
        """Hold a slot for this person. Raises BusyError at once when there is none."""
        with self._lock:
            if self._taken.total() >= self._slots or self._taken[user_id] >= self._of_person:
                raise BusyError
            self._taken[user_id] += 1
        try:
            yield
        finally:
            with self._lock:
                self._taken[user_id] -= 1
                # Zero and negative counts go, so that the table does not grow with the people.
                self._taken += Counter()
