"""Traffic: requests as fast as they are answered, or at a rate, and what came of them."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx2

from tests.load.people import WAIT_SECONDS, Deed, Person

Next = Callable[[], tuple[Person, Deed]]


@dataclass
class Record:
    """What came of a run: milliseconds by deed, and answers that were not right, by what they were."""

    milliseconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    wrong: Counter[str] = field(default_factory=Counter)
    #: For how long requests were sent, and how many were answered by then.
    seconds: float = 0.0
    count: int = 0

    @property
    def rate(self) -> float:
        """Answers per second."""
        return self.count / self.seconds

    def p(self, share: int, *names: str) -> float:
        """Return this percentile of these deeds, in milliseconds."""
        times = [one for name in names for one in self.milliseconds[name]]
        return statistics.quantiles(times, n=100)[share - 1] if len(times) > 1 else float("nan")


class Traffic:
    """Sends requests to one site."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self._client = client

    async def as_fast_as_answered(self, next_: Next, seconds: float, at_once: int) -> Record:
        """Let so many people each send a request when the one before is answered."""
        record, ends = Record(), time.perf_counter() + seconds
        under_way: list[asyncio.Task[None]] = []

        async def one() -> None:
            while time.perf_counter() < ends:
                person, deed = next_()
                if deed.takes_its_time:
                    under_way.append(asyncio.create_task(self.send(person, deed, record)))
                else:
                    await self.send(person, deed, record)

        started = time.perf_counter()
        await asyncio.gather(*(one() for _ in range(at_once)))
        record.seconds = time.perf_counter() - started
        record.count = sum(map(len, record.milliseconds.values()))
        await asyncio.gather(*under_way)
        return record

    async def at_rate(self, next_: Next, seconds: float, per_second: float) -> Record:
        """Send so many a second, whatever is answered; latency counts from when a request was due."""
        record, under_way = Record(), set()
        started = time.perf_counter()
        for number in range(int(seconds * per_second)):
            due = started + number / per_second
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            task = asyncio.create_task(self._send(*next_(), record, due))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        record.seconds = time.perf_counter() - started
        record.count = sum(map(len, record.milliseconds.values()))
        await asyncio.gather(*under_way)
        return record

    async def send(self, person: Person, deed: Deed, record: Record) -> None:
        """Send one request now."""
        await self._send(person, deed, record, time.perf_counter())

    async def _send(self, person: Person, deed: Deed, record: Record, due: float) -> None:
        try:
            answer = await self._client.request(
                deed.method, deed.path, json=deed.body, headers=person.headers
            )
            said = str(answer.status_code)
            is_right = answer.status_code in deed.expected
        except httpx2.TransportError as error:
            said, is_right = type(error).__name__, False
        record.milliseconds[deed.name].append((time.perf_counter() - due) * 1000)
        if not is_right:
            record.wrong[f"{deed.name}: {said}"] += 1


def new_client(url: str) -> httpx2.AsyncClient:
    """Return a client that keeps no cookies apart and follows nothing. Close it."""
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=32)
    return httpx2.AsyncClient(base_url=url, trust_env=False, limits=limits, timeout=WAIT_SECONDS)
