"""Harness: two ways to do the same, measured in turn, and what their ratio is worth.

A machine that is busy with other things slows both sides of a round, so only ratios are judged: never a time,
where a measuring is quick.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

#: How far a ratio may be off what is wanted: noise (a quarter).
ALLOWED = 1.25
#: A ratio that missed is measured once more, this much longer; the table says so.
LONGER = 3

#: Returns seconds: on the wall, or of this process on the processor, which a busy machine does not stretch.
Clock = Callable[[], float]

REACHED, WITHIN, MISSED, RECORDED, BESIDE = "reached", "within 25 %", "MISSED", "missed, recorded", "—"


@dataclass(frozen=True)
class Contest:
    """Ours against its floor. Each call of `ours` or `floor` is a round and returns its figure, in `unit`.

    `at_most`: what ours may be, as a multiple of the floor; or `at_least`: how fast it has to be, as a part
    of the floor's speed. With neither it is only shown. `limit`: what ours may be in `unit`, judged instead
    where the measuring is not quick. `recorded`: the ratio that docs/performance.md says is reached while
    the wanted one is not; a quick measuring guards that instead.
    """

    name: str
    unit: str
    ours: Callable[[], float]
    floor: Callable[[], float]
    at_most: float | None = None
    at_least: float | None = None
    limit: float | None = None
    recorded: float | None = None
    rounds: int = 15


@dataclass(frozen=True)
class Result:
    """What came of a contest. `times_over`: by what the ratio is off what is wanted; 1.0: just reached."""

    name: str
    database: str
    unit: str
    ours: float
    floor: float
    ratio: float
    wanted: str
    verdict: str
    rounds: int
    times_over: float | None = None
    is_measured_twice: bool = False
    spread: Mapping[str, tuple[float, float]] = field(default_factory=dict)


def run(contest: Contest, database: str, *, quick: bool) -> Result:
    """Measure both in turn, once more and longer where the ratio missed."""
    found = _measure(contest, database, contest.rounds, quick)
    if found.verdict == MISSED and contest.rounds > 1:
        found = replace(_measure(contest, database, contest.rounds * LONGER, quick), is_measured_twice=True)
    return found


def timed(
    act: Callable[[], object], times: int, scale: float = 1e6, *, clock: Clock = time.perf_counter
) -> Callable[[], float]:
    """Return a round: do it so many times, and return how long one took; microseconds by default.

    By the clock on the wall, the median of them: where another process came in between, it says nothing.
    """

    def counted() -> float:
        started = clock()
        for _ in range(times):
            act()
        return (clock() - started) * scale / times

    def once() -> float:
        took = []
        for _ in range(times):
            started = time.perf_counter()
            act()
            took.append(time.perf_counter() - started)
        return statistics.median(took) * scale

    return once if clock is time.perf_counter else counted


def _measure(contest: Contest, database: str, rounds: int, quick: bool) -> Result:
    ours: list[float] = []
    floor: list[float] = []
    for number in range(rounds):
        # In turn, and each goes first as often as the other.
        sides = [(contest.ours, ours), (contest.floor, floor)]
        for act, figures in sides if number % 2 else reversed(sides):
            figures.append(act())
    mine, least = statistics.median(ours), statistics.median(floor)
    ratio, times_over = judged(contest, mine, least, quick=quick)
    return Result(
        name=contest.name,
        database=database,
        unit=contest.unit,
        ours=mine,
        floor=least,
        ratio=ratio,
        wanted=wanted(contest, quick=quick),
        verdict=verdict(contest, ratio, times_over, quick=quick),
        rounds=rounds,
        times_over=times_over,
        spread={"ours": (min(ours), max(ours)), "floor": (min(floor), max(floor))},
    )


def judged(contest: Contest, ours: float, floor: float, *, quick: bool) -> tuple[float, float | None]:
    """Return the ratio as it is shown, and by what it is off; None where nothing is wanted."""
    if contest.limit is not None and not quick:
        return ours / floor, ours / contest.limit
    if contest.at_least is not None:
        # Both took time; the speed of ours as a part of the floor's.
        return floor / ours, contest.at_least * ours / floor
    return ours / floor, None if contest.at_most is None else ours / floor / contest.at_most


def verdict(contest: Contest, ratio: float, times_over: float | None, *, quick: bool) -> str:
    """Return one of the words above."""
    if times_over is None:
        return BESIDE
    if times_over <= 1:
        return REACHED
    if times_over <= ALLOWED:
        return WITHIN
    if quick and contest.recorded is not None:
        worse = contest.recorded / ratio if contest.at_least is not None else ratio / contest.recorded
        return RECORDED if worse <= ALLOWED else MISSED
    return MISSED


def wanted(contest: Contest, *, quick: bool) -> str:
    """Return what is wanted, in the words of the table."""
    if contest.limit is not None and not quick:
        return f"≤ {contest.limit:g} {contest.unit}"
    if contest.at_least is not None:
        return f"≥ {contest.at_least:.2f}"
    return BESIDE if contest.at_most is None else f"≤ {contest.at_most:.2f}"
