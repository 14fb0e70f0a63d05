"""Report: the one table of what was measured, the same as JSON, and whether it is good."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tests.benchmarks.harness import MISSED, Result


def table(results: Sequence[Result]) -> str:
    """Return *ours / floor / ratio / wanted / verdict*, a line each."""
    head = ("", "database", "ours", "floor", "unit", "ratio", "wanted", "verdict")
    rows = [head, *(_row(result) for result in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    return "\n".join(_line(row, widths) for row in rows)


def write(results: Sequence[Result], path: Path) -> None:
    """Write the results as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(result) for result in results], indent=1) + "\n", encoding="utf-8")


def exit_code(results: Sequence[Result]) -> int:
    """Return 1 when a ratio missed by more than is allowed for noise, or when nothing was measured."""
    return int(not results or any(result.verdict == MISSED for result in results))


def _row(result: Result) -> tuple[str, ...]:
    return (
        result.name,
        result.database,
        _figure(result.ours),
        _figure(result.floor),
        result.unit,
        f"{result.ratio:.2f}",
        result.wanted,
        result.verdict + (" (measured twice)" if result.is_measured_twice else ""),
    )


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    words, last = 2, len(row) - 1
    cells = [
        text.ljust(width) if column < words or column == last else text.rjust(width)
        for column, (text, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
