"""The benchmarks can fail: what their harness says of a ratio, and what `make bench` exits with."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import chain, repeat
from pathlib import Path

import pytest

from tests.benchmarks import report
from tests.benchmarks.harness import (
    BESIDE,
    LONGER,
    MISSED,
    REACHED,
    RECORDED,
    WITHIN,
    Contest,
    Result,
    run,
    timed,
)


def contest(ours: float, floor: float = 1.0, **wanted: float) -> Contest:
    return Contest("a thing", "ms", lambda: ours, lambda: floor, rounds=3, **wanted)  # type: ignore[arg-type]


def result_of(ours: float, floor: float = 1.0, *, quick: bool = False, **wanted: float) -> Result:
    return run(contest(ours, floor, **wanted), "sqlite", quick=quick)


@pytest.mark.parametrize(
    ("ours", "verdict"), [(1.9, REACHED), (2.0, REACHED), (2.4, WITHIN), (2.5, WITHIN), (2.6, MISSED)]
)
def test_a_ratio_is_missed_by_more_than_a_quarter(ours: float, verdict: str) -> None:
    found = result_of(ours, at_most=2.0)

    assert (found.verdict, found.ratio) == (verdict, ours)
    assert report.exit_code([result_of(1.0, at_most=2.0), found]) == (verdict == MISSED)


@pytest.mark.parametrize(
    ("ours", "ratio", "verdict"), [(1.0, 1.0, REACHED), (1.5, 2 / 3, WITHIN), (1.7, 1 / 1.7, MISSED)]
)
def test_a_speed_is_a_part_of_the_floors(ours: float, ratio: float, verdict: str) -> None:
    found = result_of(ours, at_least=0.8)

    assert (found.verdict, found.ratio) == (verdict, pytest.approx(ratio))


def test_what_is_only_shown_is_not_judged() -> None:
    assert result_of(99.0).verdict == BESIDE
    assert report.exit_code([result_of(99.0)]) == 0


def test_a_limit_is_judged_instead_of_the_ratio_but_never_where_it_is_quick() -> None:
    slow = {"at_most": 5.0, "limit": 0.9}

    assert result_of(1.5, **slow).verdict == MISSED
    assert result_of(1.5, quick=True, **slow).verdict == REACHED


@pytest.mark.parametrize(("ours", "verdict"), [(6.0, RECORDED), (7.4, RECORDED), (7.6, MISSED)])
def test_a_recorded_miss_is_guarded_where_it_is_quick_and_nowhere_else(ours: float, verdict: str) -> None:
    wanted = {"at_most": 2.0, "recorded": 6.0}

    assert result_of(ours, quick=True, **wanted).verdict == verdict
    assert result_of(ours, quick=False, **wanted).verdict == MISSED


def test_a_recorded_speed_is_guarded_as_well() -> None:
    wanted = {"at_least": 0.7, "recorded": 0.2}

    assert result_of(5.5, quick=True, **wanted).verdict == RECORDED
    assert result_of(7.0, quick=True, **wanted).verdict == MISSED


def test_a_miss_is_measured_once_more_and_longer() -> None:
    # Five bad rounds: the median of three is bad, and that of nine is good.
    figures = chain(repeat(9.0, 5), repeat(1.0))
    passing = Contest("a thing", "ms", lambda: next(figures), lambda: 1.0, at_most=2.0, rounds=3)

    found = run(passing, "sqlite", quick=True)

    assert (found.verdict, found.rounds) == (REACHED, 3 * LONGER)
    assert "measured twice" in report.table([found])
    assert "measured twice" not in report.table([result_of(1.0, at_most=2.0)])


def test_both_sides_take_turns() -> None:
    order: list[str] = []

    def side(name: str) -> Callable[[], float]:
        return lambda: order.append(name) or 1.0  # type: ignore[func-returns-value]

    run(Contest("a thing", "ms", side("ours"), side("floor"), rounds=4), "sqlite", quick=True)

    assert order == ["floor", "ours", "ours", "floor"] * 2


def test_a_round_is_timed() -> None:
    assert 0 < timed(lambda: sum(range(100)), 3)() < 1e6


def test_the_table_and_the_json_say_the_same(tmp_path: Path) -> None:
    found = [result_of(3.0, 1.5, at_most=1.0), result_of(1.0)]
    path = tmp_path / "deep" / "bench.json"

    report.write(found, path)

    head, first, _second = report.table(found).splitlines()
    assert head.split() == ["database", "ours", "floor", "unit", "ratio", "wanted", "verdict"]
    assert "2.00" in first
    assert MISSED in first
    assert [one["ratio"] for one in json.loads(path.read_text(encoding="utf-8"))] == [2.0, 1.0]


def test_nothing_measured_is_no_success() -> None:
    assert report.exit_code([]) == 1
