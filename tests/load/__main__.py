"""Load the site: `python -m tests.load [--minutes N]`; `make load` for one minute, `make soak` for ten.

First as fast as it answers, to find its peak; then at 80 % of that, with everything people do, and servers
that are slow or dead among those they call; then pages alone, with and without calls that hang. Exit 1 where
an answer was wrong, memory grew by more than 5 %, the ledger does not verify, or a dead server made the
tokens page slower by more than 25 %.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

import click

from tests.load.memory import MemoryWatch
from tests.load.people import Crowd, Deed, Person
from tests.load.site import LoadedSite, loaded_site
from tests.load.traffic import Record, Traffic, new_client

PEOPLE: Final = 200
AT_ONCE: Final = 16
PEAK_SECONDS: Final = 15
SHARE_OF_PEAK: Final = 0.8
MAX_GROWTH: Final = 1.05
HANGING_CALLS: Final = 20
HANGING_SECONDS: Final = 20
HANGING_ROUNDS: Final = 3
#: Of the peak. A page that is late for want of CPU says nothing about calls.
QUIET_SHARE: Final = 0.3
MAX_SLOWER: Final = 1.25
PAGE: Final = Deed("tokens page", "GET", "/settings/tokens")


async def load(site: LoadedSite, minutes: float) -> list[str]:
    """Measure, print, and return what was missed."""
    missed: list[str] = []
    async with new_client(site.node.url) as client:
        people = [await Person.sign_in(client, site, number) for number in range(PEOPLE)]
        crowd, traffic = Crowd(people, site), Traffic(client)
        assert site.node.process is not None
        watch = MemoryWatch(site.node.process.pid)
        await traffic.as_fast_as_answered(crowd.next, PEAK_SECONDS / 3, AT_ONCE)
        peak = await traffic.as_fast_as_answered(crowd.next, PEAK_SECONDS, AT_ONCE)
        tell(f"As fast as it answers, {AT_ONCE} at once", peak, missed)
        watching = asyncio.create_task(watch.run())
        soak = await traffic.at_rate(crowd.next, minutes * 60, SHARE_OF_PEAK * peak.rate)
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
        tell(f"At {SHARE_OF_PEAK:.0%} of that for {minutes:g} min", soak, missed)
        early, late = watch.growth()
        click.echo(
            f"Memory of the workers: {early:.0f} MB early, {late:.0f} MB late ({late / early - 1:+.1%})\n"
        )
        if late > early * MAX_GROWTH:
            missed.append("memory grew")
        if await slower_by_hanging(site, traffic, people, QUIET_SHARE * peak.rate) > MAX_SLOWER:
            missed.append("calls that hang made the tokens page slower")
    verified = site.node.flask("audit", "verify")
    click.echo(verified.stdout.strip())
    if verified.returncode:
        missed.append("the ledger does not verify")
    return missed


async def slower_by_hanging(site: LoadedSite, traffic: Traffic, people: list[Person], rate: float) -> float:
    """Return p95 of the tokens page while calls hang, over what it is without; medians of blocks in turn."""
    quiet, hanging = [], []
    turn = iter(range(10**9))

    def page() -> tuple[Person, Deed]:
        return people[next(turn) % len(people)], PAGE

    path = f"/api/playground/{site.dead_id}/call"
    dead = Deed("hanging", "POST", path, {"tool": "add", "arguments": {}}, (503, 504))
    for _ in range(HANGING_ROUNDS):
        quiet.append((await traffic.at_rate(page, HANGING_SECONDS, rate)).p(95, PAGE.name))
        record = Record()
        calls = asyncio.gather(
            *(traffic.send(people[number], dead, record) for number in range(HANGING_CALLS))
        )
        await asyncio.sleep(1)
        hanging.append((await traffic.at_rate(page, HANGING_SECONDS, rate)).p(95, PAGE.name))
        await calls
    ratio = statistics.median(hanging) / statistics.median(quiet)
    click.echo(
        f"Tokens page at {rate:.0f}/s, p95: {statistics.median(quiet):.1f} ms; with {HANGING_CALLS} calls "
        f"hanging on a dead server: {statistics.median(hanging):.1f} ms ({ratio - 1:+.0%})\n"
    )
    return ratio


def tell(what: str, record: Record, missed: list[str]) -> None:
    """Print a run, and note what was wrong in it."""
    click.echo(f"{what}: {record.rate:.0f}/s, {record.count} answers, {record.wrong.total()} wrong")
    click.echo(f"{'':<26}{'count':>8}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}")
    for name in sorted(record.milliseconds):
        figures = "".join(f"{record.p(share, name):>9.0f}" for share in (50, 95, 99))
        click.echo(f"{name:<26}{len(record.milliseconds[name]):>8}{figures}")
    click.echo("")
    for wrong, count in record.wrong.most_common():
        click.echo(f"wrong: {wrong}, {count} times")
        missed.append(wrong)


def main() -> int:
    """Return the exit status."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=1)
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        loaded_site(Path(folder), os.environ.get("TEST_REDIS_URL", "")) as site,
    ):
        missed = asyncio.run(load(site, given.minutes))
    for one in missed:
        click.echo(f"missed: {one}", err=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
